import { assert } from '@kontiki/std';
import type { LogIndex } from '../types.js';
import { Inflights } from './inflights.js';

/**
 * One member seen by the leader.
 *
 * ```
 *            accepted                  entries it needs are gone from the log
 *   probe ------------> replicate      probe, replicate ------------> snapshot
 *     ^                    |                                             |
 *     |  rejected, or lost |          handed over, failed, or            |
 *     +--------------------+   <-----  an acknowledgement the log reaches +
 * ```
 * - probe: where do the logs meet? One append at a time, the next after an answer or a heartbeat's answer.
 * - replicate: appends follow each other without waiting, within the window of {@link Inflights}.
 * - snapshot: nothing is sent until the snapshot arrived or failed.
 *
 * Invariants: 0 ≤ match < next; in flight only while replicating.
 */
export class Progress {
  /** Known to be durable there. */
  match: LogIndex = 0;
  /** The next entry to send. */
  next: LogIndex;
  state: 'probe' | 'replicate' | 'snapshot' = 'probe';
  /** While in state snapshot: what was sent. */
  pendingSnapshot: LogIndex = 0;
  /** While probing: one append is out; wait for its answer, or for a heartbeat's. */
  probeSent = false;
  /** Needs a snapshot that has to be captured first. */
  wantsSnapshot = false;
  /** Heard from since the last quorum check. */
  active: boolean;
  /** The commit index last told: empty appends that would say nothing new are not sent. */
  toldCommit: LogIndex = 0;
  /** What to send when the node next makes its messages: nothing, what is new if anything is, an append in any case. */
  due: 'nothing' | 'news' | 'append' = 'nothing';
  learner: boolean;
  readonly inflights: Inflights;

  constructor(options: {
    readonly next: LogIndex;
    readonly learner: boolean;
    readonly active: boolean;
    readonly maxInflightMessages: number;
    readonly maxInflightBytes: number;
  }) {
    this.next = options.next;
    this.learner = options.learner;
    this.active = options.active;
    this.inflights = new Inflights(options.maxInflightMessages, options.maxInflightBytes);
  }

  get paused(): boolean {
    if (this.state === 'probe') return this.probeSent || this.wantsSnapshot;
    return this.state === 'snapshot' || this.inflights.full;
  }

  becomeProbe(): void {
    // After a snapshot the follower is expected to be where that ended.
    this.next = this.state === 'snapshot' ? Math.max(this.match, this.pendingSnapshot) + 1 : this.match + 1;
    this.#enter('probe');
  }

  becomeReplicate(): void {
    this.#enter('replicate');
    this.next = this.match + 1;
  }

  becomeSnapshot(index: LogIndex): void {
    this.#enter('snapshot');
    this.pendingSnapshot = index;
    this.next = index + 1;
  }

  /** An append with these entries is on its way (`count` 0: it only tells the commit index). */
  sent(count: number, bytes: number, commit: LogIndex): void {
    this.toldCommit = Math.max(this.toldCommit, commit);
    if (this.state === 'replicate') {
      if (count === 0) return;
      this.next += count;
      this.inflights.add(this.next - 1, bytes);
    } else {
      assert(this.state === 'probe', 'an append was sent to a member that waits for a snapshot');
      this.probeSent = true;
    }
  }

  /** Everything up to `index` is durable there. False when that is no news. */
  accepted(index: LogIndex): boolean {
    this.next = Math.max(this.next, index + 1);
    if (index <= this.match) return false;
    this.match = index;
    this.probeSent = false;
    return true;
  }

  /**
   * An append after `rejected` did not fit; `hint` is the highest place where the logs may meet.
   * False when the answer is older than what is known, and nothing changes.
   */
  rejected(rejected: LogIndex, hint: LogIndex): boolean {
    if (this.state === 'replicate') {
      if (rejected <= this.match) return false;
      this.becomeProbe();
      return true;
    }
    // While probing only the last question counts.
    if (this.next - 1 !== rejected) return false;
    this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1);
    this.probeSent = false;
    return true;
  }

  #enter(state: Progress['state']): void {
    this.state = state;
    this.pendingSnapshot = 0;
    this.probeSent = false;
    this.wantsSnapshot = false;
    this.inflights.clear();
  }
}
