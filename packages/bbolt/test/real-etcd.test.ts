/**
 * Against a real etcd, where there is one: what it wrote is read as its own tools read it, and it starts from what the
 * writer made of that, or of nothing. Skipped without the binary.
 */
import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SeededRandom } from '@kontiki/std';
import { nodeFileSystem } from '@kontiki/std/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findEtcd, findEtcdctl, ServerProcess } from '../../../tools/harness/src/index.js';
import {
  DatabaseReader,
  DatabaseWriter,
  fileSink,
  fileSource,
  type Records,
  type WriterOptions,
} from '../src/index.js';
import { bytesOf, latin1 } from '../src/testing/index.js';

const etcd = findEtcd();
const BUCKETS = [
  'alarm',
  'auth',
  'authRevision',
  'authRoles',
  'authUsers',
  'cluster',
  'key',
  'lease',
  'members',
  'members_removed',
  'meta',
];

describe.skipIf(etcd === undefined)(
  etcd === undefined ? 'skipped: there is no etcd to compare with' : 'a real etcd',
  () => {
    let server: ServerProcess;

    beforeAll(async () => {
      server = await ServerProcess.start({ kind: 'etcd' });
      await live(server);
    });
    afterAll(() => server?.dispose());

    it('wrote a database that is read as etcdctl reads it, also after kill -9', async () => {
      const state = await stateOf(server);
      expect(state.kvs.length).toBeGreaterThan(400);
      await server.kill();
      // What was not yet committed there comes back from the log.
      expect((await stateIn(database(server))).kvs.length).toBeGreaterThan(300);
      await server.startAgain();
      await server.stop();
      const found = await stateIn(database(server));
      expect(found.buckets.filter((name) => !BUCKETS.includes(name))).toEqual([]);
      expect(found.buckets).toEqual(expect.arrayContaining(['key', 'lease', 'members', 'meta']));
      expect(found.kvs).toEqual(state.kvs);
      await server.startAgain();
    });

    it.each([{}, { pageSize: 1024, fillPercent: 100 }])(
      'starts from a copy through reader and writer, and goes on with it: %j',
      async (options) => {
        const state = await stateOf(server);
        await server.stop();
        const copied = join(server.directory, 'copy');
        rmSync(copied, { force: true });
        await copy(database(server), copied, options);
        const meant = status('etcdutl', database(server));
        for (const tool of ['etcdutl', 'etcdctl'] as const) {
          expect(status(tool, copied)).toEqual({ ...meant, totalSize: expect.any(Number) });
        }
        rmSync(database(server));
        cpSync(copied, database(server));
        await server.startAgain();
        expect(await stateOf(server)).toEqual(state);
        // Its pages are split, merged and freed by etcd now.
        await live(server);
        ctl('defrag', server);
        await live(server);
        const later = await stateOf(server);
        await server.stop();
        expect((await stateIn(database(server))).kvs).toEqual(later.kvs);
        expect(status('etcdutl', database(server)).revision).toBe(later.revision);
        await server.startAgain();
      },
    );

    it('restores a cluster from a database made of nothing but ordered records', async () => {
      await server.stop();
      const made = join(server.directory, 'made');
      const file = await nodeFileSystem.open(made, 'create');
      const writer = new DatabaseWriter(fileSink(file));
      for (const name of BUCKETS.filter((name) => name !== 'authRevision')) {
        await writer.bucket(bytesOf(name), name === 'key' ? revisions(20_000) : name === 'meta' ? [meta] : []);
      }
      await writer.finish();
      await file.close();
      expect(status('etcdutl', made)).toMatchObject({ revision: 20_001, totalKey: 20_002 });

      rmSync(server.dataDirectory, { recursive: true });
      const flags = [
        '--data-dir',
        server.dataDirectory,
        '--name',
        'default',
        '--initial-cluster',
        `default=${server.peerUrl}`,
      ];
      const restore = ['snapshot', 'restore', made, '--skip-hash-check', ...flags];
      execFileSync(tool('etcdutl'), [...restore, '--initial-advertise-peer-urls', server.peerUrl], quietly);
      await server.startAgain();
      const { kvs } = await stateOf(server);
      expect(kvs).toHaveLength(20_000);
      expect(kvs[12_345]).toMatchObject({
        key: base64('key-00012345'),
        value: base64('value of 12345'),
        mod_revision: 12_347,
      });
      await live(server);
    });
  },
);

interface Kv {
  readonly key: string;
  readonly value: string;
  readonly mod_revision: number;
  readonly create_revision: number;
  readonly version: number;
  readonly lease: string;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const database = (server: ServerProcess): string => join(server.dataDirectory, 'member', 'snap', 'db');
const tool = (name: 'etcdctl' | 'etcdutl'): string =>
  name === 'etcdctl' ? findEtcdctl(etcd)! : join(dirname(findEtcdctl(etcd)!), 'etcdutl');

/** For the tools: nothing to read, what they say to us. */
const quietly: ExecFileSyncOptionsWithStringEncoding = {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'pipe'],
  maxBuffer: 1 << 28,
};

function ctl(command: string, server: ServerProcess, ...rest: string[]): string {
  return execFileSync(tool('etcdctl'), ['--endpoints', server.endpoint, ...command.split(' '), ...rest], quietly);
}

function status(name: 'etcdctl' | 'etcdutl', file: string): { hash: number; revision: number; totalKey: number } {
  return JSON.parse(execFileSync(tool(name), ['snapshot', 'status', file, '-w', 'json'], quietly));
}

/** Some of everything a database is asked to hold: short and long, put over, deleted, leased, compacted. */
async function live(server: ServerProcess): Promise<void> {
  const call = async (path: string, body: object): Promise<Record<string, string>> => {
    const answer = await fetch(`${server.clientUrl}/v3/${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    return (await answer.json()) as Record<string, string>;
  };
  const { ID } = await call('lease/grant', { TTL: 9999 });
  const random = new SeededRandom(5);
  for (let round = 0; round < 40; round++) {
    const keys = new Set(Array.from({ length: 50 }, () => `key-${random.int(2000)}`));
    const success = [...keys].map((key) => ({
      requestPut: {
        key: base64(key),
        value: base64('v'.repeat(random.int(40) === 0 ? random.int(30_000) : random.int(300))),
        ...(random.int(9) === 0 ? { lease: ID } : {}),
      },
    }));
    await call('kv/txn', { success });
    if (round % 6 === 5) {
      const from = random.int(2000);
      await call('kv/deleterange', { key: base64(`key-${from}`), range_end: base64(`key-${from + 40}`) });
    }
  }
  await call('kv/put', { key: base64('long'), value: base64('l'.repeat(900_000)) });
  const { header } = (await call('kv/put', { key: base64('last') })) as unknown as { header: { revision: string } };
  await call('kv/compaction', { revision: Number(header.revision) - 20, physical: true });
}

/** What etcdctl says: the revision, every key, and the hash over all revisions kept. */
async function stateOf(server: ServerProcess): Promise<{ revision: number; kvs: Kv[]; hash: number }> {
  const [answer] = JSON.parse(ctl('endpoint hashkv -w json', server)) as { HashKV: { hash: number } }[];
  const { header, kvs } = parse(ctl('get --prefix -w json', server, ''));
  return {
    revision: header.revision,
    hash: answer!.HashKV.hash,
    kvs: kvs.map((kv) => ({ ...kv, lease: kv.lease ?? '0' })),
  };
}

/** Lease ids are beyond what a number holds. */
function parse(json: string): { header: { revision: number }; kvs: (Kv & { value?: string })[] } {
  const { header, kvs } = JSON.parse(json.replace(/"lease":(\d+)/g, '"lease":"$1"'));
  return { header, kvs: kvs.map((kv: Partial<Kv>) => ({ value: '', ...kv })) };
}

/** The same out of the file, checked. */
async function stateIn(path: string): Promise<{ buckets: string[]; kvs: Kv[] }> {
  const file = await nodeFileSystem.open(path, 'read');
  const reader = await DatabaseReader.open(await fileSource(file));
  await reader.check();
  const live = new Map<string, Kv>();
  for await (const records of reader.records(bytesOf('key'))) {
    for (const [revision, value] of records) {
      const kv = keyValue(Buffer.from(value));
      if (revision.length === 18) live.delete(kv.key);
      else live.set(kv.key, kv);
    }
  }
  const buckets = (await reader.buckets()).map(latin1);
  await file.close();
  const byKey = (a: Kv, b: Kv): number => Buffer.compare(Buffer.from(a.key, 'base64'), Buffer.from(b.key, 'base64'));
  return { buckets, kvs: [...live.values()].sort(byKey) };
}

/** mvccpb.KeyValue: key 1, create_revision 2, mod_revision 3, version 4, value 5, lease 6. */
function keyValue(bytes: Buffer): Kv {
  const fields: (Buffer | bigint | undefined)[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const value = varint();
    fields[tag >> 3] = (tag & 7) === 2 ? bytes.subarray(at, (at += Number(value))) : value;
  }
  const text = (field: number): string => ((fields[field] as Buffer | undefined) ?? Buffer.alloc(0)).toString('base64');
  const number = (field: number): number => Number(fields[field] ?? 0n);
  return {
    key: text(1),
    create_revision: number(2),
    mod_revision: number(3),
    version: number(4),
    value: text(5),
    lease: String(fields[6] ?? 0n),
  };
}

async function copy(from: string, to: string, options: WriterOptions): Promise<void> {
  const [source, sink] = [await nodeFileSystem.open(from, 'read'), await nodeFileSystem.open(to, 'create')];
  const reader = await DatabaseReader.open(await fileSource(source));
  await reader.check();
  const writer = new DatabaseWriter(fileSink(sink), options);
  for (const name of await reader.buckets()) await writer.bucket(name, reader.records(name));
  const { sizeBytes } = await writer.finish();
  await source.close();
  await sink.close();
  expect(readFileSync(to)).toHaveLength(sizeBytes);
}

/** consistent_index and term, as etcd keeps them. */
const meta: Records = [
  [bytesOf('consistent_index'), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 5)],
  [bytesOf('term'), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 2)],
];

/** `count` keys, each put once, from revision 2 on. */
function* revisions(count: number): Generator<Records> {
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
  for (let i = 0; i < count; i++) {
    const revision = Buffer.alloc(17);
    revision.writeBigUInt64BE(BigInt(i + 2));
    revision[8] = 0x5f;
    const [key, value] = [Buffer.from(`key-${String(i).padStart(8, '0')}`), Buffer.from(`value of ${i}`)];
    const numbers = [0x10, ...varint(i + 2), 0x18, ...varint(i + 2), 0x20, 1];
    yield [[revision, Buffer.from([0x0a, key.length, ...key, ...numbers, 0x2a, value.length, ...value])]];
  }
}
