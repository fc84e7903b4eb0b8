import { assert } from '@kontiki/std';
import type { SharedEvent } from './shared-event.js';

export interface RecentOptions {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/**
 * The last changes, in memory: who is only a little behind is served from here, and who comes from history finds the gap between a scan's
 * end and the present already closed.
 *
 * Invariant: holds every change of the revisions from `first` to the last published, and no revision in part.
 */
export class Recent {
  readonly #options: RecentOptions;
  #events: (SharedEvent | undefined)[] = [];
  /** Slots before it are empty. */
  #head = 0;
  #bytes = 0;
  #first = Number.MAX_SAFE_INTEGER;
  #last = 0;

  constructor(options: RecentOptions) {
    this.#options = options;
  }

  /** Everything from this revision on is here. */
  covers(revision: number): boolean {
    return revision >= this.#first;
  }

  push(event: SharedEvent): void {
    if (event.revision !== this.#last) {
      assert(this.#last === 0 || event.revision === this.#last + 1, 'every revision is published, in order');
      this.#last = event.revision;
      if (this.#first > event.revision) this.#first = event.revision;
    }
    this.#events.push(event);
    this.#bytes += event.bytes;
  }

  /** Forgets the oldest revisions, as far as there are too many. Between writes only. */
  trim(): void {
    const { maxEvents, maxBytes } = this.#options;
    while (this.#events.length - this.#head > maxEvents || this.#bytes > maxBytes) {
      const revision = this.#events[this.#head]!.revision;
      while (this.#head < this.#events.length && this.#events[this.#head]!.revision === revision) {
        const event = this.#events[this.#head]!;
        this.#bytes -= event.bytes;
        if (event.holders > 0) event.isolate();
        this.#events[this.#head++] = undefined;
      }
      this.#first = revision + 1;
    }
    if (this.#head > 1024 && this.#head * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Forgets everything, which nobody holds any more. What is published next need not follow on it. */
  clear(): void {
    this.#events = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#first = Number.MAX_SAFE_INTEGER;
    this.#last = 0;
  }

  /** Every change from `revision` on, which must be covered. */
  from(revision: number): readonly SharedEvent[] {
    assert(this.covers(revision), 'only asked for what is here');
    let low = this.#head;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.revision < revision) low = middle + 1;
      else high = middle;
    }
    return this.#events.slice(low) as SharedEvent[];
  }
}
