import { Deferred } from '@kontiki/std';
import type { Bell } from './bell.js';
import type { CatchUp } from './catch-up.js';
import type { History } from './history.js';
import type { LiveWatchers } from './live.js';
import type { Attendant, WatchBatch, Watcher, WatcherState } from './watcher.js';

/** What all subscriptions of one store have in common. */
export interface Surroundings {
  readonly history: History;
  readonly live: LiveWatchers;
  readonly catchUp: CatchUp;
  readonly bell: Bell;
  /** The subscription is over and holds nothing any more. */
  readonly onEnded: (subscription: Subscription) => void;
}

/**
 * What a user holds of a watcher: gives what is buffered, and asks history while the watcher lags.
 *
 * The one rule, kept by {@link #settle}: a consumer that listens (it took, and was not told since) and for whom nothing is buffered
 * either has a live watcher or has asked history.
 */
export class Subscription implements Watcher, Attendant {
  readonly #state: WatcherState;
  readonly #around: Surroundings;
  readonly #onReadable: (() => void) | undefined;
  #readers: Deferred<IteratorResult<WatchBatch, undefined>>[] | undefined;

  constructor(state: WatcherState, around: Surroundings, onReadable: (() => void) | undefined) {
    this.#state = state;
    this.#around = around;
    this.#onReadable = onReadable;
    state.attendant = this;
    this.#settle();
  }

  take(): WatchBatch | undefined {
    const state = this.#state;
    state.armed = true;
    const batch = state.takeBatch(this.#around.history);
    this.#settle();
    return batch ?? this.#lastWord();
  }

  get synced(): boolean {
    const { phase, isEmpty, startRevision } = this.#state;
    return phase === 'live' && isEmpty && startRevision <= this.#around.history.revision;
  }

  get nextRevision(): number {
    const { phase, firstBuffered, next } = this.#state;
    if (firstBuffered !== undefined) return firstBuffered;
    return phase === 'live' ? Math.max(next, this.#around.history.revision + 1) : next;
  }

  get ended(): boolean {
    return this.#state.phase === 'ended' && !this.#state.isReadable;
  }

  cancel(): void {
    const state = this.#state;
    if (this.ended) return;
    state.next = this.nextRevision;
    if (state.phase === 'live') this.#around.live.leave(state);
    if (state.phase === 'lagging') this.#around.catchUp.leave(state);
    state.becomeEnded(undefined);
    state.clear();
    this.#over();
  }

  /**
   * History was exchanged for another one, which is the same up to `last`, the revision before the exchange, but may be compacted further.
   * Whatever is buffered is read again from there.
   */
  historyReplaced(last: number): void {
    const state = this.#state;
    if (state.phase === 'live') this.#around.live.leave(state);
    if (!state.isEmpty) state.fallBack();
    else if (state.phase === 'live') state.becomeLagging(last + 1);
    // A consumer that was told will take, and ask then.
    if (state.armed) this.#settle();
  }

  /** Called by the bell: something became readable, or was lost before the consumer heard of it. */
  attend(): void {
    // Told already: a reader took in between, which rings for what is left.
    if (!this.#state.armed) return;
    while (this.#readers !== undefined && this.#state.isReadable) this.#serve(this.#readers);
    if (!this.#state.isReadable) {
      this.#settle();
      return;
    }
    this.#state.armed = false;
    this.#onReadable?.();
  }

  [Symbol.asyncIterator](): AsyncIterator<WatchBatch, undefined> {
    return {
      next: () => this.#next(),
      return: async () => {
        this.cancel();
        return { done: true, value: undefined };
      },
    };
  }

  #next(): Promise<IteratorResult<WatchBatch, undefined>> {
    const reader = new Deferred<IteratorResult<WatchBatch, undefined>>();
    this.#readers ??= [];
    this.#readers.push(reader);
    if (this.#readers.length === 1) this.#serve(this.#readers);
    return reader.promise;
  }

  /** Gives the reader that has waited longest a batch, if there is one. */
  #serve(readers: Deferred<IteratorResult<WatchBatch, undefined>>[]): void {
    const reader = readers.shift()!;
    try {
      const value = this.take();
      if (value !== undefined) reader.resolve({ done: false, value });
      else if (this.ended) reader.resolve({ done: true, value: undefined });
      else readers.unshift(reader);
    } catch (error) {
      reader.reject(error);
    }
    if (readers.length === 0) this.#readers = undefined;
  }

  /** After `take`: if there is more, its consumer is told of it; if there is not and history has it, history is asked. */
  #settle(): void {
    const state = this.#state;
    if (state.phase === 'lagging' && state.isEmpty) this.#around.catchUp.want(state);
    if (state.isReadable) this.#around.bell.ring(state);
  }

  /** What an ended watcher says last, once. */
  #lastWord(): WatchBatch | undefined {
    const { end } = this.#state;
    if (end === undefined) return undefined;
    this.#state.clear();
    this.#over();
    if ('error' in end) throw end.error;
    return end.batch;
  }

  #over(): void {
    const readers = this.#readers;
    this.#readers = undefined;
    if (readers !== undefined) for (const reader of readers) reader.resolve({ done: true, value: undefined });
    this.#around.onEnded(this);
  }
}
