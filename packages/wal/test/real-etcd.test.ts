/**
 * Against a real etcd, where there is one: its log after SIGKILL in the middle of writes is ours to read, and a log
 * written by us, marks and several segments and all, is one it starts from. Skipped without the binary.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SeededRandom } from '@kontiki/std';
import { nodeFileSystem } from '@kontiki/std/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Wal, type WalRecord } from '../src/index.js';
import { collect, options } from './support.js';

const ETCD = fileURLToPath(new URL('../../../.setup/etcd/usr/bin/etcd', import.meta.url));
const METADATA = 1;
const ENTRY = 2;
const STATE = 3;

let directory: string;
let child: ChildProcess | undefined;
let client: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wal-etcd-'));
});

afterEach(async () => {
  await kill();
  rmSync(directory, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

async function start(data: string, peer: string): Promise<void> {
  client = `http://127.0.0.1:${await freePort()}`;
  child = spawn(
    ETCD,
    ['--data-dir', data, '--log-level', 'error', '--listen-client-urls', client, '--advertise-client-urls', client]
      .concat('--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer)
      .concat('--initial-cluster', `default=${peer}`),
    { stdio: 'ignore' },
  );
  for (;;) {
    const health = await fetch(`${client}/health`).then(
      (answer) => answer.text(),
      () => '',
    );
    if (health.includes('true')) return;
    if (child.exitCode !== null) throw new Error(`etcd ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function kill(): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

async function call(path: string, body: Record<string, string>): Promise<{ count?: string }> {
  const encoded = Object.fromEntries(
    Object.entries(body).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  );
  const answer = await fetch(`${client}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(encoded) });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as { count?: string };
}

/** Puts from many callers at once and kills etcd in the middle of it; answers at least `count` acknowledged keys. */
async function putAndKill(count: number, name: string): Promise<string[]> {
  const acknowledged: string[] = [];
  let killed: Promise<void> | undefined;
  const callers = Array.from({ length: 24 }, async (_, caller) => {
    for (let i = 0; ; i++) {
      const key = `${name}-${caller}-${i}`;
      try {
        await call('put', { key, value: `${key} `.repeat(1 + (i % 200)) });
      } catch (error) {
        if (killed === undefined) throw error;
        return;
      }
      acknowledged.push(key);
      if (acknowledged.length >= count) killed ??= kill();
    }
  });
  await Promise.all(callers);
  await killed;
  return acknowledged;
}

function keysIn(records: readonly WalRecord[]): string {
  return records
    .filter(({ type }) => type === ENTRY)
    .map(({ data }) => Buffer.from(data).toString('latin1'))
    .join('\n');
}

describe.skipIf(!existsSync(ETCD))('a real etcd', () => {
  it('killed under load leaves a log we read to the last acknowledged write, and starts from ours', async () => {
    const data = join(directory, 'theirs');
    const peer = `http://127.0.0.1:${await freePort()}`;
    await start(data, peer);
    const acknowledged = await putAndKill(300, 'first');

    // A copy: opening may repair and marks the end.
    const ours = join(directory, 'ours');
    cpSync(data, ours, { recursive: true });
    const place = { directory: join(ours, 'member/wal') };
    const { wal, records } = await Wal.open(options(nodeFileSystem, place));
    const all = await collect(records);
    await wal.verify();
    await wal.close();
    const found = keysIn(all);
    for (const key of acknowledged) expect(found).toContain(`${key} `);

    // The same records in our own segments, batched any way.
    rmSync(place.directory, { recursive: true });
    const head = (written: readonly WalRecord[]): WalRecord[] =>
      [written.find(({ type }) => type === METADATA), written.findLast(({ type }) => type === STATE)].filter(
        (one) => one !== undefined,
      );
    const written = all.slice(0, 2);
    const copy = await Wal.create({
      ...options(nodeFileSystem, { ...place, segmentBytes: 8_000, head: () => head(written) }),
      initial: all.slice(1, 2),
    });
    const random = new SeededRandom(11);
    for (let at = 2; at < all.length; ) {
      const batch = all.slice(at, at + 1 + random.int(8));
      at += batch.length;
      written.push(...batch);
      const entries = written.filter(({ type }) => type === ENTRY).length;
      await copy.append(batch, { sync: random.int(3) > 0, nextPosition: entries + 1 });
    }
    expect(copy.segments.length).toBeGreaterThan(2);
    await copy.close();

    // Without its database etcd has nothing but the log to know the keys from.
    rmSync(join(ours, 'member/snap/db'));
    await start(ours, peer);
    for (const key of acknowledged) expect(await call('range', { key }), key).toMatchObject({ count: '1' });
    // And goes on in it; killed again, the log is ours to read again.
    const more = await putAndKill(100, 'second');
    const again = await Wal.open(options(nodeFileSystem, place));
    const foundAgain = keysIn(await collect(again.records));
    await again.wal.close();
    for (const key of more) expect(foundAgain).toContain(`${key} `);
  });
});
