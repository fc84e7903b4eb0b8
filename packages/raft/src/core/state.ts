import { assert, type Random } from '@kontiki/std';
import { RaftError } from '../errors.js';
import type { LogReader } from '../log/log-reader.js';
import { RaftLog } from '../log/raft-log.js';
import { fromConfState } from '../membership/restore.js';
import { type RaftOptions, type ResolvedOptions, resolveOptions } from '../options.js';
import type { Progress } from '../progress/progress.js';
import { Tracker } from '../progress/tracker.js';
import { isVoter } from '../quorum/joint.js';
import { type ConfState, type HardState, type LogIndex, NOBODY, type NodeId, type Role, type Term } from '../types.js';
import { Outbox } from './outbox.js';
import { PendingReads } from './pending-reads.js';

/** Answer to a `readIndex`: once applied up to `index`, the state includes everything acknowledged before the call. */
export interface ReadState {
  readonly context: Uint8Array;
  readonly index: LogIndex;
}

/** What a node starts from. */
export interface StateOptions {
  readonly raft: RaftOptions;
  readonly random: Random;
  readonly log: LogReader;
  readonly hardState?: HardState;
  /** Who is a member, as of `applied`. */
  readonly confState: ConfState;
  readonly applied: LogIndex;
}

/**
 * Everything one node knows. The functions of this folder change it; nothing else does.
 *
 * Invariants:
 * - term never falls; within one term vote goes from nobody to one member, once
 * - a leader leads itself (leader = id), has voted, and its own progress is its durable index
 * - a candidate knows no leader
 * - the log's cursors are in order (see RaftLog)
 */
export class State {
  readonly id: NodeId;
  readonly options: ResolvedOptions;
  readonly random: Random;
  readonly log: RaftLog;
  readonly tracker: Tracker;
  readonly outbox: Outbox = new Outbox();
  readonly reads: PendingReads;

  /** Confirmed reads of this node's own callers, until the next ready. */
  confirmedReads: ReadState[] = [];

  term: Term = 0;
  vote: NodeId = NOBODY;
  role: Role = 'follower';
  leader: NodeId = NOBODY;

  /** Ticks since a leader was heard, a vote given, or (leader) the quorum checked. */
  electionElapsed = 0;
  heartbeatElapsed = 0;
  /** This round's timeout: electionTicks and up to as much again. */
  electionTimeout = 0;

  /** The leader asked this member to take over, but it has yet to apply a membership change. */
  takeOverPending = false;

  /** Leader: to whom leadership is being handed over. */
  transferTarget: NodeId = NOBODY;
  /** Leader: no further membership change while an earlier one, at or below this index, may be unapplied. */
  pendingChange: LogIndex = 0;
  /** Leader: bytes of entries of its term that are not handed out for applying yet. */
  uncommittedBytes = 0;
  /** Leader: where its term begins in the log. */
  termStart: LogIndex = 0;

  constructor(options: StateOptions) {
    this.options = resolveOptions(options.raft);
    this.id = this.options.id;
    this.random = options.random;
    const { log, applied } = options;
    const hard = options.hardState ?? { term: 0, vote: NOBODY, commit: 0 };
    if (applied < log.first - 1 || applied > log.last) {
      throw new RaftError(
        'LOG_LOST',
        `applied up to ${applied}, but the log has ${log.first} to ${log.last}: its disk lost what this member had; remove the member and add it anew`,
      );
    }
    if (hard.commit > log.last) {
      throw new RaftError(
        'LOG_LOST',
        `committed up to ${hard.commit}, but the log ends at ${log.last}: its disk lost what this member had; remove the member and add it anew`,
      );
    }
    // Whatever was applied was committed, even when the crash took the note of it. The same for the log's own start.
    const committed = Math.max(hard.commit, applied);
    this.log = new RaftLog(log, { committed, applied });
    this.term = Math.max(hard.term, this.log.lastTerm);
    // A vote of an earlier term says nothing about this one.
    this.vote = this.term === hard.term ? hard.vote : NOBODY;
    this.tracker = new Tracker(fromConfState(options.confState), log.last, this.options);
    this.reads = new PendingReads(this.options.maxPendingReads);
    this.drawElectionTimeout();
  }

  get self(): Progress | undefined {
    return this.tracker.progress.get(this.id);
  }

  /** May become leader: votes, and has the state its log starts from. */
  get promotable(): boolean {
    return isVoter(this.tracker.configuration, this.id) && !this.log.restoring;
  }

  get hardState(): HardState {
    return { term: this.term, vote: this.vote, commit: this.log.committed };
  }

  /** The first entry of the leader's term is committed: it knows what is committed (§8). */
  get committedInTerm(): boolean {
    return this.log.term(this.log.committed) === this.term;
  }

  drawElectionTimeout(): void {
    this.electionTimeout = this.options.electionTicks + this.random.int(this.options.electionTicks);
  }

  check(): void {
    assert(this.role !== 'leader' || this.leader === this.id, 'a leader follows somebody');
    assert(this.role === 'leader' || this.leader !== this.id, 'follows itself without leading');
    assert(
      this.leader === NOBODY || (this.role !== 'candidate' && this.role !== 'preCandidate'),
      'a candidate follows',
    );
  }
}
