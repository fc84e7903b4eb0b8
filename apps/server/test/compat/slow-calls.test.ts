import type { DeepPartial, rpc } from '@kontiki/proto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client, findEtcd, type ServerKind, ServerProcess } from '../../../../tools/harness/src/index.js';

/** What is logged of a slow call is what a real etcd logs of it. etcd 3.5 says it of every call when it debugs. */
const missing = findEtcd() === undefined;
if (missing) console.warn('skipped: no etcd here (tools/setup/install-etcd.sh brings one)');

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
type Op = DeepPartial<rpc.RequestOp>;
const range = (value: Partial<rpc.RangeRequest>): Op => ({ request: { $case: 'requestRange', value } });
const put = (value: Partial<rpc.PutRequest>): Op => ({ request: { $case: 'requestPut', value } });
const del = (value: Partial<rpc.DeleteRangeRequest>): Op => ({ request: { $case: 'requestDeleteRange', value } });
const k = { key: bytes('k') };

/** One call each, the same on both. */
const CALLS: readonly ((client: Client) => Promise<unknown>)[] = [
  ({ kv }) => kv.put({ key: bytes('foo'), value: bytes('secretvalue') }),
  ({ kv }) => kv.put({ key: bytes('a"b\tc\\d\n\r\0\x7f\xff\xc3\xa9'), value: bytes('x'), prevKv: true }),
  ({ kv }) => kv.put({ key: bytes(''), value: bytes('x') }),
  ({ kv }) => kv.put({ ...k, value: bytes('x'), lease: -5n }),
  ({ kv }) => kv.put({ ...k, ignoreValue: true, ignoreLease: true }),
  ({ kv }) => kv.range({ key: bytes('foo') }),
  ({ kv }) =>
    kv.range({ key: bytes('a'), rangeEnd: bytes('z'), limit: 5, sortOrder: 2, sortTarget: 1, serializable: true }),
  ({ kv }) =>
    kv.range({
      key: bytes('\0'),
      rangeEnd: bytes('\0'),
      keysOnly: true,
      minModRevision: 1,
      maxModRevision: 9,
      minCreateRevision: 1,
      maxCreateRevision: 9,
    }),
  ({ kv }) => kv.range({ key: bytes('\0'), rangeEnd: bytes('\0'), countOnly: true }),
  ({ kv }) => kv.range({ key: bytes('foo'), revision: 1000 }),
  ({ kv }) => kv.range({ key: bytes('foo'), revision: -1 }),
  ({ kv }) => kv.txn({}),
  ({ kv }) =>
    kv.txn({
      compare: [
        { ...k, target: 3, result: 3, targetUnion: { $case: 'value', value: bytes('secret') } },
        { ...k, targetUnion: { $case: 'version', value: 0 } },
        { ...k, target: 1, result: 1, targetUnion: { $case: 'createRevision', value: 5 }, rangeEnd: bytes('l') },
        { ...k, target: 2, result: 2, targetUnion: { $case: 'modRevision', value: 7 } },
        { ...k, target: 4, targetUnion: { $case: 'lease', value: -1n } },
        { ...k },
      ],
      success: [put({ ...k, value: bytes('secret') }), range(k)],
      failure: [del(k), range({ ...k, rangeEnd: bytes('z') }), put({ key: bytes('m'), prevKv: true })],
    }),
  ({ kv }) =>
    kv.txn({
      success: [
        {
          request: {
            $case: 'requestTxn',
            value: {
              compare: [{ ...k, target: 3, targetUnion: { $case: 'value', value: bytes('secret') } }],
              success: [put({ key: bytes('n'), value: bytes('secret') })],
              failure: [range(k), del({ ...k, prevKv: true })],
            },
          },
        },
      ],
    }),
  ({ kv }) => kv.txn({ success: [put(k), put(k)] }),
  ({ kv }) => kv.txn({ success: [range({})] }),
  ({ kv }) => kv.deleteRange({ key: bytes('foo'), prevKv: true }),
  ({ kv }) => kv.deleteRange({ key: bytes('\0'), rangeEnd: bytes('\0') }),
  ({ kv }) => kv.compact({ revision: 2 }),
  ({ kv }) => kv.compact({ revision: 2 }),
  ({ lease }) => lease.leaseGrant({ ID: 9n, TTL: 60 }),
  ({ lease }) => lease.leaseTimeToLive({ ID: 9n, keys: true }),
  ({ lease }) => lease.leaseLeases({}),
  ({ lease }) => lease.leaseRevoke({ ID: 9n }),
  ({ cluster }) => cluster.memberList({}),
  ({ maintenance }) => maintenance.status({}),
  ({ maintenance }) => maintenance.alarm({}),
  ({ maintenance }) => maintenance.hashKV({}),
  ({ auth }) => auth.authStatus({}),
];

type Line = Record<string, string | number>;

/** The lines about calls of ours, less what time and place make of them. */
function statsOf(server: ServerProcess): Line[] {
  const lines = server
    .log(1 << 22)
    .split('\n')
    .filter((line) => line.includes('"request stats"'));
  return lines.map((line) => {
    const { level, ts, caller, 'start time': start, 'time spent': spent, remote, ...rest } = JSON.parse(line) as Line;
    expect([level, ts, caller]).toEqual([expect.any(String), expect.any(String), expect.any(String)]);
    expect(start).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/);
    expect(spent).toMatch(/^[\d.]+(ns|µs|ms|s)$/);
    expect(remote).toMatch(/^127\.0\.0\.1:\d+$/);
    return rest;
  });
}

describe.skipIf(missing)('slow calls', () => {
  const servers = {} as Record<ServerKind, ServerProcess>;

  beforeAll(async () => {
    [servers.etcd, servers.kontiki] = await Promise.all([
      ServerProcess.start({ kind: 'etcd', flags: ['--log-level=debug'] }),
      ServerProcess.start({ kind: 'kontiki', flags: ['--warning-unary-request-duration=1ns'] }),
    ]);
  });

  afterAll(async () => {
    await Promise.all(Object.values(servers).map((server) => server.dispose()));
  });

  it('are logged in the words of etcd, without any value', async () => {
    const logs = await Promise.all(
      [servers.etcd, servers.kontiki].map(async (server) => {
        const before = statsOf(server).length;
        const client = new Client(server.endpoint);
        for (const call of CALLS) await call(client);
        client.close();
        await expect.poll(() => statsOf(server).length - before, { timeout: 10_000 }).toBe(CALLS.length);
        const told = statsOf(server).map((line) => line['request content']);
        expect(told.filter((content) => String(content).includes('secret'))).toEqual([]);
        return statsOf(server).slice(before);
      }),
    );
    // Ids in the header have other lengths on the two.
    const near = (line: Line): Line => ({ ...line, 'response size': Math.sign(line['response size'] as number) });
    const [wanted, got] = logs.map((lines) => lines.map(near));
    expect(got).toEqual(wanted);
  });
});
