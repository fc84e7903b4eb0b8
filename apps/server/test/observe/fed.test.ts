import { afterEach, expect, it } from 'vitest';
import type { Client } from '../../../../tools/harness/src/index.js';
import { FEATURE_GATES } from '../../src/config/feature-gates.js';
import { METRICS } from '../../src/observe/metric-table.js';
import { readExposition, type Shown } from '../exposition.js';
import { InProcess } from '../in-process.js';

/** A name in `/metrics` that nothing feeds would be a lie: a server that does everything once moves each of them. */
const disposals: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const step of disposals.splice(0).reverse()) await step();
});

const bytes = (text: string): Uint8Array => Buffer.from(text);

async function ok<T>(reply: Promise<{ ok: true; response: T } | { ok: false; details: string }>): Promise<T> {
  const settled = await reply;
  if (!settled.ok) throw new Error(settled.details);
  return settled.response;
}

/** Not to be seen from outside at will. */
const NOT_SEEN = [
  // Above 0 for moments.
  'etcd_debugging_mvcc_pending_events_total',
  'etcd_debugging_mvcc_slow_watcher_total',
  'etcd_disk_defrag_inflight',
  'etcd_mvcc_db_open_read_transactions',
  'etcd_server_proposals_pending',
  // Needs a member that cannot reach the others.
  'etcd_server_proposals_failed_total',
  'etcd_server_read_indexes_failed_total',
  'etcd_server_slow_read_indexes_total',
  // There is nobody to learn from, and no other member at all: those of a cluster are in test/e2e/cluster.test.ts.
  'etcd_server_is_learner',
  'etcd_server_learner_promote_successes',
  'etcd_network_active_peers',
  'etcd_network_disconnected_peers_total',
  'etcd_network_known_peers',
  'etcd_network_peer_received_bytes_total',
  'etcd_network_peer_received_failures_total',
  'etcd_network_peer_round_trip_time_seconds',
  'etcd_network_peer_sent_bytes_total',
  'etcd_network_peer_sent_failures_total',
  'etcd_network_snapshot_receive_failures',
  'etcd_network_snapshot_receive_inflights_total',
  'etcd_network_snapshot_receive_success',
  'etcd_network_snapshot_receive_total_duration_seconds',
  'etcd_network_snapshot_send_failures',
  'etcd_network_snapshot_send_inflights_total',
  'etcd_network_snapshot_send_success',
  'etcd_network_snapshot_send_total_duration_seconds',
  'etcd_server_snapshot_apply_in_progress_total',
  'etcd_snap_db_fsync_duration_seconds',
  'etcd_snap_db_save_total_duration_seconds',
];
/** Counts only where the machine is loaded. */
const SOMETIMES_SEEN = 'etcd_server_heartbeat_send_failures_total';

it('feeds every metric that is not marked idle, and none that is', async () => {
  const server = await InProcess.start([
    '--snapshot-count=20',
    '--snapshot-catchup-entries=5',
    '--warning-apply-duration=1ns',
    '--heartbeat-interval=20',
    '--election-timeout=100',
    '--backend-batch-interval=10ms',
  ]);
  disposals.push(() => server.dispose());
  const client = server.client();
  disposals.push(() => client.close());

  const watching = await doEverything(client);
  await alarmAndCheckHealth(server, client);
  await server.get('/livez');
  const scrape = async (): Promise<ReadonlyMap<string, Shown>> => readExposition((await server.get('/metrics')).body);
  const value = async (name: string): Promise<number | undefined> => (await scrape()).get(name)?.series.get('');
  await expect.poll(() => value('etcd_debugging_server_lease_expired_total'), { timeout: 20_000 }).toBe(1);
  const shown = await scrape();
  watching.cancel();

  const moved = ({ series }: Shown): boolean => [...series.values()].some((value) => value > 0);
  const names = (idle: boolean): string[] =>
    METRICS.filter((spec) => (spec.idle !== undefined) === idle).map(({ name }) => name);
  const feedable = names(false).filter((name) => name !== SOMETIMES_SEEN);
  const still = feedable.filter((name) => shown.get(name) === undefined || !moved(shown.get(name)!));
  expect(still.sort()).toEqual(NOT_SEEN.toSorted());
  expect(names(true).filter((name) => shown.has(name) && moved(shown.get(name)!))).toEqual([]);

  const gates = [...shown.get('etcd_server_feature_enabled')!.series.keys()].map(
    (text) => /name="(\w+)"/.exec(text)![1],
  );
  expect(gates.sort()).toEqual([...FEATURE_GATES.keys()].sort());
  const ranges = shown.get('etcd_server_range_duration_seconds')!.series;
  expect([...ranges.keys()]).toEqual(['{success="false"}', '{success="true"}']);
  const failures = shown.get('etcd_network_server_stream_failures_total')!.series;
  expect([...failures]).toEqual([
    ['{API="lease-keepalive",Type="receive"}', 1],
    ['{API="watch",Type="receive"}', 1],
  ]);
  // Ten puts were watched from their beginning, one delete behind them.
  expect(shown.get('etcd_debugging_mvcc_events_total')!.series.get('')).toBe(11);
  expect(shown.get('etcd_debugging_mvcc_watch_stream_total')!.series.get('')).toBe(1);
  expect(shown.get('etcd_debugging_lease_renewed_total')!.series.get('')).toBe(1);
  await expect.poll(() => value('etcd_debugging_mvcc_watch_stream_total')).toBe(0);
});

async function doEverything(client: Client): Promise<{ cancel(): void }> {
  let events = 0;
  const watching = client.watch((response) => {
    events += response.events.length;
  });
  watching.send({ requestUnion: { $case: 'createRequest', value: { key: bytes('w/'), rangeEnd: bytes('w0') } } });
  for (let i = 0; i < 10; i++) await ok(client.kv.put({ key: bytes(`w/${i}`), value: bytes('v') }));
  await ok(client.kv.deleteRange({ key: bytes('w/0') }));
  await expect.poll(() => events).toBe(11);

  await ok(client.kv.range({ key: bytes('w/1') }));
  expect((await client.kv.range({ key: bytes('w/1'), revision: 1000 })).ok).toBe(false);
  const put = (key: string): object => ({
    request: { $case: 'requestPut', value: { key: bytes(key), value: bytes('v') } },
  });
  for (let i = 0; i < 10; i++) await ok(client.kv.txn({ success: [put(`t/${i}`), put(`t/${i}-`)] as never }));
  await ok(client.kv.compact({ revision: 15, physical: true }));
  await ok(client.maintenance.hash({}));
  await ok(client.maintenance.hashKV({}));
  await ok(client.maintenance.defragment({}));
  const snapshot = client.raw.duplex('/etcdserverpb.Maintenance/Snapshot', () => {});
  snapshot.send(new Uint8Array(0));
  snapshot.end();
  expect((await snapshot.ended).code).toBe(0);
  expect(await client.cluster.memberPromote({ ID: 404n })).toMatchObject({ ok: false });

  await ok(client.lease.leaseGrant({ ID: 1n, TTL: 1 }));
  await ok(client.lease.leaseGrant({ ID: 2n, TTL: 600 }));
  await ok(client.lease.leaseGrant({ ID: 3n, TTL: 600 }));
  await ok(client.lease.leaseRevoke({ ID: 3n }));
  let ttl: number | undefined;
  const renewals = client.raw.duplex('/etcdserverpb.Lease/LeaseKeepAlive', (answer) => {
    ttl = answer.length;
  });
  renewals.send(Uint8Array.of(0x08, 2));
  renewals.send(Uint8Array.of(0x08, 77));
  await expect.poll(() => ttl).toBeGreaterThan(0);
  renewals.end();
  await renewals.ended;

  // Messages that are none.
  for (const path of ['/etcdserverpb.Watch/Watch', '/etcdserverpb.Lease/LeaseKeepAlive']) {
    const broken = client.raw.duplex(path, () => {});
    broken.send(Uint8Array.of(0x0a, 0xff));
    expect((await broken.ended).code).toBe(13);
  }
  return watching;
}

async function alarmAndCheckHealth(server: InProcess, client: Client): Promise<void> {
  expect((await server.get('/health')).status).toBe(200);
  await ok(client.maintenance.alarm({ action: 1, memberID: 5n, alarm: 1 }));
  expect((await server.get('/health')).status).toBe(503);
  await expect
    .poll(async () => readExposition((await server.get('/metrics')).body).get('etcd_debugging_server_alarms')?.series)
    .toEqual(new Map([['{alarm_type="NOSPACE",server_id="5"}', 1]]));
}
