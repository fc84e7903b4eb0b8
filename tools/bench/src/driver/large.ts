import { fromLatin1 } from '@kontiki/std';
import { Client, ServerProcess } from '../../../harness/src/index.js';
import { median } from '../figures.js';
import type { LargeResult } from '../results.js';
import type { BenchOptions } from './bench.js';
import { residentBytes } from './process-usage.js';

const prefix = 'large/';
/** Keys in one transaction. */
const batch = 100;
const pageSize = 500;
const pages = 15;

/** What a store of many keys costs: memory, a page of it, a restart, a snapshot. */
export async function large(kind: ServerProcess['kind'], keys: number, options: BenchOptions): Promise<LargeResult> {
  const server = await ServerProcess.start({
    kind,
    flags: ['--log-level=error', '--quota-backend-bytes=8589934592'],
    readyMs: 300_000,
    ...(options.etcd === undefined ? {} : { etcd: options.etcd }),
  });
  try {
    let client = new Client(server.endpoint);
    const loadSeconds = await seconds(() => fill(client, keys));
    const loadedBytes = residentBytes(pidOf(server));
    const pageMs = await readPages(client, keys);
    let snapshotBytes = 0;
    const snapshotSeconds = await seconds(async () => {
      snapshotBytes = await snapshot(client);
    });
    client.close();
    await server.stop(120_000);
    const restartMs = await server.startAgain();
    client = new Client(server.endpoint);
    const count = await client.kv.range({ ...wholeRange(), countOnly: true });
    client.close();
    if (!count.ok || count.response.count !== keys) throw new Error(`${kind} lost keys over a restart`);
    const restartedBytes = residentBytes(pidOf(server));
    return {
      server: kind,
      keys,
      loadSeconds,
      loadedBytes,
      pageMs,
      snapshotSeconds,
      snapshotBytes,
      restartMs,
      restartedBytes,
    };
  } finally {
    await server.dispose();
  }
}

function wholeRange(): { key: Uint8Array; rangeEnd: Uint8Array } {
  return { key: fromLatin1(prefix), rangeEnd: fromLatin1('large0') };
}

function keyOf(index: number): Uint8Array {
  return fromLatin1(`${prefix}${String(index).padStart(9, '0')}`);
}

/** Many transactions in flight, each of many puts. */
async function fill(client: Client, keys: number): Promise<void> {
  const value = new Uint8Array(256).fill(0x76);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < keys) {
      const first = next;
      next = Math.min(keys, first + batch);
      const success = Array.from({ length: next - first }, (_, i) => ({
        request: { $case: 'requestPut' as const, value: { key: keyOf(first + i), value } },
      }));
      const reply = await client.kv.txn({ success }, { timeoutMs: 120_000 });
      if (!reply.ok) throw new Error(`a transaction was refused: ${reply.details}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
}

/** One page after another, from random places; the median time of one. */
async function readPages(client: Client, keys: number): Promise<number> {
  const times: number[] = [];
  for (let page = 0; page < pages; page++) {
    const key = keyOf(Math.floor((page / pages) * Math.max(1, keys - pageSize)));
    const startedAt = performance.now();
    const reply = await client.kv.range({ ...wholeRange(), key, limit: pageSize }, { timeoutMs: 120_000 });
    times.push(performance.now() - startedAt);
    if (!reply.ok) throw new Error(`no page: ${reply.details}`);
    const { kvs, count } = reply.response;
    if (kvs.length !== Math.min(pageSize, keys)) throw new Error(`a page of ${kvs.length} keys, ${count} follow`);
  }
  return median(times);
}

/** Reads a whole snapshot. @returns its size */
async function snapshot(client: Client): Promise<number> {
  let bytes = 0;
  const stream = client.raw.duplex('/etcdserverpb.Maintenance/Snapshot', (message) => {
    bytes += message.length;
  });
  stream.send(new Uint8Array(0));
  stream.end();
  const { code, details } = await stream.ended;
  if (code !== 0) throw new Error(`no snapshot: ${details}`);
  return bytes;
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1_000;
}

function pidOf(server: ServerProcess): number {
  if (server.pid === undefined) throw new Error(`${server.kind} ended:\n${server.log()}`);
  return server.pid;
}
