import { NOBODY, type NodeId, type SoftState, type Term } from '@kontiki/raft';

/** What a listener is told when the leader changed. */
export interface LeaderChange {
  readonly isLeader: boolean;
  readonly leader: NodeId;
  readonly term: Term;
}

/**
 * Who leads, as this member last heard: kept beside raft so that every answer's header can say the term without asking
 * the node for its whole status.
 */
export class Leadership {
  readonly #self: NodeId;
  readonly #listeners = new Set<(now: LeaderChange) => void>();
  #term: Term;
  #leader: NodeId = NOBODY;
  #changes = 0;

  constructor(self: NodeId, term: Term) {
    this.#self = self;
    this.#term = term;
  }

  get term(): Term {
    return this.#term;
  }
  /** {@link NOBODY} while no leader of the current term is known. */
  get leader(): NodeId {
    return this.#leader;
  }
  get isLeader(): boolean {
    return this.#leader === this.#self;
  }
  /** Leaders seen so far. */
  get changes(): number {
    return this.#changes;
  }

  /** Called when the leader changed, after it did. @returns takes the listener off */
  onChange(listener: (now: LeaderChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** What raft tells whenever leader, role or term changed. */
  update(state: SoftState & { readonly term: Term }): void {
    const again = state.leader === NOBODY || state.term === this.#term;
    this.#term = state.term;
    // The same leader in a later term was elected anew.
    if (state.leader === this.#leader && again) return;
    this.#leader = state.leader;
    if (state.leader !== NOBODY) this.#changes++;
    for (const listener of [...this.#listeners]) {
      listener({ isLeader: this.isLeader, leader: state.leader, term: state.term });
    }
  }
}
