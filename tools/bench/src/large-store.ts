import { Client, type ServerKind, ServerProcess } from '../../harness/src/index.js';
import { randomValue } from './loads.js';
import { usageOf } from './process-usage.js';
import { spread } from './spread.js';

/** A store of many keys of 256 B, on one server. */
export interface LargeStore {
  readonly server: ServerKind;
  readonly keys: number;
  readonly loadSeconds: number;
  /** Resident memory after loading, and after the restart. */
  readonly loadedBytes: number;
  readonly restartedBytes: number;
  /** One page of 500 keys with the count of all that follow; median. */
  readonly pageMs: number;
  readonly snapshotSeconds: number;
  readonly snapshotBytes: number;
  /** From the start of the process to the first linearizable answer. */
  readonly restartMs: number;
}

export interface LargeStoreOptions {
  readonly etcd?: string;
  /** Kontiki's NODE_OPTIONS. */
  readonly nodeOptions?: string;
}

const PREFIX = 'large/';
/** Keys in one transaction. */
const BATCH = 100;
const PAGE_KEYS = 500;
const PAGES = 15;

/** What a store of many keys costs: memory, a page of it, a restart, a snapshot. */
export async function largeStore(kind: ServerKind, keys: number, options: LargeStoreOptions): Promise<LargeStore> {
  const { etcd, nodeOptions } = options;
  const server = await ServerProcess.start({
    kind,
    flags: ['--log-level=warn', '--quota-backend-bytes=8589934592'],
    readyMs: 300_000,
    ...(etcd === undefined ? {} : { etcd }),
    ...(kind === 'etcd' || nodeOptions === undefined ? {} : { env: { NODE_OPTIONS: nodeOptions } }),
  });
  try {
    let client = new Client(server.endpoint);
    const loadSeconds = await seconds(() => fill(client, keys));
    const loadedBytes = usageOf(pidOf(server)).rssBytes;
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
    const restartedBytes = usageOf(pidOf(server)).rssBytes;
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
  return { key: Buffer.from(PREFIX, 'latin1'), rangeEnd: Buffer.from('large0', 'latin1') };
}

function keyOf(index: number): Uint8Array {
  return Buffer.from(`${PREFIX}${String(index).padStart(9, '0')}`, 'latin1');
}

/** Many transactions in flight, each of many puts. */
async function fill(client: Client, keys: number): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < keys) {
      const first = next;
      next = Math.min(keys, first + BATCH);
      const success = Array.from({ length: next - first }, (_, i) => ({
        request: { $case: 'requestPut' as const, value: { key: keyOf(first + i), value: randomValue() } },
      }));
      const reply = await client.kv.txn({ success }, { timeoutMs: 120_000 });
      if (!reply.ok) throw new Error(`a transaction was refused: ${reply.details}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
}

/** One page after another, from all over the store; the median time of one. */
async function readPages(client: Client, keys: number): Promise<number> {
  const times: number[] = [];
  for (let page = 0; page < PAGES; page++) {
    const key = keyOf(Math.floor((page / PAGES) * Math.max(1, keys - PAGE_KEYS)));
    const startedAt = performance.now();
    const reply = await client.kv.range({ ...wholeRange(), key, limit: PAGE_KEYS }, { timeoutMs: 120_000 });
    times.push(performance.now() - startedAt);
    if (!reply.ok) throw new Error(`no page: ${reply.details}`);
    const { kvs, count } = reply.response;
    if (kvs.length !== Math.min(PAGE_KEYS, keys)) throw new Error(`a page of ${kvs.length} keys, ${count} follow`);
  }
  return spread(times).median;
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
