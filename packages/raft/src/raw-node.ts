import { campaign, leaderGone, takeOverWhenApplied, voteIsDurable } from './core/campaign.js';
import { propose, type Refusal, takeChange } from './core/leader.js';
import { PersistQueue } from './core/persist-queue.js';
import { flushReads, requestRead } from './core/read-index.js';
import { adoptSnapshot, applyChange, leaveJointWhenApplied } from './core/reconfigure.js';
import { flushAppends, maybeCommit, sendSnapshots } from './core/replicate.js';
import { type ReadState, State, type StateOptions } from './core/state.js';
import { step } from './core/step.js';
import { tick } from './core/tick.js';
import { transferLeadership } from './core/transfer.js';
import { RaftError } from './errors.js';
import type { MembershipChange } from './membership/change.js';
import { encodeChange } from './membership/codec.js';
import { toConfState } from './membership/configuration.js';
import type { Message, ProposedEntry } from './message.js';
import type { Persist, Ready } from './ready.js';
import { type RaftStatus, statusOf } from './status.js';
import {
  type ConfState,
  type Entry,
  entryBytes,
  type LogIndex,
  NOBODY,
  type NodeId,
  type Snapshot,
  type SoftState,
  type Term,
} from './types.js';

/** What became of proposals: how many were taken (by this leader, or sent on to it), and why not all. */
export interface Proposed {
  readonly accepted: number;
  readonly refused?: Refusal | 'noLeader';
}

const NOTHING: readonly never[] = [];

/**
 * One member as a pure state machine: no clock, no disk, no network.
 *
 * In go ticks, messages, proposals, and reports of what the disk and the state machine have done; out comes, on
 * request, a {@link Ready} bundle of what is to be done. After every input ask for `ready` until it answers undefined.
 * An AssertionError, or a RaftError LOG_LOST or UNKNOWN_MEMBERS, from any method means that this member must stop.
 */
export class RawNode {
  readonly #state: State;
  readonly #persists: PersistQueue;
  #softState: SoftState & { readonly term: Term };
  #snapshotAsked = false;

  /** Throws RaftError INVALID_OPTIONS, LOG_LOST. */
  constructor(options: StateOptions) {
    this.#state = new State(options);
    this.#persists = new PersistQueue(options.hardState ?? { term: 0, vote: NOBODY, commit: 0 });
    this.#softState = this.#soft();
  }

  /** Time passes. */
  tick(): void {
    tick(this.#state);
    this.#persists.tick(this.#state);
  }

  /** Stands for election now; a single voter wins as soon as its vote is durable. No effect on a leader. */
  campaign(): void {
    this.#state.electionElapsed = 0;
    campaign(this.#state, 'timeout');
  }

  /**
   * A message from another member; one that is not meant for this member has no effect.
   * Throws RaftError INVALID_MESSAGE (drop it, nothing has changed but perhaps the term), LOG_LOST.
   */
  step(message: Message): void {
    const { from, to } = message;
    if (to === this.#state.id && from !== NOBODY && from !== to) step(this.#state, message);
  }

  /** Proposes entries, in order. Those that are accepted may still be lost: only what gets applied was committed. */
  propose(data: readonly Uint8Array[]): Proposed {
    return this.#propose(data.map((bytes) => ({ kind: 'normal', data: bytes })));
  }

  /** Proposes a membership change. Throws RaftError CHANGE_PENDING, INVALID_CHANGE when this member leads. */
  proposeChange(change: MembershipChange): Proposed {
    const entry: ProposedEntry = { kind: change.kind, data: encodeChange(change) };
    return this.#state.role === 'leader' ? takeChange(this.#state, entry) : this.#propose([entry]);
  }

  /** A committed membership change takes effect; in its place among the entries, before they are reported applied. */
  applyChange(change: MembershipChange): { readonly confState: ConfState; readonly effective: boolean } {
    return applyChange(this.#state, change);
  }

  /**
   * Asks for a linearizable read. The answer comes in a ready's `reads`, under `context`; maybe never, when messages
   * are lost or leaders change: then ask again, with another context.
   *
   * @param context unique among all questions of all members
   * @returns false when nobody can be asked now
   */
  readIndex(context: Uint8Array): boolean {
    return requestRead(this.#state, { from: this.#state.id, context });
  }

  /** Asks for leadership to go to `target`: at once when this member leads, else by asking the leader. */
  transferLeadership(target: NodeId): void {
    const { role, leader, term, outbox } = this.#state;
    if (role === 'leader') transferLeadership(this.#state, target);
    else if (leader !== NOBODY) outbox.send({ type: 'transferLeader', from: target, to: leader, term });
  }

  /** Messages to `id` get lost: probe it instead of sending ahead. */
  reportUnreachable(id: NodeId): void {
    const progress = this.#state.tracker.progress.get(id);
    if (this.#state.role === 'leader' && progress?.state === 'replicate' && id !== this.#state.id)
      progress.becomeProbe();
  }

  /** The process of `id` is gone: its connections broke, and it takes no new ones. Of use when it is the leader. */
  reportGone(id: NodeId): void {
    leaderGone(this.#state, id);
  }

  /** The snapshot sent to `id` was handed over, or not. */
  reportSnapshot(id: NodeId, delivered: boolean): void {
    const progress = this.#state.tracker.progress.get(id);
    if (this.#state.role !== 'leader' || progress?.state !== 'snapshot') return;
    if (!delivered) progress.pendingSnapshot = 0;
    progress.becomeProbe();
    // Delivered: its acknowledgement will come. Failed: try again after the next heartbeat.
    progress.probeSent = true;
  }

  /** A snapshot of the applied state, asked for by `snapshotWanted`. */
  provideSnapshot(snapshot: Snapshot): void {
    this.#snapshotAsked = false;
    if (this.#state.role === 'leader') sendSnapshots(this.#state, snapshot);
  }

  /** No snapshot can be had now; members that need one are looked at again after their next heartbeat. */
  snapshotUnavailable(): void {
    this.#snapshotAsked = false;
    for (const progress of this.#state.tracker.progress.values()) progress.wantsSnapshot = false;
  }

  /** The oldest batch handed out is durable and visible through the LogReader. */
  persisted(persist: Persist): void {
    const state = this.#state;
    this.#persists.landed(persist);
    state.log.landed();
    const { hardState } = persist;
    if (hardState !== undefined && hardState.term === state.term && hardState.vote === state.id) voteIsDurable(state);
    if (state.role === 'leader' && state.self?.accepted(state.log.durable) === true) maybeCommit(state);
  }

  /** Everything up to `index` is applied, or restored from a snapshot. */
  applied(index: LogIndex): void {
    const restored = this.#state.log.appliedTo(index);
    if (restored !== undefined) adoptSnapshot(this.#state, restored);
    leaveJointWhenApplied(this.#state);
    takeOverWhenApplied(this.#state);
  }

  /**
   * What is to be done now; undefined: nothing.
   *
   * @param options.canPersist false: hand out no batch for the disk now; what is for it gathers. Default true.
   */
  ready(options: { readonly canPersist?: boolean } = {}): Ready | undefined {
    const state = this.#state;
    if (state.role === 'leader') {
      flushReads(state);
      flushAppends(state);
    }
    const canPersist = options.canPersist ?? true;
    const persist = canPersist ? this.#persists.take(state) : undefined;
    const softState = this.#takeSoftState();
    const snapshotWanted = this.#takeSnapshotWanted();
    const restore = state.log.takeRestore();
    const committed = this.#takeCommitted();
    const messages = state.outbox.takeNow();
    const messagesAfterPersist = canPersist ? state.outbox.takeAfterPersist() : NOTHING;
    const reads = this.#takeReads();
    if (
      persist === undefined &&
      softState === undefined &&
      restore === undefined &&
      !snapshotWanted &&
      messages.length + messagesAfterPersist.length + committed.length + reads.length === 0
    ) {
      return undefined;
    }
    return {
      messages,
      ...(persist && { persist }),
      messagesAfterPersist,
      ...(restore && { restore }),
      committed,
      reads,
      ...(softState && { softState }),
      snapshotWanted,
    };
  }

  status(): RaftStatus {
    return statusOf(this.#state);
  }

  /** The configuration in force, as of the last applied change. */
  get confState(): ConfState {
    return toConfState(this.#state.tracker.configuration);
  }

  /** Entries of the log, for tests and tools; `[start, end)` within the log. */
  entries(start: LogIndex, end: LogIndex): readonly Entry[] {
    return this.#state.log.entries(start, end, Number.MAX_SAFE_INTEGER);
  }

  term(index: LogIndex): Term | undefined {
    return this.#state.log.term(index);
  }

  #propose(entries: readonly ProposedEntry[]): Proposed {
    const { role, leader, id, outbox, options } = this.#state;
    if (role === 'leader') return propose(this.#state, entries);
    if (leader === NOBODY) return { accepted: 0, refused: 'noLeader' };
    for (let from = 0; from < entries.length; ) {
      let to = from;
      for (let bytes = 0; to < entries.length; to++) {
        bytes += entryBytes(entries[to]!);
        if (bytes > options.maxMessageBytes && to > from) break;
      }
      outbox.send({ type: 'propose', from: id, to: leader, term: 0, entries: entries.slice(from, to) });
      from = to;
    }
    return { accepted: entries.length };
  }

  #takeSoftState(): (SoftState & { readonly term: Term }) | undefined {
    const { leader, role, term } = this.#softState;
    const { leader: leaderNow, role: roleNow, term: termNow } = this.#state;
    if (leader === leaderNow && role === roleNow && term === termNow) return undefined;
    this.#softState = this.#soft();
    return this.#softState;
  }

  #soft(): SoftState & { readonly term: Term } {
    const { leader, role, term } = this.#state;
    return { leader, role, term };
  }

  #takeReads(): readonly ReadState[] {
    const reads = this.#state.confirmedReads;
    if (reads.length > 0) this.#state.confirmedReads = [];
    return reads;
  }

  #takeCommitted(): readonly Entry[] {
    const { log, options, tracker, role, term } = this.#state;
    const committed = log.takeCommitted(options.maxApplyBytes);
    const first = committed[0];
    if (first === undefined) return committed;
    if (tracker.configuration.voters.size === 0 && first.kind === 'normal') {
      // Changes applied to nobody would make this member believe that it decides alone.
      throw new RaftError(
        'UNKNOWN_MEMBERS',
        `entry ${first.index} is to be applied, but nobody is a member: start with the confState the cluster began with`,
      );
    }
    if (role === 'leader') {
      // Of its own term: they no longer count against the leader's limit.
      for (const entry of committed) if (entry.term === term) this.#state.uncommittedBytes -= entry.data.length;
    }
    return committed;
  }

  #takeSnapshotWanted(): boolean {
    const { role, tracker } = this.#state;
    if (role !== 'leader' || this.#snapshotAsked) return false;
    for (const progress of tracker.progress.values()) if (progress.wantsSnapshot) return (this.#snapshotAsked = true);
    return false;
  }
}
