import { type Configuration, membersOf } from '../membership/configuration.js';
import { jointIndex, jointVote } from '../quorum/joint.js';
import type { VoteResult } from '../quorum/majority.js';
import type { LogIndex, NodeId } from '../types.js';
import { Progress } from './progress.js';

/**
 * All members seen by one: who they are, how far they are, how they voted.
 *
 * Invariants: one progress per member of the configuration, in ascending order of id; `learner` of a progress says
 * whether the configuration has it as a learner.
 */
export class Tracker {
  readonly #limits: { readonly maxInflightMessages: number; readonly maxInflightBytes: number };
  #configuration: Configuration;
  #progress: Map<NodeId, Progress> = new Map();
  readonly #votes: Map<NodeId, boolean> = new Map();

  constructor(
    configuration: Configuration,
    last: LogIndex,
    limits: { readonly maxInflightMessages: number; readonly maxInflightBytes: number },
  ) {
    this.#limits = limits;
    this.#configuration = configuration;
    this.configure(configuration, last);
  }

  get configuration(): Configuration {
    return this.#configuration;
  }

  get progress(): ReadonlyMap<NodeId, Progress> {
    return this.#progress;
  }

  /**
   * Takes another configuration: members that stay keep their progress, new ones are probed from the log's end. They
   * count as heard from until the next quorum check: they had no chance to speak yet.
   */
  configure(configuration: Configuration, last: LogIndex): void {
    const before = this.#progress;
    this.#configuration = configuration;
    this.#progress = new Map();
    for (const id of membersOf(configuration)) {
      const learner = configuration.learners.has(id);
      const progress = before.get(id) ?? this.#fresh(last, learner, true);
      progress.learner = learner;
      this.#progress.set(id, progress);
    }
  }

  /** Forgets everything known about others: a new term begins. */
  reset(last: LogIndex): void {
    this.#votes.clear();
    for (const [id, { learner }] of this.#progress) this.#progress.set(id, this.#fresh(last, learner, false));
  }

  /** The first answer of a voter counts. */
  recordVote(id: NodeId, granted: boolean): void {
    if (!this.#votes.has(id)) this.#votes.set(id, granted);
  }

  clearVotes(): void {
    this.#votes.clear();
  }

  voteResult(): VoteResult {
    return jointVote(this.#configuration, this.#votes);
  }

  /** The highest index a quorum has on disk. */
  quorumIndex(): LogIndex {
    return jointIndex(this.#configuration, (id) => this.#progress.get(id)?.match ?? 0);
  }

  /** Whether a quorum was heard from since the last call; `self` always was. */
  takeQuorumActive(self: NodeId): boolean {
    const heard = new Map<NodeId, boolean>();
    for (const [id, progress] of this.#progress) {
      heard.set(id, progress.active || id === self);
      progress.active = id === self;
    }
    return jointVote(this.#configuration, heard) === 'won';
  }

  #fresh(last: LogIndex, learner: boolean, active: boolean): Progress {
    const { maxInflightMessages, maxInflightBytes } = this.#limits;
    return new Progress({ next: last + 1, learner, active, maxInflightMessages, maxInflightBytes });
  }
}
