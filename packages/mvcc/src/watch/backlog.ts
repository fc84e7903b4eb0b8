import type { SharedEvent } from './shared-event.js';

/** A place in the backlog's line; the neighbours are the backlog's to write. */
export interface InLine<Holder> {
  older: Holder | undefined;
  newer: Holder | undefined;
}

/**
 * What all buffers of watchers keep in memory together, and who has been keeping something for longest.
 *
 * Invariants: an event counts once in `bytes`, however many hold it; who holds anything stands in the line, once, in order of when
 * it began to.
 */
export class Backlog<Holder extends InLine<Holder>> {
  readonly #maxBytes: number;
  /** Of the distinct events held. */
  bytes = 0;
  /** Held, each as often as it is. */
  events = 0;
  /** Ever taken, each as often as it was. */
  taken = 0;
  #oldest: Holder | undefined;
  #newest: Holder | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Who has to give up what it holds, because all together hold too much: whose consumer left something untaken for longest. Never the
   * newest, so that one always gets through.
   */
  get excess(): Holder | undefined {
    return this.bytes > this.#maxBytes && this.#oldest !== this.#newest ? this.#oldest : undefined;
  }

  hold(event: SharedEvent): void {
    this.events++;
    if (event.holders++ === 0) this.bytes += event.bytes;
  }

  release(event: SharedEvent): void {
    this.events--;
    if (--event.holders === 0) this.bytes -= event.bytes;
  }

  enter(holder: Holder): void {
    holder.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = holder;
    else this.#newest.newer = holder;
    this.#newest = holder;
  }

  leave(holder: Holder): void {
    const { older, newer } = holder;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    holder.older = undefined;
    holder.newer = undefined;
  }
}
