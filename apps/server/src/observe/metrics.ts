import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { MvccMetrics } from '@kontiki/mvcc';
import { assert, type Counter, type Gauge, type Histogram } from '@kontiki/std';
import type { PeerMetrics } from '../peers/metrics.js';
import { expose } from './exposition.js';
import { GrpcMetrics } from './grpc-metrics.js';
import { Family, remembered, Value } from './metric-family.js';
import { EXTENSIVE_METRICS, METRICS, PROCESS_METRICS } from './metric-table.js';
import { type ProcessStats, readProcessStats } from './process-stats.js';

/** A gauge that may also be moved, or asked for its number at every scrape. */
export interface LiveGauge extends Gauge, Counter {
  readFrom(source: () => number): void;
}

/** Fits `@kontiki/wal`'s options. */
export interface WalMetrics {
  readonly fsyncSeconds: Histogram;
  readonly writeSeconds: Histogram;
  readonly writtenBytes: Counter;
}

export interface WatchMetrics {
  readonly watchers: LiveGauge;
  readonly slowWatchers: LiveGauge;
  readonly streams: LiveGauge;
  readonly events: Counter;
  readonly pendingEvents: LiveGauge;
}

export interface BackendMetrics {
  readonly commitSeconds: Histogram;
  /** The part of a commit that the database spends. */
  readonly commitWriteSeconds: Histogram;
  readonly defragSeconds: Histogram;
  readonly defragInflight: Gauge;
  readonly hashSeconds: Histogram;
  readonly openReads: LiveGauge;
  readonly sizeBytes: LiveGauge;
  readonly sizeInUseBytes: LiveGauge;
}

export interface LeaseMetrics {
  readonly granted: Counter;
  readonly renewed: Counter;
  readonly revoked: Counter;
  readonly expired: Counter;
  readonly ttlSeconds: Histogram;
}

export interface SnapshotMetrics {
  readonly saveSeconds: Histogram;
  readonly fsyncSeconds: Histogram;
  readonly writeSeconds: Histogram;
  readonly receivedFsyncSeconds: Histogram;
  readonly receivedSaveSeconds: Histogram;
  readonly installing: Gauge;
}

export interface MemberChangeMetrics {
  readonly promoted: Counter;
  /** @param reason why a learner was given no vote */
  notPromoted(reason: string): Counter;
}

export interface RaftMetrics {
  readonly hasLeader: LiveGauge;
  readonly isLeader: LiveGauge;
  readonly isLearner: LiveGauge;
  readonly leaderChanges: Counter;
  readonly proposalsCommitted: LiveGauge;
  readonly proposalsApplied: LiveGauge;
  readonly proposalsPending: LiveGauge;
  readonly proposalsFailed: Counter;
  readonly readIndexesFailed: Counter;
  readonly readIndexesSlow: Counter;
  readonly lateHeartbeats: Counter;
}

export interface ServiceMetrics {
  readonly slowApplies: Counter;
  readonly quotaBytes: LiveGauge;
  readonly authRevision: LiveGauge;
  /** @param op as the request is called: Put, Range, Txn, ... */
  applySeconds(op: string, success: boolean): Histogram;
  rangeSeconds(success: boolean): Histogram;
  /** @param apiVersion as the client says it, `unknown` when it does not; the 65th different one and later are `other` */
  clientRequests(type: 'unary' | 'stream', apiVersion: string): Counter;
  streamFailures(type: 'send' | 'receive', api: 'watch' | 'lease-keepalive'): Counter;
  readonly receivedBytes: Counter;
  readonly sentBytes: Counter;
}

export interface HealthMetrics {
  readonly success: Counter;
  readonly failure: Counter;
  check(type: 'livez' | 'readyz', name: string, passed: boolean): void;
}

/** Names of what runs: constant 1, the name in the label. */
export interface IdentityMetrics {
  serverVersion(version: string): void;
  memberId(hex: string): void;
  /** The old label goes away. */
  clusterVersion(version: string): void;
  featureGate(name: string, stage: string, on: boolean): void;
  alarm(memberHex: string, alarm: string, raised: boolean): void;
}

export interface ScrapeMetrics {
  readonly inFlight: LiveGauge;
  handled(code: 200 | 500 | 503): Counter;
}

/** Every number of one server: handles for those who count, one text for those who ask. */
export interface ServerMetrics {
  readonly wal: WalMetrics;
  readonly mvcc: MvccMetrics;
  readonly watch: WatchMetrics;
  readonly backend: BackendMetrics;
  readonly lease: LeaseMetrics;
  readonly snapshot: SnapshotMetrics;
  readonly raft: RaftMetrics;
  readonly service: ServiceMetrics;
  readonly health: HealthMetrics;
  readonly identity: IdentityMetrics;
  readonly members: MemberChangeMetrics;
  /** @param local this member's id in hexadecimal */
  peers(local: string): PeerMetrics;
  readonly grpc: GrpcMetrics;
  readonly scrape: ScrapeMetrics;
  /** Prometheus' text format, sorted by name. */
  expose(): Promise<string>;
  /** Ends the measuring of the event loop. */
  close(): void;
}

export interface MetricsWorld {
  readonly readStats: () => ProcessStats;
  /** As `process.version`. */
  readonly nodeVersion: string;
}

/** Apply latencies are labelled by the version of the request format; there is one. */
const REQUEST_VERSION = 'v3';
const MAX_API_VERSIONS = 64;
const MAX_API_VERSION_LENGTH = 64;

export function createMetrics(
  options: { readonly extensive: boolean },
  world: MetricsWorld = { readStats: readProcessStats, nodeVersion: process.version },
): ServerMetrics {
  const specs = [...METRICS, ...PROCESS_METRICS, ...(options.extensive ? EXTENSIVE_METRICS : [])];
  const families = new Map(
    specs.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((spec) => [spec.name, new Family(spec)]),
  );
  const family = (name: string): Family => {
    const found = families.get(name);
    assert(found !== undefined, `${name} is in the table of metrics`);
    return found;
  };
  const value = (name: string, ...labels: readonly string[]): LiveGauge => family(name).value(...labels);
  const buckets = (name: string, ...labels: readonly string[]): Histogram => family(name).buckets(...labels);
  const only = (name: string, label: string): void => {
    family(name).clear();
    family(name).value(label).set(1);
  };

  const loop = monitorEventLoopDelay({ resolution: 10 });
  loop.enable();
  /** What the system does not tell is left out. */
  const unknown = new Set<string>();
  const readProcess = (): void => {
    const stats = world.readStats();
    const memory = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const known = (name: string, number: number | undefined): void => {
      if (number === undefined) unknown.add(name);
      else value(name).set(number);
    };
    unknown.clear();
    known('process_max_fds', stats.maxFds);
    known('process_open_fds', stats.openFds);
    known('os_fd_limit', stats.maxFds);
    known('os_fd_used', stats.openFds);
    known('process_virtual_memory_bytes', stats.virtualBytes);
    known('process_virtual_memory_max_bytes', stats.maxVirtualBytes);
    known('process_resident_memory_bytes', memory.rss);
    known('process_start_time_seconds', performance.timeOrigin / 1000);
    known('process_cpu_seconds_total', (user + system) / 1e6);
    known('nodejs_heap_size_total_bytes', memory.heapTotal);
    known('nodejs_heap_size_used_bytes', memory.heapUsed);
    known('nodejs_external_memory_bytes', memory.external);
    known('nodejs_eventloop_lag_p50_seconds', loop.percentile(50) / 1e9);
    known('nodejs_eventloop_lag_p99_seconds', loop.percentile(99) / 1e9);
    known('nodejs_eventloop_lag_max_seconds', loop.max / 1e9);
    loop.reset();
  };

  /** Strangers choose this label: without a bound they could fill the memory with series. */
  const apiVersions = new Set<string>();
  const bounded = (apiVersion: string): string => {
    if (apiVersions.has(apiVersion)) return apiVersion;
    if (apiVersions.size >= MAX_API_VERSIONS || apiVersion.length > MAX_API_VERSION_LENGTH) return 'other';
    apiVersions.add(apiVersion);
    return apiVersion;
  };

  const latency = 'etcd_server_apply_duration_seconds';
  const applied = remembered((op) => buckets(latency, REQUEST_VERSION, op, 'true'));
  const failed = remembered((op) => buckets(latency, REQUEST_VERSION, op, 'false'));
  const ranged = remembered((success) => buckets('etcd_server_range_duration_seconds', success));
  const unary = remembered((version) => value('etcd_server_client_requests_total', 'unary', version));
  const stream = remembered((version) => value('etcd_server_client_requests_total', 'stream', version));

  only('etcd_server_go_version', world.nodeVersion);
  for (const code of ['200', '500', '503']) value('promhttp_metric_handler_requests_total', code);

  return {
    wal: {
      fsyncSeconds: buckets('etcd_disk_wal_fsync_duration_seconds'),
      writeSeconds: buckets('etcd_disk_wal_write_duration_seconds'),
      writtenBytes: value('etcd_disk_wal_write_bytes_total'),
    },
    mvcc: {
      puts: value('etcd_mvcc_put_total'),
      deletes: value('etcd_mvcc_delete_total'),
      ranges: value('etcd_mvcc_range_total'),
      txns: value('etcd_mvcc_txn_total'),
      keys: value('etcd_debugging_mvcc_keys_total'),
      currentRevision: value('etcd_debugging_mvcc_current_revision'),
      compactRevision: value('etcd_debugging_mvcc_compact_revision'),
      putBytes: value('etcd_debugging_mvcc_total_put_size_in_bytes'),
      compactedVersions: value('etcd_debugging_mvcc_db_compaction_keys_total'),
      lastCompaction: value('etcd_debugging_mvcc_db_compaction_last'),
      compactionPauseMs: buckets('etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds'),
      compactionTotalMs: buckets('etcd_debugging_mvcc_db_compaction_total_duration_milliseconds'),
      hashSeconds: buckets('etcd_mvcc_hash_rev_duration_seconds'),
    },
    watch: {
      watchers: value('etcd_debugging_mvcc_watcher_total'),
      slowWatchers: value('etcd_debugging_mvcc_slow_watcher_total'),
      streams: value('etcd_debugging_mvcc_watch_stream_total'),
      events: value('etcd_debugging_mvcc_events_total'),
      pendingEvents: value('etcd_debugging_mvcc_pending_events_total'),
    },
    backend: {
      commitSeconds: buckets('etcd_disk_backend_commit_duration_seconds'),
      commitWriteSeconds: buckets('etcd_debugging_disk_backend_commit_write_duration_seconds'),
      defragSeconds: buckets('etcd_disk_backend_defrag_duration_seconds'),
      defragInflight: value('etcd_disk_defrag_inflight'),
      hashSeconds: buckets('etcd_mvcc_hash_duration_seconds'),
      openReads: value('etcd_mvcc_db_open_read_transactions'),
      sizeBytes: value('etcd_mvcc_db_total_size_in_bytes'),
      sizeInUseBytes: value('etcd_mvcc_db_total_size_in_use_in_bytes'),
    },
    lease: {
      granted: value('etcd_debugging_lease_granted_total'),
      renewed: value('etcd_debugging_lease_renewed_total'),
      revoked: value('etcd_debugging_lease_revoked_total'),
      expired: value('etcd_debugging_server_lease_expired_total'),
      ttlSeconds: buckets('etcd_debugging_lease_ttl_total'),
    },
    snapshot: {
      saveSeconds: buckets('etcd_debugging_snap_save_total_duration_seconds'),
      fsyncSeconds: buckets('etcd_snap_fsync_duration_seconds'),
      writeSeconds: buckets('etcd_disk_backend_snapshot_duration_seconds'),
      receivedFsyncSeconds: buckets('etcd_snap_db_fsync_duration_seconds'),
      receivedSaveSeconds: buckets('etcd_snap_db_save_total_duration_seconds'),
      installing: value('etcd_server_snapshot_apply_in_progress_total'),
    },
    raft: {
      hasLeader: value('etcd_server_has_leader'),
      isLeader: value('etcd_server_is_leader'),
      isLearner: value('etcd_server_is_learner'),
      leaderChanges: value('etcd_server_leader_changes_seen_total'),
      proposalsCommitted: value('etcd_server_proposals_committed_total'),
      proposalsApplied: value('etcd_server_proposals_applied_total'),
      proposalsPending: value('etcd_server_proposals_pending'),
      proposalsFailed: value('etcd_server_proposals_failed_total'),
      readIndexesFailed: value('etcd_server_read_indexes_failed_total'),
      readIndexesSlow: value('etcd_server_slow_read_indexes_total'),
      lateHeartbeats: value('etcd_server_heartbeat_send_failures_total'),
    },
    members: {
      promoted: value('etcd_server_learner_promote_successes'),
      notPromoted: (reason) => value('etcd_server_learner_promote_failures', reason),
    },
    peers: (local) => ({
      active: (remote) => value('etcd_network_active_peers', local, remote),
      known: (remote) => value('etcd_network_known_peers', local, remote),
      disconnected: (remote) => value('etcd_network_disconnected_peers_total', local, remote),
      sentBytes: (remote) => value('etcd_network_peer_sent_bytes_total', remote),
      receivedBytes: (remote) => value('etcd_network_peer_received_bytes_total', remote),
      sentFailures: (remote) => value('etcd_network_peer_sent_failures_total', remote),
      receivedFailures: (remote) => value('etcd_network_peer_received_failures_total', remote),
      roundTripSeconds: (remote) => buckets('etcd_network_peer_round_trip_time_seconds', remote),
      snapshotsSending: (remote) => value('etcd_network_snapshot_send_inflights_total', remote),
      snapshotSent: (remote) => value('etcd_network_snapshot_send_success', remote),
      snapshotSendFailures: (remote) => value('etcd_network_snapshot_send_failures', remote),
      snapshotSendSeconds: (remote) => buckets('etcd_network_snapshot_send_total_duration_seconds', remote),
      snapshotsReceiving: (remote) => value('etcd_network_snapshot_receive_inflights_total', remote),
      snapshotReceived: (remote) => value('etcd_network_snapshot_receive_success', remote),
      snapshotReceiveFailures: (remote) => value('etcd_network_snapshot_receive_failures', remote),
      snapshotReceiveSeconds: (remote) => buckets('etcd_network_snapshot_receive_total_duration_seconds', remote),
    }),
    service: {
      slowApplies: value('etcd_server_slow_apply_total'),
      quotaBytes: value('etcd_server_quota_backend_bytes'),
      authRevision: value('etcd_debugging_auth_revision'),
      applySeconds: (op, success) => (success ? applied : failed)(op),
      rangeSeconds: (success) => ranged(String(success)),
      clientRequests: (type, apiVersion) => (type === 'unary' ? unary : stream)(bounded(apiVersion)),
      streamFailures: (type, api) => value('etcd_network_server_stream_failures_total', type, api),
      receivedBytes: value('etcd_network_client_grpc_received_bytes_total'),
      sentBytes: value('etcd_network_client_grpc_sent_bytes_total'),
    },
    health: {
      success: value('etcd_server_health_success'),
      failure: value('etcd_server_health_failures'),
      check(type, name, passed) {
        value('etcd_server_healthcheck', type, name).set(passed ? 1 : 0);
        value('etcd_server_healthchecks_total', type, name, passed ? 'success' : 'error').add();
      },
    },
    identity: {
      serverVersion: (version) => only('etcd_server_version', version),
      memberId: (hex) => only('etcd_server_id', hex),
      clusterVersion(version) {
        for (const { cell } of family('etcd_cluster_version').series()) if (cell instanceof Value) cell.set(0);
        value('etcd_cluster_version', version).set(1);
      },
      featureGate: (name, stage, on) => value('etcd_server_feature_enabled', name, stage).set(on ? 1 : 0),
      alarm: (member, alarm, raised) => value('etcd_debugging_server_alarms', member, alarm).set(raised ? 1 : 0),
    },
    grpc: new GrpcMetrics({
      started: family('grpc_server_started_total'),
      received: family('grpc_server_msg_received_total'),
      sent: family('grpc_server_msg_sent_total'),
      handled: family('grpc_server_handled_total'),
      seconds: families.get('grpc_server_handling_seconds'),
    }),
    scrape: {
      inFlight: value('promhttp_metric_handler_requests_in_flight'),
      handled: (code) => value('promhttp_metric_handler_requests_total', String(code)),
    },
    expose() {
      readProcess();
      return expose([...families.values()].filter(({ spec }) => !unknown.has(spec.name)));
    },
    close: () => loop.disable(),
  };
}
