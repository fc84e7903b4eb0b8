import { afterEach, describe, expect, it } from 'vitest';
import { createMetrics, type MetricsWorld, type ServerMetrics } from './metrics.js';

const WORLD: MetricsWorld = {
  readStats: () => ({ maxFds: 1024, openFds: 7, virtualBytes: 4096, maxVirtualBytes: 2 ** 64 }),
  nodeVersion: 'v20.0.0',
};
const opened: ServerMetrics[] = [];

function create(extensive = false, world: MetricsWorld = WORLD): ServerMetrics {
  const metrics = createMetrics({ extensive }, world);
  opened.push(metrics);
  return metrics;
}
afterEach(() => {
  for (const metrics of opened.splice(0)) metrics.close();
});

const lines = async (metrics: ServerMetrics, pattern: RegExp): Promise<readonly string[]> =>
  (await metrics.expose()).split('\n').filter((line) => pattern.test(line));

/** What etcd 3.6 answers from a single member before anything happened, less `go_` and the network of the host. */
const AT_START = `etcd_debugging_auth_revision etcd_debugging_disk_backend_commit_rebalance_duration_seconds
etcd_debugging_disk_backend_commit_spill_duration_seconds etcd_debugging_disk_backend_commit_write_duration_seconds
etcd_debugging_lease_granted_total etcd_debugging_lease_renewed_total etcd_debugging_lease_revoked_total
etcd_debugging_lease_ttl_total etcd_debugging_mvcc_compact_revision etcd_debugging_mvcc_current_revision
etcd_debugging_mvcc_db_compaction_keys_total etcd_debugging_mvcc_db_compaction_last
etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds
etcd_debugging_mvcc_db_compaction_total_duration_milliseconds etcd_debugging_mvcc_events_total
etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds etcd_debugging_mvcc_keys_total
etcd_debugging_mvcc_pending_events_total etcd_debugging_mvcc_slow_watcher_total
etcd_debugging_mvcc_total_put_size_in_bytes etcd_debugging_mvcc_watch_stream_total etcd_debugging_mvcc_watcher_total
etcd_debugging_server_lease_expired_total etcd_debugging_snap_save_marshalling_duration_seconds
etcd_debugging_snap_save_total_duration_seconds etcd_debugging_store_expires_total
etcd_debugging_store_watch_requests_total etcd_debugging_store_watchers etcd_disk_backend_commit_duration_seconds
etcd_disk_backend_defrag_duration_seconds etcd_disk_backend_snapshot_duration_seconds etcd_disk_defrag_inflight
etcd_disk_wal_fsync_duration_seconds etcd_disk_wal_write_bytes_total etcd_disk_wal_write_duration_seconds
etcd_grpc_proxy_cache_hits_total etcd_grpc_proxy_cache_keys_total etcd_grpc_proxy_cache_misses_total
etcd_grpc_proxy_events_coalescing_total etcd_grpc_proxy_watchers_coalescing_total etcd_mvcc_db_open_read_transactions
etcd_mvcc_db_total_size_in_bytes etcd_mvcc_db_total_size_in_use_in_bytes etcd_mvcc_delete_total
etcd_mvcc_hash_duration_seconds etcd_mvcc_hash_rev_duration_seconds etcd_mvcc_put_total etcd_mvcc_range_total
etcd_mvcc_txn_total etcd_network_client_grpc_received_bytes_total etcd_network_client_grpc_sent_bytes_total
etcd_server_go_version etcd_server_has_leader etcd_server_health_failures etcd_server_health_success
etcd_server_heartbeat_send_failures_total etcd_server_is_leader etcd_server_is_learner
etcd_server_leader_changes_seen_total etcd_server_learner_promote_successes etcd_server_proposals_applied_total
etcd_server_proposals_committed_total etcd_server_proposals_failed_total etcd_server_proposals_pending
etcd_server_quota_backend_bytes etcd_server_read_indexes_failed_total etcd_server_slow_apply_total
etcd_server_slow_read_indexes_total etcd_server_snapshot_apply_in_progress_total etcd_snap_db_fsync_duration_seconds
etcd_snap_db_save_total_duration_seconds etcd_snap_fsync_duration_seconds os_fd_limit os_fd_used
process_cpu_seconds_total process_max_fds process_open_fds process_resident_memory_bytes process_start_time_seconds
process_virtual_memory_bytes process_virtual_memory_max_bytes promhttp_metric_handler_requests_in_flight
promhttp_metric_handler_requests_total`.split(/\s+/);

describe('metrics', () => {
  it('has every name a fresh member has, sorted', async () => {
    const names = (await lines(create(), /^# TYPE/)).map((line) => line.split(' ')[2]!);
    expect(names.filter((name) => !name.startsWith('nodejs_'))).toEqual(AT_START);
    expect(names).toEqual([...names].sort());
  });

  it('shows names of what runs as labels', async () => {
    const metrics = create();
    metrics.identity.serverVersion('3.6.14');
    metrics.identity.memberId('2e1259d415f2a040');
    metrics.identity.clusterVersion('3.5');
    metrics.identity.clusterVersion('3.6');
    metrics.identity.featureGate('CompactHashCheck', 'ALPHA', false);
    metrics.identity.alarm('2e', 'NOSPACE', true);
    metrics.identity.alarm('2e', 'NOSPACE', false);
    expect(await lines(metrics, /^etcd_\w+(version|_id|enabled|alarms)\{/)).toEqual([
      'etcd_cluster_version{cluster_version="3.5"} 0',
      'etcd_cluster_version{cluster_version="3.6"} 1',
      'etcd_debugging_server_alarms{alarm_type="NOSPACE",server_id="2e"} 0',
      'etcd_server_feature_enabled{name="CompactHashCheck",stage="ALPHA"} 0',
      'etcd_server_go_version{server_go_version="v20.0.0"} 1',
      'etcd_server_id{server_id="2e1259d415f2a040"} 1',
      'etcd_server_version{server_version="3.6.14"} 1',
    ]);
  });

  it('asks a gauge at the scrape, not before', async () => {
    const metrics = create();
    let revision = 1;
    let asked = 0;
    metrics.mvcc.keys.set(3);
    metrics.raft.proposalsApplied.readFrom(() => {
      asked++;
      return revision;
    });
    revision = 42;
    expect(asked).toBe(0);
    expect(await lines(metrics, /^etcd_(server_proposals_applied|debugging_mvcc_keys)_total/)).toEqual([
      'etcd_debugging_mvcc_keys_total 3',
      'etcd_server_proposals_applied_total 42',
    ]);
  });

  it('counts calls by method, every outcome from 0', async () => {
    const metrics = create();
    const range = { name: 'Range', requestStream: false, responseStream: false };
    const watch = { name: 'Watch', requestStream: true, responseStream: true };
    const snapshot = { name: 'Snapshot', requestStream: false, responseStream: true };
    metrics.grpc.register({ fullName: 'etcdserverpb.KV', methods: { range } });
    metrics.grpc.register({ fullName: 'etcdserverpb.Watch', methods: { watch } });
    metrics.grpc.register({ fullName: 'etcdserverpb.Maintenance', methods: { snapshot } });
    const calls = metrics.grpc.counter(() => 2000);
    calls.started('etcdserverpb.KV', range);
    calls.handled('etcdserverpb.KV', range, 0, 1000);
    calls.handled('etcdserverpb.KV', range, 99, 1000);
    expect(await lines(metrics, /^grpc_server_(started|handled)_total\{.*"Range"/)).toHaveLength(1 + 17);
    expect(await lines(metrics, /^grpc_server_\w+ .*|^grpc_server_\w+\{.*[1-9]$/)).toEqual([
      'grpc_server_handled_total{grpc_code="OK",grpc_method="Range",grpc_service="etcdserverpb.KV",grpc_type="unary"} 1',
      'grpc_server_handled_total{grpc_code="Unknown",grpc_method="Range",grpc_service="etcdserverpb.KV",grpc_type="unary"} 1',
      'grpc_server_started_total{grpc_method="Range",grpc_service="etcdserverpb.KV",grpc_type="unary"} 1',
    ]);
    expect(
      (await lines(metrics, /^grpc_server_started_total/)).map((line) => /grpc_type="(\w+)"/.exec(line)?.[1]),
    ).toEqual(['unary', 'server_stream', 'bidi_stream']);
    expect(await lines(metrics, /^grpc_server_handling_seconds/)).toEqual([]);
  });

  it('adds handling times when they are wanted', async () => {
    const metrics = create(true);
    const a = { name: 'A', requestStream: false, responseStream: false };
    metrics.grpc.register({ fullName: 's.S', methods: { a } });
    metrics.grpc.counter(() => 1200).handled('s.S', a, 0, 1000);
    expect(await lines(metrics, /^grpc_server_handling_seconds_bucket.*"0\.25"/)).toEqual([
      'grpc_server_handling_seconds_bucket{grpc_method="A",grpc_service="s.S",grpc_type="unary",le="0.25"} 1',
    ]);
  });

  it('labels latencies by operation and success', async () => {
    const metrics = create();
    expect(metrics.service.applySeconds('Put', true)).toBe(metrics.service.applySeconds('Put', true));
    metrics.service.applySeconds('Put', true).observe(0.0002);
    metrics.service.rangeSeconds(false).observe(1);
    metrics.service.clientRequests('unary', '3.6').add();
    metrics.service.streamFailures('receive', 'watch').add();
    metrics.health.check('readyz', 'non_learner', false);
    expect(
      (await lines(metrics, /_count\{|^etcd_server_(client|healthch)|stream_failures_total\{/)).filter(
        (l) => l[0] !== '#',
      ),
    ).toEqual([
      'etcd_network_server_stream_failures_total{API="watch",Type="receive"} 1',
      'etcd_server_apply_duration_seconds_count{op="Put",success="true",version="v3"} 1',
      'etcd_server_client_requests_total{client_api_version="3.6",type="unary"} 1',
      'etcd_server_healthcheck{name="non_learner",type="readyz"} 0',
      'etcd_server_healthchecks_total{name="non_learner",status="error",type="readyz"} 1',
      'etcd_server_range_duration_seconds_count{success="false"} 1',
    ]);
  });

  it('does not let strangers make series without end', async () => {
    const metrics = create();
    for (let i = 0; i < 1000; i++) metrics.service.clientRequests('unary', `v${i}`).add();
    metrics.service.clientRequests('unary', 'x'.repeat(1000)).add();
    const series = await lines(metrics, /^etcd_server_client_requests_total\{/);
    expect(series).toHaveLength(65);
    expect(series).toContain('etcd_server_client_requests_total{client_api_version="other",type="unary"} 937');
  });

  it('tells of the process what the system tells, and leaves out what it does not', async () => {
    expect(await lines(create(), /^(process_(max|open)|os_fd)/)).toEqual([
      'os_fd_limit 1024',
      'os_fd_used 7',
      'process_max_fds 1024',
      'process_open_fds 7',
    ]);
    const blind = {
      readStats: () => ({ maxFds: undefined, openFds: undefined, virtualBytes: undefined, maxVirtualBytes: undefined }),
    };
    const metrics = create(false, { ...WORLD, ...blind });
    expect(await lines(metrics, /^(process_(max|open|virt)|os_fd)/)).toEqual([]);
    expect(await lines(metrics, /^process_resident_memory_bytes [1-9]/)).toHaveLength(1);
  });

  it.runIf(process.platform === 'linux')('reads the real figures on Linux', async () => {
    const metrics = createMetrics({ extensive: false });
    opened.push(metrics);
    for (const name of [
      'process_open_fds',
      'process_max_fds',
      'process_virtual_memory_bytes',
      'process_cpu_seconds_total',
    ]) {
      expect(Number((await lines(metrics, new RegExp(`^${name} `)))[0]?.split(' ')[1])).toBeGreaterThan(0);
    }
  });
});
