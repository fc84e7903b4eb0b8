/**
 * Where the numbers of `/metrics` come from: what is counted as it happens, and what is asked for at each scrape.
 */
import { MvccError, type WatchStatus } from '@kontiki/mvcc';
import { rpc } from '@kontiki/proto';
import type { Logger } from '@kontiki/std';
import { CORRUPT } from './apply/alarms.js';
import { type Outcome, operationName } from './apply/state-machine.js';
import { hexId } from './cluster/member-id.js';
import { ETCD_VERSION } from './cluster/version.js';
import { formatDuration } from './config/duration.js';
import { FEATURE_GATES } from './config/feature-gates.js';
import type { ServerOptions } from './config/options.js';
import type { MemberMetrics } from './member/world.js';
import type { Member } from './member.js';
import type { ServerMetrics } from './observe/metrics.js';
import type { RpcMetrics } from './rpc/interceptors.js';

const MS = 1000;

/** Counters a member is opened with. */
export function memberMetrics(metrics: ServerMetrics, options: ServerOptions, logger: Logger): MemberMetrics {
  return {
    mvcc: metrics.mvcc,
    wal: metrics.wal,
    database: metrics.backend,
    snapshots: metrics.snapshot,
    reads: { failed: metrics.raft.readIndexesFailed, timedOut: metrics.raft.readIndexesSlow },
    leaseExpired: metrics.lease.expired,
    lateHeartbeats: metrics.raft.lateHeartbeats,
    members: metrics.members,
    applied(request, outcome, tookMs) {
      const operation = operationName(request);
      metrics.service.applySeconds(operation, outcome.ok || isCompacted(outcome)).observe(tookMs / MS);
      if (outcome.ok && request.leaseGrant !== undefined) {
        metrics.lease.granted.add();
        metrics.lease.ttlSeconds.observe(request.leaseGrant.TTL);
      }
      if (outcome.ok && request.leaseRevoke !== undefined) metrics.lease.revoked.add();
      if (tookMs > options.tuning.warningApplyDurationMs) {
        metrics.service.slowApplies.add();
        logger.warn('apply request took too long', {
          took: formatDuration(tookMs),
          'expected-duration': formatDuration(options.tuning.warningApplyDurationMs),
          operation,
        });
      }
    },
    alarm({ memberID, alarm }, raised) {
      metrics.identity.alarm(hexId(memberID), alarm === CORRUPT ? 'CORRUPT' : 'NOSPACE', raised);
    },
  };
}

/** What a server was told at its start and shows among its numbers. */
export function showOptions(metrics: ServerMetrics, options: ServerOptions): void {
  for (const [gate, on] of options.featureGates) {
    metrics.identity.featureGate(gate, FEATURE_GATES.get(gate)!.stage, on);
  }
}

/** Somebody compacted as far before: etcd does not take that for a failure to apply. */
function isCompacted(outcome: Outcome): boolean {
  return !outcome.ok && outcome.error instanceof MvccError && outcome.error.code === 'COMPACTED';
}

/** Numbers that are read off the running member at each scrape. */
export function readFromMember(metrics: ServerMetrics, member: Member): void {
  const { node, driver, leadership, proposer } = member;
  const { raft, backend, service, watch, identity } = metrics;
  raft.hasLeader.readFrom(() => (node.hasLeader ? 1 : 0));
  raft.isLeader.readFrom(() => (node.isLeader ? 1 : 0));
  raft.isLearner.readFrom(() => (node.isLearner ? 1 : 0));
  raft.proposalsCommitted.readFrom(() => driver.status().commit);
  raft.proposalsApplied.readFrom(() => driver.applied.value);
  raft.proposalsPending.readFrom(() => proposer.pending);
  if (leadership.changes > 0) raft.leaderChanges.add(leadership.changes);
  leadership.onChange(({ leader }) => {
    if (leader !== 0n) raft.leaderChanges.add();
  });
  proposer.onFailed(() => raft.proposalsFailed.add());
  backend.sizeBytes.readFrom(() => node.database.sizeBytes());
  backend.sizeInUseBytes.readFrom(() => node.database.sizeInUseBytes());
  service.quotaBytes.readFrom(() => node.quota.limitBytes ?? 0);
  service.authRevision.set(1);
  const watching = (): WatchStatus => node.store.watchStatus;
  watch.watchers.readFrom(() => watching().watchers);
  watch.slowWatchers.readFrom(() => watching().lagging);
  watch.pendingEvents.readFrom(() => watching().pendingEvents);
  identity.serverVersion(ETCD_VERSION);
  identity.memberId(hexId(node.memberId));
  // The label has no patch level: "3.6" of "3.6.0".
  node.membership.onClusterVersion((version) => identity.clusterVersion(version.split('.').slice(0, 2).join('.')));
}

/** Streams whose failures are counted, by what their label says. */
const COUNTED_STREAMS: ReadonlyMap<string, 'watch' | 'lease-keepalive'> = new Map([
  [rpc.WatchDefinition.methods.watch.path, 'watch'],
  [rpc.LeaseDefinition.methods.leaseKeepAlive.path, 'lease-keepalive'],
]);

/** What gRPC calls count. */
export function rpcMetrics(metrics: ServerMetrics, nowMs: () => number): RpcMetrics {
  return {
    ...metrics.grpc.counter(nowMs),
    clientRequest: (kind, version) => metrics.service.clientRequests(kind, version).add(),
    streamFailed(kind, method) {
      const api = COUNTED_STREAMS.get(method.path);
      if (api !== undefined) metrics.service.streamFailures(kind, api).add();
    },
    receivedBytes: metrics.service.receivedBytes,
    sentBytes: metrics.service.sentBytes,
  };
}
