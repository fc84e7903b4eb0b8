import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backend } from '@kontiki/mvcc';
import { openLevelBackend } from '@kontiki/mvcc/level';
import type { SnapshotMessage, SnapshotMeta } from '@kontiki/raft';
import { SeededRandom, silentGauge, silentHistogram, silentLogger } from '@kontiki/std';
import { nodeFileSystem } from '@kontiki/std/node';
import fc from 'fast-check';
import { Level } from 'level';
import { afterAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { BackendSlot } from './backend-slot.js';
import { databaseDirOf, databasesUpTo, unfinishedOf } from './database-dirs.js';
import { MemberSnapshots, type PeerSnapshot } from './snapshots.js';
import { MetaTable } from './tables/meta.js';

const root = mkdtempSync(join(tmpdir(), 'kontiki-snapshots-'));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;

const open = (directory: string): Promise<Backend> =>
  openLevelBackend(new Level(directory, { keyEncoding: 'view', valueEncoding: 'view' }), { clock: new ManualClock() });

class Host {
  readonly directory: string = join(root, String(++folders));
  snapshots!: MemberSnapshots;
  slot!: BackendSlot;

  static async start(): Promise<Host> {
    const host = new Host();
    await nodeFileSystem.makeDirectory(host.directory);
    const path = `${host.directory}/db`;
    host.slot = new BackendSlot(await open(path));
    host.snapshots = new MemberSnapshots({
      fileSystem: nodeFileSystem,
      directory: host.directory,
      backend: host.slot,
      path,
      openBackend: open,
      removeDatabase: (directory) => rm(directory, { recursive: true, force: true }),
      sha256() {
        const hash = createHash('sha256');
        return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() };
      },
      clock: new ManualClock(),
      logger: silentLogger,
      metrics: {
        saveSeconds: silentHistogram,
        fsyncSeconds: silentHistogram,
        writeSeconds: silentHistogram,
        receivedFsyncSeconds: silentHistogram,
        receivedSaveSeconds: silentHistogram,
        installing: silentGauge,
      },
    });
    return host;
  }

  names(): string[] {
    return readdirSync(this.directory).sort();
  }
}

function messageOf(meta: SnapshotMeta): SnapshotMessage {
  return { type: 'snapshot', from: 1n, to: 2n, term: meta.term, snapshot: { meta, data: new Uint8Array(0) } };
}

async function bytesOf({ chunks, release }: Pick<PeerSnapshot, 'chunks' | 'release'>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  await release();
  return Buffer.concat(parts);
}

async function* inPieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function contents(backend: Backend, without: readonly string[] = []): Promise<Record<string, string[]>> {
  const all: Record<string, string[]> = {};
  for (const table of [...backend.tables()].sort()) {
    const records: string[] = [];
    for await (const chunk of backend.scan(table)) {
      for (const [key, value] of chunk) {
        if (!without.includes(Buffer.from(key).toString()))
          records.push(`${Buffer.from(key).toString('hex')}=${Buffer.from(value).toString('hex')}`);
      }
    }
    if (records.length > 0) all[table] = records;
  }
  return all;
}

const record = fc.record({
  table: fc.constantFrom('key', 'lease', 'auth', 'alarm'),
  key: fc.uint8Array({ minLength: 1, maxLength: 20 }),
  value: fc.uint8Array({ maxLength: 6000 }),
});
const meta = (index: number): SnapshotMeta => ({ index, term: 3, confState: { voters: [1n, 2n], learners: [3n] } });

describe('a snapshot', () => {
  it('brings another member the state of the moment it was captured, whatever is written afterwards', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { maxLength: 60 }),
        fc.array(record, { maxLength: 10 }),
        async (before, after) => {
          const [from, to] = [await Host.start(), await Host.start()];
          for (const { table, key, value } of before) from.slot.put(table, key, value);
          new MetaTable(from.slot).saveApplied({ index: 40, term: 3 });
          const expected = await contents(from.slot, ['confState', 'storageVersion']);
          const captured = from.snapshots.capture(meta(40));
          for (const { table, key, value } of after) from.slot.put(table, key, value);
          const sent = await from.snapshots.open(await captured);
          const bytes = await bytesOf(sent);
          expect(bytes).toHaveLength(sent.sizeBytes);
          await to.snapshots.receive(messageOf(meta(40)), inPieces(bytes), sent.sha256);
          const { backend, removeBefore } = await to.snapshots.openReceived(40);
          expect(await contents(backend, ['confState', 'storageVersion'])).toEqual(expected);
          const table = new MetaTable(backend);
          expect(table.applied()).toEqual({ index: 40, term: 3 });
          expect(table.confState()).toEqual({ voters: [1n, 2n], learners: [3n] });
          const old = to.slot.swap(backend);
          await old.close();
          await removeBefore();
          expect(to.names()).toEqual(['db-0000000000000028']);
          await Promise.all([from.slot.close(), to.slot.close()]);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('that was damaged on its way is refused, and leaves nothing', async () => {
    const [from, to] = [await Host.start(), await Host.start()];
    for (let i = 0; i < 50; i++) from.slot.put('key', Uint8Array.of(i), new Uint8Array(300).fill(i));
    const sent = await from.snapshots.open(await from.snapshots.capture(meta(9)));
    const bytes = await bytesOf(sent);
    const random = new SeededRandom(7);
    for (let i = 0; i < 40; i++) {
      const bad = Uint8Array.from(bytes);
      bad[random.int(bad.length)]! ^= 1 << random.int(8);
      await expect(to.snapshots.receive(messageOf(meta(9)), inPieces(bad), sent.sha256)).rejects.toThrow(/SHA-256/);
    }
    await expect(
      to.snapshots.receive(messageOf(meta(9)), inPieces(bytes.subarray(0, 9000)), sent.sha256),
    ).rejects.toThrow();
    // An etcd gives no hash: the file must at least be whole.
    await expect(
      to.snapshots.receive(messageOf(meta(9)), inPieces(bytes.subarray(0, 9000)), undefined),
    ).rejects.toThrow();
    await expect(to.snapshots.receive(messageOf(meta(9)), inPieces(new Uint8Array(0)), undefined)).rejects.toThrow();
    const broken = (async function* () {
      yield bytes.subarray(0, 5000);
      throw new Error('the connection broke');
    })();
    await expect(to.snapshots.receive(messageOf(meta(9)), broken, sent.sha256)).rejects.toThrow('the connection broke');
    expect(to.names()).toEqual(['db']);
    await to.snapshots.receive(messageOf(meta(9)), inPieces(bytes), sent.sha256);
    expect(to.names()).toEqual(['db', 'db-0000000000000009']);
    await Promise.all([from.slot.close(), to.slot.close()]);
  });

  it('of a later state than it was sent for is refused', async () => {
    const [from, to] = [await Host.start(), await Host.start()];
    new MetaTable(from.slot).saveApplied({ index: 41, term: 3 });
    const sent = await from.snapshots.open(await from.snapshots.capture(meta(40)));
    const receiving = to.snapshots.receive(messageOf(meta(40)), sent.chunks, sent.sha256);
    await expect(receiving).rejects.toThrow('has applied entry 41, beyond 40');
    await sent.release();
    await Promise.all([from.slot.close(), to.slot.close()]);
  });

  it('goes when a newer one was captured and nobody reads it any more', async () => {
    const host = await Host.start();
    const first = await host.snapshots.capture(meta(1));
    const reading = await host.snapshots.open(first);
    const second = await host.snapshots.capture(meta(2));
    await expect(host.snapshots.open(first)).rejects.toThrow('not there any more');
    expect(host.names().filter((name) => name.endsWith('.snap.db'))).toHaveLength(2);
    expect(await bytesOf(reading)).toHaveLength(reading.sizeBytes);
    expect(host.names().filter((name) => name.endsWith('.snap.db'))).toHaveLength(1);
    expect((await bytesOf(await host.snapshots.open(second))).length).toBeGreaterThan(0);
    await host.slot.close();
  });

  it('for a client leaves no file behind', async () => {
    const host = await Host.start();
    const file = await host.snapshots.export();
    expect(await bytesOf(file)).toHaveLength(file.sizeBytes);
    expect(host.names()).toEqual(['db']);
    await host.slot.close();
  });

  it('that raft had no use for goes with the next save', async () => {
    const [from, to] = [await Host.start(), await Host.start()];
    const sent = await from.snapshots.open(await from.snapshots.capture(meta(9)));
    await to.snapshots.receive(messageOf(meta(9)), sent.chunks, sent.sha256);
    await to.snapshots.save(meta(8));
    expect(to.names()).toEqual(['db', 'db-0000000000000009']);
    await to.snapshots.save(meta(12));
    expect(to.names()).toEqual(['db']);
    await sent.release();
    await Promise.all([from.slot.close(), to.slot.close()]);
  });
});

describe('databases side by side', () => {
  it('those ahead of the log, and unfinished ones, are not for use', async () => {
    const directory = join(root, String(++folders));
    for (const path of [`${directory}/db`, ...[5, 9, 12].map((index) => databaseDirOf(directory, index))]) {
      await nodeFileSystem.makeDirectory(path);
    }
    const making = unfinishedOf(databaseDirOf(directory, 7));
    await nodeFileSystem.makeDirectory(making);
    expect(await databasesUpTo(nodeFileSystem, directory, 9)).toEqual({
      candidates: [`${directory}/db`, databaseDirOf(directory, 5), databaseDirOf(directory, 9)],
      unfinished: [databaseDirOf(directory, 12), making],
    });
  });

  it('a new member has none and begins with the first', async () => {
    const directory = join(root, String(++folders));
    await nodeFileSystem.makeDirectory(directory);
    expect((await databasesUpTo(nodeFileSystem, directory, 0)).candidates).toEqual([`${directory}/db`]);
    expect(existsSync(`${directory}/db`)).toBe(false);
  });
});
