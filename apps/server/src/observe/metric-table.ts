import { exponential, type MetricSpec } from './metric-family.js';

type Row = readonly [name: string, help: string, labels?: readonly string[]];

const MS_TO_8S = exponential(0.001, 2, 14);
const APPLY_BUCKETS = exponential(0.0001, 2, 20);

function rows(type: 'counter' | 'gauge', ...list: readonly Row[]): readonly MetricSpec[] {
  return list.map(([name, help, labels]) => ({ name, type, help, ...(labels === undefined ? {} : { labels }) }));
}

function histogram(name: string, buckets: readonly number[], help: string, labels?: readonly string[]): MetricSpec {
  return { name, type: 'histogram', help, buckets, ...(labels === undefined ? {} : { labels }) };
}

const BOTH = ['Local', 'Remote'];
const METHOD = ['grpc_type', 'grpc_service', 'grpc_method'];

function idle(because: string, ...specs: readonly MetricSpec[]): readonly MetricSpec[] {
  return specs.map((spec) => ({ ...spec, idle: because }));
}

/** Served because dashboards ask for the names; what they count does not happen here. */
const IDLE: readonly MetricSpec[] = [
  ...idle(
    'the gRPC proxy is a program of its own',
    ...rows(
      'gauge',
      ['etcd_grpc_proxy_cache_hits_total', 'Answers from the cache of the proxy'],
      ['etcd_grpc_proxy_cache_keys_total', 'Keys in the cache of the proxy'],
      ['etcd_grpc_proxy_cache_misses_total', 'Requests the cache of the proxy had no answer to'],
      ['etcd_grpc_proxy_watchers_coalescing_total', 'Watchers that share one of the proxy'],
    ),
    ...rows('counter', ['etcd_grpc_proxy_events_coalescing_total', 'Events given to several watchers of the proxy']),
  ),
  ...idle(
    'there is no v2 store',
    ...rows('gauge', ['etcd_debugging_store_watchers', 'Watchers of the v2 store']),
    ...rows(
      'counter',
      ['etcd_debugging_store_expires_total', 'Keys of the v2 store that expired'],
      ['etcd_debugging_store_watch_requests_total', 'Watches asked of the v2 store'],
    ),
  ),
  ...idle(
    'the database is not bbolt and has no such phase',
    ...['rebalance', 'spill'].map((phase) =>
      histogram(`etcd_debugging_disk_backend_commit_${phase}_duration_seconds`, MS_TO_8S, `The ${phase} of a commit`),
    ),
  ),
  ...idle(
    'the index is compacted within a compaction of the database, in steps that are counted there',
    histogram(
      'etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds',
      exponential(0.5, 2, 14),
      'How long one step of a compaction of the index took',
    ),
  ),
  ...idle(
    'a raft snapshot is the database itself: nothing is encoded',
    histogram('etcd_debugging_snap_save_marshalling_duration_seconds', MS_TO_8S, 'Encoding raft snapshots'),
  ),
];

/** Every metric a member serves, by the names, types, labels and buckets that boards and alerts for etcd rely on. */
export const METRICS: readonly MetricSpec[] = [
  ...rows(
    'gauge',
    ['etcd_cluster_version', 'Version the members have agreed on; 1 for the one in force', ['cluster_version']],
    ['etcd_debugging_auth_revision', 'Revision of the users and roles'],
    ['etcd_debugging_mvcc_compact_revision', 'Revision of the last compaction'],
    ['etcd_debugging_mvcc_current_revision', 'Revision of the store'],
    ['etcd_debugging_mvcc_db_compaction_last', 'Unix time of the last compaction of the database, 0 before the first'],
    ['etcd_debugging_mvcc_keys_total', 'Keys that exist'],
    ['etcd_debugging_mvcc_pending_events_total', 'Watch events that wait to be sent'],
    ['etcd_debugging_mvcc_slow_watcher_total', 'Watchers that read history to catch up'],
    ['etcd_debugging_mvcc_total_put_size_in_bytes', 'Bytes of keys and values put since the start'],
    ['etcd_debugging_mvcc_watch_stream_total', 'Open watch streams'],
    ['etcd_debugging_mvcc_watcher_total', 'Watchers'],
    ['etcd_debugging_server_alarms', 'Alarms by member; 1 while raised', ['server_id', 'alarm_type']],
    ['etcd_disk_defrag_inflight', '1 while the database is being defragmented'],
    ['etcd_disk_wal_write_bytes_total', 'Bytes written to the write-ahead log'],
    ['etcd_mvcc_db_open_read_transactions', 'Reads of several records of the database that are in progress'],
    ['etcd_mvcc_db_total_size_in_bytes', 'Bytes the database takes on the disk'],
    ['etcd_mvcc_db_total_size_in_use_in_bytes', 'Bytes of the database that hold data'],
    ['etcd_server_feature_enabled', 'Feature gates; 1 for those that are on', ['name', 'stage']],
    ['etcd_server_go_version', 'What runs the server; 1 for the version of Node.js', ['server_go_version']],
    ['etcd_server_has_leader', '1 while a leader is known'],
    ['etcd_server_healthcheck', 'Last result of each health check; 1 when passed', ['type', 'name']],
    ['etcd_server_id', 'Id of this member in hex; 1 for it', ['server_id']],
    ['etcd_server_is_leader', '1 while this member leads'],
    ['etcd_server_is_learner', '1 while this member has no vote'],
    ['etcd_server_proposals_applied_total', 'Log index up to which entries are applied'],
    ['etcd_server_proposals_committed_total', 'Log index up to which entries are committed'],
    ['etcd_server_proposals_pending', 'Proposals that wait for their outcome'],
    ['etcd_server_quota_backend_bytes', 'Size of the database at which writes are refused'],
    ['etcd_server_version', 'Version of etcd whose contract is kept; 1 for it', ['server_version']],
    ['os_fd_limit', 'File descriptors this process may have open'],
    ['os_fd_used', 'File descriptors this process has open'],
  ),
  ...rows(
    'counter',
    ['etcd_debugging_lease_granted_total', 'Leases granted'],
    ['etcd_debugging_lease_renewed_total', 'Leases renewed while this member led'],
    ['etcd_debugging_lease_revoked_total', 'Leases revoked'],
    ['etcd_debugging_mvcc_db_compaction_keys_total', 'Revisions removed by compactions'],
    ['etcd_debugging_mvcc_events_total', 'Events sent to watchers'],
    ['etcd_debugging_server_lease_expired_total', 'Leases that expired while this member led'],
    ['etcd_mvcc_delete_total', 'Deletes applied'],
    ['etcd_mvcc_put_total', 'Puts applied'],
    ['etcd_mvcc_range_total', 'Ranges read'],
    ['etcd_mvcc_txn_total', 'Transactions of several operations'],
    [
      'etcd_network_client_grpc_received_bytes_total',
      'Bytes of messages from clients, without gRPC and HTTP/2 around them',
    ],
    ['etcd_network_client_grpc_sent_bytes_total', 'Bytes of messages to clients, without gRPC and HTTP/2 around them'],
    ['etcd_network_server_stream_failures_total', 'Streams that broke on the way', ['Type', 'API']],
    ['etcd_server_client_requests_total', 'Calls by the version clients say they are', ['type', 'client_api_version']],
    ['etcd_server_health_failures', 'Requests for /health that were answered with a failure'],
    ['etcd_server_health_success', 'Requests for /health that were answered with success'],
    ['etcd_server_healthchecks_total', 'Health checks run', ['type', 'name', 'status']],
    ['etcd_server_leader_changes_seen_total', 'Changes of leader'],
    ['etcd_server_proposals_failed_total', 'Proposals that failed'],
    [
      'etcd_server_read_indexes_failed_total',
      'Linearizable reads that could not be confirmed, each read of a shared round',
    ],
    ['etcd_server_slow_apply_total', 'Applies slower than --warning-apply-duration'],
    ['etcd_server_slow_read_indexes_total', 'Linearizable reads that waited in vain for their confirmation'],
    ['grpc_server_started_total', 'Calls begun', METHOD],
    ['grpc_server_msg_received_total', 'Messages received from clients', METHOD],
    ['grpc_server_msg_sent_total', 'Messages sent to clients', METHOD],
    ['grpc_server_handled_total', 'Calls ended, by their outcome', [...METHOD, 'grpc_code']],
    ['promhttp_metric_handler_requests_total', 'Scrapes by their HTTP status', ['code']],
  ),
  ...rows('gauge', ['promhttp_metric_handler_requests_in_flight', 'Scrapes being answered']),
  ...rows(
    'gauge',
    ['etcd_network_active_peers', '1 while messages go both ways', BOTH],
    ['etcd_network_known_peers', '1 for each other member', BOTH],
    ['etcd_network_snapshot_receive_inflights_total', 'Snapshots coming in', ['From']],
    ['etcd_network_snapshot_send_inflights_total', 'Snapshots going out', ['To']],
    ['etcd_server_snapshot_apply_in_progress_total', '1 while a snapshot from the leader is being installed'],
  ),
  ...rows(
    'counter',
    ['etcd_network_disconnected_peers_total', 'Connections to other members that were lost', BOTH],
    ['etcd_network_peer_received_bytes_total', 'Bytes of messages from other members', ['From']],
    ['etcd_network_peer_received_failures_total', 'Messages from other members that could not be read', ['From']],
    ['etcd_network_peer_sent_bytes_total', 'Bytes of messages to other members', ['To']],
    ['etcd_network_peer_sent_failures_total', 'Messages to other members that were dropped or lost', ['To']],
    ['etcd_network_snapshot_receive_failures', 'Snapshots that did not come in whole', ['From']],
    ['etcd_network_snapshot_receive_success', 'Snapshots received', ['From']],
    ['etcd_network_snapshot_send_failures', 'Snapshots that could not be sent', ['To']],
    ['etcd_network_snapshot_send_success', 'Snapshots sent', ['To']],
    ['etcd_server_heartbeat_send_failures_total', 'Heartbeats the leader sent too late'],
    ['etcd_server_learner_promote_failures', 'Learners that could not be given a vote', ['Reason']],
    ['etcd_server_learner_promote_successes', 'Learners that were given a vote'],
  ),
  histogram(
    'etcd_network_peer_round_trip_time_seconds',
    exponential(0.0001, 2, 16),
    'Asking another member and hearing back',
    ['To'],
  ),
  histogram(
    'etcd_network_snapshot_receive_total_duration_seconds',
    exponential(0.1, 2, 10),
    'Receiving snapshots, until they are on the disk',
    ['From'],
  ),
  histogram(
    'etcd_network_snapshot_send_total_duration_seconds',
    exponential(0.1, 2, 10),
    'Sending snapshots, until the receiver has them',
    ['To'],
  ),
  histogram(
    'etcd_disk_backend_snapshot_duration_seconds',
    exponential(0.01, 2, 17),
    'Writing the database into a file to be sent',
  ),
  histogram('etcd_snap_db_fsync_duration_seconds', MS_TO_8S, 'Forcing received snapshots to the disk'),
  histogram(
    'etcd_snap_db_save_total_duration_seconds',
    exponential(0.1, 2, 10),
    'Taking in received snapshots: checking them and making a database of them',
  ),
  histogram('etcd_debugging_disk_backend_commit_write_duration_seconds', MS_TO_8S, 'Writing part of backend commits'),
  histogram('etcd_debugging_lease_ttl_total', exponential(1, 2, 24), 'Seconds that leases were granted for'),
  histogram(
    'etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds',
    exponential(1, 2, 13),
    'How long one step of a compaction took',
  ),
  histogram(
    'etcd_debugging_mvcc_db_compaction_total_duration_milliseconds',
    exponential(100, 2, 14),
    'How long whole compactions of the database took',
  ),
  histogram('etcd_debugging_snap_save_total_duration_seconds', MS_TO_8S, 'Saving raft snapshots, all of it'),
  histogram('etcd_disk_backend_commit_duration_seconds', MS_TO_8S, 'Backend commits'),
  histogram('etcd_disk_backend_defrag_duration_seconds', exponential(0.1, 2, 13), 'Defragmentations'),
  histogram('etcd_disk_wal_fsync_duration_seconds', MS_TO_8S, 'Forcing the write-ahead log to the disk'),
  histogram('etcd_disk_wal_write_duration_seconds', MS_TO_8S, 'Writing to the write-ahead log'),
  histogram('etcd_mvcc_hash_duration_seconds', exponential(0.01, 2, 15), 'Hashing the whole database'),
  histogram('etcd_mvcc_hash_rev_duration_seconds', exponential(0.01, 2, 15), 'Hashing the history up to a revision'),
  histogram('etcd_server_apply_duration_seconds', APPLY_BUCKETS, 'Applying requests', ['version', 'op', 'success']),
  histogram('etcd_server_range_duration_seconds', APPLY_BUCKETS, 'Reading ranges, once they may be read', ['success']),
  histogram('etcd_snap_fsync_duration_seconds', MS_TO_8S, 'Forcing raft snapshots to the disk: all there is to saving'),
  ...IDLE,
];

/** Served with `--metrics=extensive` alone. */
export const EXTENSIVE_METRICS: readonly MetricSpec[] = [
  histogram(
    'grpc_server_handling_seconds',
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    'From the beginning of a call to its end',
    METHOD,
  ),
];

/** Of the process and what runs it; the first two groups on Linux alone. */
export const PROCESS_METRICS: readonly MetricSpec[] = [
  ...rows(
    'gauge',
    ['process_max_fds', 'File descriptors this process may have open'],
    ['process_open_fds', 'File descriptors this process has open'],
    ['process_virtual_memory_bytes', 'Address space in use'],
    ['process_virtual_memory_max_bytes', 'Address space allowed'],
    ['process_resident_memory_bytes', 'Memory in use'],
    ['process_start_time_seconds', 'Unix time at which the process began'],
    ['nodejs_eventloop_lag_p50_seconds', 'Delay of the event loop since the last scrape, median'],
    ['nodejs_eventloop_lag_p99_seconds', 'Delay of the event loop since the last scrape, 99th percentile'],
    ['nodejs_eventloop_lag_max_seconds', 'Delay of the event loop since the last scrape, the longest'],
    ['nodejs_heap_size_total_bytes', 'JavaScript heap taken from the system'],
    ['nodejs_heap_size_used_bytes', 'JavaScript heap in use'],
    ['nodejs_external_memory_bytes', 'Memory of buffers outside the JavaScript heap'],
  ),
  ...rows('counter', ['process_cpu_seconds_total', 'Processor time used, of user and system']),
];
