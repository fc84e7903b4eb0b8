import { assert } from '@kontiki/std';
import { type FeatureGate, resolveFeatureGates } from './feature-gates.js';
import type { FlagValues } from './flags.js';
import type { ServerOptions } from './options.js';
import type { Parsed } from './parsed.js';
import type { Warning } from './settings.js';
import { isReachable } from './urls.js';
import { compactionPolicy, logOutputs, logRotation } from './validate.js';

const DEFAULT_QUOTA_BYTES = 2 * 1024 ** 3;
const LARGEST_TRIED_QUOTA_BYTES = 8 * 1024 ** 3;
const LARGEST_TRIED_REQUEST_BYTES = 10 * 1024 ** 2;
const DEFAULT_BATCH_INTERVAL_MS = 100;
const DEFAULT_BATCH_LIMIT = 10_000;
/** Below this a member that is merely slow would be taken for one that is gone. */
const MIN_RAFT_TIMEOUT_MS = 5000;

/** @param flags validated: see `validate` */
export function buildOptions(flags: FlagValues): ServerOptions {
  const peerUrls = flags['initial-advertise-peer-urls'].map((url) => url.text);
  const electionMs = flags['election-timeout'];
  const heartbeatMs = flags['heartbeat-interval'];
  const quota = flags['quota-backend-bytes'];
  const intervalMs = flags['grpc-keepalive-interval'];
  const timeoutMs = flags['grpc-keepalive-timeout'];
  const featureGates = sure(resolveFeatureGates(flags['feature-gates']));
  const on = (gate: FeatureGate): boolean => featureGates.get(gate) === true;
  return {
    member: {
      name: flags.name,
      dataDirectory: flags['data-dir'] === '' ? `${flags.name}.etcd` : flags['data-dir'],
      walDirectory: flags['wal-dir'] === '' ? undefined : flags['wal-dir'],
      sync: !flags['unsafe-no-fsync'],
      heartbeatMs,
      electionMs,
      initialElectionTickAdvance: flags['initial-election-tick-advance'],
      preVote: flags['pre-vote'],
      snapshotEveryEntries: flags['snapshot-count'],
      snapshotCatchUpEntries: flags['snapshot-catchup-entries'],
      maxWalFiles: flags['max-wals'],
      raftReadTimeoutMs: Math.max(flags['raft-read-timeout'], MIN_RAFT_TIMEOUT_MS),
      raftWriteTimeoutMs: Math.max(flags['raft-write-timeout'], MIN_RAFT_TIMEOUT_MS),
    },
    listening: {
      peerUrls: flags['listen-peer-urls'],
      clientUrls: flags['listen-client-urls'],
      clientHttpUrls: flags['listen-client-http-urls'],
      metricsUrls: flags['listen-metrics-urls'],
      corsOrigins: unlessAll(flags.cors),
      hostWhitelist: unlessAll(flags['host-whitelist']),
    },
    advertise: { peerUrls, clientUrls: flags['advertise-client-urls'].map((url) => url.text) },
    clustering: {
      initialCluster:
        flags['initial-cluster'] === ''
          ? peerUrls.map((url) => `${flags.name}=${url}`).join(',')
          : flags['initial-cluster'],
      initialClusterState: flags['initial-cluster-state'],
      initialClusterToken: flags['initial-cluster-token'],
      strictReconfigCheck: flags['strict-reconfig-check'],
      maxLearners: flags['max-learners'],
      forceNewCluster: flags['force-new-cluster'],
    },
    logging: {
      level: flags['log-level'],
      format: flags['log-format'],
      outputs: sure(logOutputs(flags['log-outputs'])),
      rotation: sure(logRotation(flags)),
    },
    limits: {
      quotaBackendBytes: quota < 0 ? undefined : quota === 0 ? DEFAULT_QUOTA_BYTES : quota,
      maxTxnOps: flags['max-txn-ops'],
      maxRequestBytes: flags['max-request-bytes'],
      maxConcurrentStreams: flags['max-concurrent-streams'],
      grpcKeepAlive: intervalMs > 0 && timeoutMs > 0 ? { intervalMs, timeoutMs } : undefined,
      grpcMinPingIntervalMs: flags['grpc-keepalive-min-time'],
      requestTimeoutMs: 5000 + 2 * electionMs,
      minLeaseTtlSeconds: minLeaseTtlSeconds(electionMs, heartbeatMs),
    },
    leases: { checkpoint: on('LeaseCheckpoint'), checkpointPersist: on('LeaseCheckpointPersist') },
    compaction: {
      policy: sure(compactionPolicy(flags['auto-compaction-mode'], flags['auto-compaction-retention'])),
      batchLimit: flags['compaction-batch-limit'],
      pauseMs: flags['compaction-sleep-interval'],
    },
    tuning: {
      backendBatchIntervalMs: flags['backend-batch-interval'] || DEFAULT_BATCH_INTERVAL_MS,
      backendBatchLimit: flags['backend-batch-limit'] || DEFAULT_BATCH_LIMIT,
      watchProgressNotifyIntervalMs: flags['watch-progress-notify-interval'],
      warningApplyDurationMs: flags['warning-apply-duration'],
      warningUnaryRequestDurationMs: flags['warning-unary-request-duration'],
      bootstrapDefragThresholdMegabytes: flags['bootstrap-defrag-threshold-megabytes'],
      initialCorruptCheck: on('InitialCorruptCheck'),
      corruptCheckIntervalMs: flags['corrupt-check-time'],
      compactHashCheck: on('CompactHashCheck'),
      compactHashCheckIntervalMs: flags['compact-hash-check-time'],
    },
    metrics: { extensive: flags.metrics === 'extensive' },
    featureGates,
  };
}

/** As etcd counts: half more than an election in whole heartbeats, rounded up to seconds. */
function minLeaseTtlSeconds(electionMs: number, heartbeatMs: number): number {
  const electionTicks = Math.floor(electionMs / heartbeatMs);
  return Math.ceil((Math.floor((3 * electionTicks) / 2) * heartbeatMs) / 1000);
}

/** What is allowed and still worth a word. */
export function advice(options: ServerOptions): readonly Warning[] {
  const warnings: Warning[] = [];
  const { quotaBackendBytes, maxRequestBytes } = options.limits;
  if (quotaBackendBytes !== undefined && quotaBackendBytes > LARGEST_TRIED_QUOTA_BYTES) {
    warnings.push({
      message: 'quota exceeds the maximum value',
      fields: { 'quota-size-bytes': quotaBackendBytes, 'quota-maximum-size-bytes': LARGEST_TRIED_QUOTA_BYTES },
    });
  }
  if (maxRequestBytes > LARGEST_TRIED_REQUEST_BYTES) {
    warnings.push({
      message: 'exceeded recommended request limit',
      fields: { 'max-request-bytes': maxRequestBytes, 'recommended-request-bytes': LARGEST_TRIED_REQUEST_BYTES },
    });
  }
  const open = [...options.listening.clientUrls, ...options.listening.clientHttpUrls].filter(isReachable);
  if (open.length > 0) {
    warnings.push({
      message: 'serving clients of other machines without TLS; anybody who reaches the address can read and write',
      fields: { 'listen-client-urls': open.map((url) => url.text) },
    });
  }
  return warnings;
}

function unlessAll(names: readonly string[]): readonly string[] | undefined {
  return names.length === 0 || names.includes('*') ? undefined : names;
}

/** What `validate` has let through cannot fail here. */
function sure<T>(parsed: Parsed<T>): T {
  assert('value' in parsed, 'options are built from validated flags');
  return parsed.value;
}
