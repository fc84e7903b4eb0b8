/**
 * Where the numbers of `/metrics` come from: what is counted as it happens, and what is asked for at each scrape.
 */
import type { WatchStatus } from '@kontiki/mvcc';
import type { Logger } from '@kontiki/std';
import { operationName } from './apply/state-machine.js';
import { CORRUPT } from './apply/alarms.js';
import { hexId } from './cluster/member-id.js';
import { ETCD_VERSION } from './cluster/version.js';
import type { ServerOptions } from './config/options.js';
import type { Member, MemberMetrics } from './member.js';
import type { ServerMetrics } from './observe/metrics.js';
import type { RpcMetrics } from './rpc/interceptors.js';

const MS = 1000;

/** Counters a member is opened with. */
export function memberMetrics(metrics: ServerMetrics, options: ServerOptions, logger: Logger): MemberMetrics {
  return {
    mvcc: metrics.mvcc,
    wal: metrics.wal,
    leaseExpired: metrics.lease.expired,
    applied(request, outcome, tookMs) {
      const operation = operationName(request);
      metrics.service.applySeconds(operation, outcome.ok).observe(tookMs / MS);
      if (outcome.ok && request.leaseGrant !== undefined) {
        metrics.lease.granted.add();
        metrics.lease.ttlSeconds.observe(request.leaseGrant.TTL);
      }
      if (outcome.ok && request.leaseRevoke !== undefined) metrics.lease.revoked.add();
      if (tookMs > options.tuning.warningApplyDurationMs) {
        metrics.service.slowApplies.add();
        logger.warn('apply request took too long', {
          took: `${tookMs.toFixed(3)}ms`,
          'expected-duration': `${options.tuning.warningApplyDurationMs}ms`,
          operation,
        });
      }
    },
    alarm({ memberID, alarm }, raised) {
      metrics.identity.alarm(hexId(memberID), alarm === CORRUPT ? 'CORRUPT' : 'NOSPACE', raised);
    },
  };
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

/** What gRPC calls count. */
export function rpcMetrics(metrics: ServerMetrics, nowMs: () => number): RpcMetrics {
  return {
    ...metrics.grpc.counter(nowMs),
    clientRequest: (kind, version) => metrics.service.clientRequests(kind, version).add(),
  };
}
