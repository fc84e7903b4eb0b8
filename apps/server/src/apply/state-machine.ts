import { LeaseError } from '@kontiki/lease';
import { MvccError } from '@kontiki/mvcc';
import type { rpc } from '@kontiki/proto';
import type { Applied, ConfState, Entry, MembershipChange, Snapshot, StateMachine } from '@kontiki/raft';
import { ServerError } from '../errors.js';
import { applyAlarm } from './alarm.js';
import { applyClusterVersion, applyMemberChange, applyPublish, refusalOf } from './cluster.js';
import { gates } from './gates.js';
import type { Reply, State } from './handlers.js';
import { applyCompaction, applyDelete, applyPut, applyTxn } from './kv.js';
import { applyLeaseCheckpoint, applyLeaseGrant, applyLeaseRevoke } from './lease.js';
import { costOfLease, costOfPut, costOfTxn, type Quota } from './quota.js';
import { decodeRequest, type Request } from './request.js';
import { revisionHeader } from './txn-form.js';

/** What the proposer of a request is told. */
export type Outcome =
  | { readonly ok: true; readonly reply: Reply }
  /** An error of a package or of etcd's table: an answer, not a failure. */
  | { readonly ok: false; readonly error: MvccError | LeaseError | ServerError };

export interface StateMachinePorts {
  readonly state: State;
  readonly quota: Quota;
  /** Writes down, in the batch of what the entries changed, how far we are. */
  saveApplied(index: number, term: number): void;
  /** The same for who votes and who listens. */
  saveConfState(confState: ConfState): void;
  /** Replaces all state by a snapshot from the leader, durably. */
  restore(snapshot: Snapshot): Promise<void>;
  /** The database outgrew its quota while a request was applied. */
  onOverQuota(): void;
  /** Told after each request, with `nowMs` of when it began. */
  observe?(request: Request, outcome: Outcome, startedMs: number): void;
}

/**
 * Turns the log into state. Deterministic: the same entries leave the same tables on every member. What an entry
 * changes and the applied index land in one batch of the backend, so after a crash each entry is there whole or is
 * applied again.
 */
export class ServerStateMachine implements StateMachine<Outcome> {
  readonly #ports: StateMachinePorts;

  constructor(ports: StateMachinePorts) {
    this.#ports = ports;
  }

  apply(entries: readonly Entry[]): readonly Applied<Outcome>[] {
    const applied: Applied<Outcome>[] = [];
    for (const entry of entries) {
      // A leader's own first entry carries nothing.
      if (entry.data.length > 0) applied.push(this.#applyRequest(decodeRequest(entry.data)));
    }
    const last = entries.at(-1);
    if (last !== undefined) this.#ports.saveApplied(last.index, last.term);
    return applied;
  }

  admits(change: MembershipChange): boolean {
    return refusalOf(change, this.#ports.state.membership) === undefined;
  }

  applyChange(entry: Entry, change: MembershipChange, confState: ConfState, effective: boolean): Applied<Outcome> {
    const outcome = this.#answer(() => applyMemberChange(change, effective, this.#ports.state));
    this.#ports.saveConfState(confState);
    this.#ports.saveApplied(entry.index, entry.term);
    const id = change.kind === 'change' ? change.id : 0n;
    return { id: id === 0n ? undefined : id, outcome };
  }

  restore(snapshot: Snapshot): Promise<void> {
    return this.#ports.restore(snapshot);
  }

  #applyRequest(request: Request): Applied<Outcome> {
    const id = request.header?.ID ?? request.ID ?? 0n;
    const startedMs = this.#ports.state.nowMs();
    const outcome = this.#outcome(request);
    this.#ports.observe?.(request, outcome, startedMs);
    return { id: id === 0n ? undefined : id, outcome };
  }

  #outcome(request: Request): Outcome {
    const { state, quota } = this.#ports;
    return this.#answer(() => {
      for (const gate of gates) gate(request, state);
      const cost = costOf(request);
      const admitted = cost === 0 || quota.admits(cost);
      const reply = handle(request, state);
      if (admitted) return reply;
      // etcd's quirk: the request took effect and is answered with an error, which stops the writers.
      this.#ports.onOverQuota();
      throw new ServerError('NoSpace');
    });
  }

  #answer(work: () => Reply): Outcome {
    try {
      return { ok: true, reply: work() };
    } catch (error) {
      // Anything else is a bug or a failed disk: it must stop the member, not be answered.
      if (error instanceof ServerError || error instanceof LeaseError) return { ok: false, error };
      if (error instanceof MvccError && error.code !== 'CORRUPT' && error.code !== 'CLOSED')
        return { ok: false, error };
      throw error;
    }
  }
}

function costOf(request: Request): number {
  if (request.put !== undefined) return costOfPut(request.put);
  if (request.txn !== undefined) return costOfTxn(request.txn);
  if (request.leaseGrant !== undefined) return costOfLease();
  return 0;
}

function handle(request: Request, state: State): Reply {
  if (request.put !== undefined) return applyPut(request.put, state);
  if (request.txn !== undefined) return applyTxn(request.txn, state);
  if (request.deleteRange !== undefined) return applyDelete(request.deleteRange, state);
  if (request.compaction !== undefined) return applyCompaction(request.compaction, state);
  if (request.leaseGrant !== undefined) return applyLeaseGrant(request.leaseGrant, state);
  if (request.leaseRevoke !== undefined) return applyLeaseRevoke(request.leaseRevoke, state);
  if (request.leaseCheckpoint !== undefined) return applyLeaseCheckpoint(request.leaseCheckpoint, state);
  if (request.alarm !== undefined) return applyAlarm(request.alarm, state);
  if (request.clusterMemberAttrSet !== undefined) return applyPublish(request.clusterMemberAttrSet, state);
  if (request.clusterVersionSet !== undefined) return applyClusterVersion(request.clusterVersionSet, state);
  if (request.authStatus !== undefined) return authStatus(state);
  throw new Error('the log holds a request of a kind this version does not know');
}

/** There are no users yet: auth is off, at its first revision. */
function authStatus(state: State): rpc.AuthStatusResponse {
  return { header: revisionHeader(state.store.revision), enabled: false, authRevision: 1 };
}

/** What a request asks for, by the name etcd's metrics give it. */
export function operationName(request: Request): string {
  if (request.put !== undefined) return 'Put';
  if (request.txn !== undefined) return 'Txn';
  if (request.deleteRange !== undefined) return 'DeleteRange';
  if (request.compaction !== undefined) return 'Compaction';
  if (request.leaseGrant !== undefined) return 'LeaseGrant';
  if (request.leaseRevoke !== undefined) return 'LeaseRevoke';
  if (request.leaseCheckpoint !== undefined) return 'LeaseCheckpoint';
  if (request.alarm !== undefined) return 'Alarm';
  if (request.clusterMemberAttrSet !== undefined) return 'ClusterMemberAttrSet';
  if (request.clusterVersionSet !== undefined) return 'ClusterVersionSet';
  if (request.authStatus !== undefined) return 'AuthStatus';
  return 'Unknown';
}
