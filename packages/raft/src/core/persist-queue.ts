import { assert } from '@kontiki/std';
import type { Persist } from '../ready.js';
import type { HardState } from '../types.js';
import type { State } from './state.js';

/**
 * What this node has handed to the disk and not heard back about.
 * Invariant: batches come back in the order they went.
 */
export class PersistQueue {
  /** Oldest first. */
  readonly #inFlight: Persist[] = [];
  /** As of the last batch handed out. */
  #hardState: HardState;
  /** A tick passed since the commit index rose: time to write it down. */
  #commitDue = false;

  constructor(hardState: HardState) {
    this.#hardState = hardState;
  }

  tick(state: State): void {
    this.#commitDue = this.#hardState.commit !== state.log.committed;
  }

  /**
   * The next batch, if there is reason for one. A rise of the commit index alone is none until a tick: after a crash it
   * is learned again.
   */
  take({ log, hardState }: State): Persist | undefined {
    const before = this.#hardState;
    const promise = hardState.term !== before.term || hardState.vote !== before.vote;
    const commitChanged = hardState.commit !== before.commit;
    if (!log.unstable.hasUnhanded && !promise && !(commitChanged && this.#commitDue)) return undefined;
    const { entries, snapshot } = log.unstable.take();
    const persist: Persist = {
      ...((promise || commitChanged) && { hardState }),
      entries,
      ...(snapshot && { snapshot }),
      mustSync: promise || entries.length > 0 || snapshot !== undefined,
    };
    this.#hardState = hardState;
    this.#commitDue = false;
    this.#inFlight.push(persist);
    return persist;
  }

  landed(persist: Persist): void {
    assert(this.#inFlight.shift() === persist, 'batches were made durable out of order');
  }
}
