import type { LeaseTable, Lessor } from '@kontiki/lease';
import type { MvccStore } from '@kontiki/mvcc';
import type { rpc } from '@kontiki/proto';
import { NOBODY, type RaftDriver, type RaftStatus } from '@kontiki/raft';
import type { Clock } from '@kontiki/std';
import type { Alarms } from '../apply/alarms.js';
import type { CompactionReply, Reply } from '../apply/handlers.js';
import type { Quota } from '../apply/quota.js';
import type { EncodedOperation, Request } from '../apply/request.js';
import type { Outcome } from '../apply/state-machine.js';
import type { Membership } from '../cluster/members.js';
import { ServerError } from '../errors.js';
import type { Database } from '../storage/database.js';
import type { MemberSnapshots } from '../storage/snapshots.js';
import type { Leadership } from './leadership.js';
import type { Leases } from './leases.js';
import type { Members } from './members.js';
import type { Proposer } from './propose.js';
import { passReadBarrier, type ReadBarrierMetrics } from './read-barrier.js';
import type { RequestIds } from './request-ids.js';
import type { UniformTimeout } from './uniform-timeout.js';

export interface NodeParts {
  readonly memberId: bigint;
  readonly driver: RaftDriver<Outcome>;
  readonly proposer: Proposer;
  readonly leadership: Leadership;
  readonly ids: RequestIds;
  readonly store: MvccStore;
  readonly leases: LeaseTable;
  readonly lessor: Lessor;
  readonly membership: Membership;
  readonly alarms: Alarms;
  readonly quota: Quota;
  readonly minLeaseTtlSeconds: number;
  readonly database: Database;
  readonly snapshots: MemberSnapshots;
  readonly clock: Clock;
  /** Bounds the wait for entries that are committed and not applied yet. */
  readonly applyTimeout: UniformTimeout;
  readonly readMetrics: ReadBarrierMetrics;
}

/** What only makes sense with others, and needs the node itself. */
export interface NodeCompany {
  /** What clients do with leases: answered by the leader. */
  readonly renewals: Leases;
  /** Changes of the members and of the leader. */
  readonly members: Members;
}

/** One running member as its services see it: write through the log, read behind a barrier, ask about itself. */
export class Node {
  readonly #parts: NodeParts;
  readonly renewals: Leases;
  readonly members: Members;

  constructor(parts: NodeParts, company: (node: Node) => NodeCompany) {
    this.#parts = parts;
    const { renewals, members } = company(this);
    this.renewals = renewals;
    this.members = members;
  }

  get memberId(): bigint {
    return this.#parts.memberId;
  }
  get clusterId(): bigint {
    return this.#parts.membership.clusterId;
  }
  get store(): MvccStore {
    return this.#parts.store;
  }
  get leases(): LeaseTable {
    return this.#parts.leases;
  }
  get lessor(): Lessor {
    return this.#parts.lessor;
  }
  get membership(): Membership {
    return this.#parts.membership;
  }
  get alarms(): Alarms {
    return this.#parts.alarms;
  }
  get quota(): Quota {
    return this.#parts.quota;
  }
  get snapshots(): MemberSnapshots {
    return this.#parts.snapshots;
  }
  get database(): Database {
    return this.#parts.database;
  }

  term(): number {
    return this.#parts.leadership.term;
  }

  revision(): number {
    return this.#parts.store.revision;
  }

  /** Raft's own view: role, leader, how far the log is committed and applied. */
  raft(): RaftStatus {
    return this.#parts.driver.status();
  }

  get hasLeader(): boolean {
    return this.#parts.leadership.leader !== NOBODY;
  }

  get isLeader(): boolean {
    return this.#parts.leadership.isLeader;
  }

  get isLearner(): boolean {
    return this.membership.member(this.memberId)?.isLearner ?? false;
  }

  /** Called when a leader is known, or none any more. */
  onLeader(listener: (hasLeader: boolean) => void): void {
    this.#parts.leadership.onChange(({ leader }) => listener(leader !== NOBODY));
  }

  /** A lease id nobody uses. */
  nextLeaseId(): bigint {
    return this.#parts.ids.nextLease();
  }

  /** Monotonic milliseconds, as lease deadlines count them. */
  nowMs(): number {
    return this.#parts.clock.monotonic();
  }

  /**
   * Everything committed so far is applied here: what a lease answer must not be behind of.
   * @throws ServerError TimeoutWaitAppliedIndex after a second
   */
  async caughtUp(): Promise<void> {
    const { commit } = this.raft();
    if (this.#parts.driver.applied.value >= commit) return;
    await this.#parts.applyTimeout.guard(
      this.#parts.driver.applied.reached(commit),
      () => new ServerError('TimeoutWaitAppliedIndex'),
    );
  }

  /** Everything answered before this call is visible to reads after it. */
  readBarrier(): Promise<void> {
    return passReadBarrier(this.#parts.driver, this.#parts.readMetrics);
  }

  /** An operation as the client encoded it, checked. */
  operate(operation: 'put', body: Uint8Array): Promise<rpc.PutResponse>;
  operate(operation: 'deleteRange', body: Uint8Array): Promise<rpc.DeleteRangeResponse>;
  operate(operation: 'txn', body: Uint8Array): Promise<rpc.TxnResponse>;
  operate(operation: EncodedOperation, body: Uint8Array): Promise<Reply> {
    return this.#parts.proposer.proposeEncoded(operation, body);
  }

  compact(compaction: rpc.CompactionRequest): Promise<CompactionReply> {
    return this.#propose({ compaction });
  }
  /** A TTL below the minimum is raised to it: here, so that all members agree whatever their own minimum is. */
  leaseGrant(request: rpc.LeaseGrantRequest): Promise<rpc.LeaseGrantResponse> {
    const TTL = Math.max(request.TTL, this.#parts.minLeaseTtlSeconds);
    return this.#propose({ leaseGrant: { ...request, TTL } });
  }
  leaseRevoke(leaseRevoke: rpc.LeaseRevokeRequest): Promise<rpc.LeaseRevokeResponse> {
    return this.#propose({ leaseRevoke });
  }
  /** Both only as the leader of `term`: what it decides by its own clock must not reach a later leader. */
  leaseExpire(id: bigint, term: number): Promise<rpc.LeaseRevokeResponse> {
    return this.#propose({ leaseRevoke: { ID: id } }, term);
  }
  leaseCheckpoint(leaseCheckpoint: rpc.LeaseCheckpointRequest, term: number): Promise<rpc.LeaseCheckpointResponse> {
    return this.#propose({ leaseCheckpoint }, term);
  }
  alarm(alarm: rpc.AlarmRequest): Promise<rpc.AlarmResponse> {
    return this.#propose({ alarm });
  }
  authStatus(): Promise<rpc.AuthStatusResponse> {
    return this.#propose({ authStatus: {} });
  }
  publish(name: string, clientUrls: readonly string[]): Promise<Reply> {
    return this.#propose({
      clusterMemberAttrSet: { memberID: this.memberId, memberAttributes: { name, clientUrls: [...clientUrls] } },
    });
  }
  setClusterVersion(ver: string): Promise<Reply> {
    return this.#propose({ clusterVersionSet: { ver } });
  }

  /** The state machine answers each kind of request with that kind's reply. */
  #propose<R extends Reply>(operation: Request, term?: number): Promise<R> {
    return this.#parts.proposer.propose(operation, term) as Promise<R>;
  }
}
