/*
 * Raft of one member, started between its log, its state and its connections.
 */
import type { LeaseTable } from '@kontiki/lease';
import { type ConfState, NOBODY, RaftDriver, type Snapshot, type Transport } from '@kontiki/raft';
import type { Quota } from '../apply/quota.js';
import { type Outcome, ServerStateMachine } from '../apply/state-machine.js';
import { hexId } from '../cluster/member-id.js';
import { STORAGE_VERSION } from '../cluster/version.js';
import type { ServerOptions } from '../config/options.js';
import type { Leadership } from '../node/leadership.js';
import type { RaftLog, RecoveredRaftLog } from '../storage/raft-log.js';
import type { MemberSnapshots } from '../storage/snapshots.js';
import type { Tables } from '../storage/tables.js';
import type { World } from './world.js';

const MS = 1000;

/** What raft of a member is started between. */
export interface RaftParts {
  readonly log: RecoveredRaftLog;
  readonly raftLog: RaftLog;
  readonly tables: Tables;
  readonly leases: LeaseTable;
  readonly quota: Quota;
  readonly leadership: Leadership;
  readonly snapshots: MemberSnapshots;
  readonly links: Transport;
  readonly fail: (error: unknown) => void;
  readonly onOverQuota: () => void;
  readonly restore: (snapshot: Snapshot) => Promise<void>;
}

export const NO_MEMBERS: ConfState = { voters: [], learners: [] };

export function startRaft(options: ServerOptions, world: World, parts: RaftParts): RaftDriver<Outcome> {
  const { clock, metrics } = world;
  const { tables, log, leases } = parts;
  const { heartbeatMs, electionMs, preVote } = options.member;
  const stateMachine = new ServerStateMachine({
    state: {
      store: tables.store,
      leases,
      leaseStore: tables.leaseStore,
      alarms: tables.alarms,
      membership: tables.membership,
      keepCheckpoints: options.leases.checkpointPersist,
      nowMs: () => clock.monotonic(),
    },
    quota: parts.quota,
    saveApplied: (index, term) => tables.meta.saveApplied({ index, term }),
    saveConfState: (state) => {
      tables.meta.saveConfState(state);
      tables.meta.saveStorageVersion(STORAGE_VERSION);
    },
    restore: parts.restore,
    onOverQuota: parts.onOverQuota,
    observe: (request, outcome, startedMs) => metrics.applied(request, outcome, clock.monotonic() - startedMs),
  });
  const driver: RaftDriver<Outcome> = RaftDriver.start<Outcome>({
    raft: { id: log.metadata.nodeId, electionTicks: Math.round(electionMs / heartbeatMs), heartbeatTicks: 1, preVote },
    confState: tables.meta.confState() ?? NO_MEMBERS,
    log,
    applied: tables.meta.applied().index,
    tickMs: heartbeatMs,
    writer: parts.raftLog,
    transport: parts.links,
    stateMachine,
    snapshots: parts.snapshots,
    snapshotEveryEntries: options.member.snapshotEveryEntries,
    catchUpEntries: options.member.snapshotCatchUpEntries,
    waitTicks: Math.ceil(options.limits.requestTimeoutMs / heartbeatMs),
    readRetryTicks: Math.max(1, Math.ceil(MS / 2 / heartbeatMs)),
    clock,
    random: world.random,
    logger: world.logger('raft'),
    onState: (state) => {
      parts.leadership.update(state);
      world.logger('raft').info('raft state changed', {
        'local-member-id': hexId(log.metadata.nodeId),
        role: state.role,
        term: state.term,
        leader: state.leader === NOBODY ? '' : hexId(state.leader),
      });
    },
    onFatal: parts.fail,
  });
  // A lone voter need not wait whether somebody else leads: it stands as soon as it knows that it is one.
  if (options.member.initialElectionTickAdvance) {
    driver.applied.reached(log.hardState?.commit ?? 0).then(
      () => {
        const { voters } = driver.status().confState;
        if (voters.length === 1 && voters[0] === log.metadata.nodeId) driver.campaign();
      },
      () => {},
    );
  }
  return driver;
}
