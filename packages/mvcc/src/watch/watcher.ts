import { assert } from '@kontiki/std';
import type { Event, KeyRange } from '../types.js';
import type { Backlog, InLine } from './backlog.js';
import type { History } from './history.js';
import type { EventBatch, SharedEvent } from './shared-event.js';

/** What to watch and how to be told. */
export interface WatchOptions {
  /** Must hold at least one key. */
  readonly range: KeyRange;
  /**
   * The first revision of interest. Absent or 0: the next one. In the past: history first, then live. In the future: silent until it is
   * reached. Below what is kept: the first batch says `compacted`.
   */
  readonly startRevision?: number;
  /** Events carry what was there before. */
  readonly prevKv?: boolean;
  /** Kinds of events to leave out. A revision of which nothing is left is not delivered at all. */
  readonly filters?: readonly Event['type'][];
  /**
   * Called when {@link Watcher.take} has something to give, then not again until `take` was called. Always on its own, after the synchronous
   * turn that caused it: never inside `watch`, `take` or a write, so it may call anything. Must not throw.
   */
  readonly onReadable?: () => void;
  /** Events kept for a consumer that does not take them; at the next one it falls back on history. Default 4096. */
  readonly bufferMaxEvents?: number;
}

/** What a watcher gives at once. Revisions rise from batch to batch, and no revision is split over two. */
export type WatchBatch =
  | {
      readonly kind: 'events';
      /** Live: that of the events. From history: the store's current one, which may be above events still to come. */
      readonly revision: number;
      /** At least one; in the order in which the changes were made. */
      readonly events: readonly Event[];
    }
  | {
      /** Compaction overtook the watcher; there is nothing after this. */
      readonly kind: 'compacted';
      /** The oldest revision a new watch may start from. */
      readonly compactRevision: number;
    };

/** A place in the history of a range. Holds memory until it has ended: cancel it, or iterate it, which cancels it at the end. */
export interface Watcher extends AsyncIterable<WatchBatch> {
  /**
   * The next batch: while live, one revision; from history, up to 1000 revisions. Undefined: nothing now, or never again
   * ({@link ended}). Throws, once, what kept history from being read; the watcher has then ended.
   */
  take(): WatchBatch | undefined;
  /** Live, nothing waiting to be taken, and the start revision reached: every event still to come is above the store's current revision. */
  readonly synced: boolean;
  /** Everything below it was taken or did not matter: a watch that starts here continues this one without gap or repeat. */
  readonly nextRevision: number;
  /** Cancelled, compacted, failed or the store closed, and nothing left to take. */
  readonly ended: boolean;
  /** Lets go of everything at once; nothing is called or given after it. Idempotent. */
  cancel(): void;
}

/** Sizes that bound what one watcher keeps. */
export interface WatcherLimits {
  readonly bufferMaxEvents: number;
  readonly bufferMaxBytes: number;
  /** Of one batch from history. At least one whole revision fits, whatever its size. */
  readonly batchMaxRevisions: number;
  readonly batchMaxBytes: number;
}

/** Looks after one watcher when something happened to it. */
export interface Attendant {
  attend(): void;
}

/** How a watch ended by itself: with a last word, or with an error. */
export type WatchEnd = { readonly batch: WatchBatch } | { readonly error: unknown };

/**
 * One watcher, as the machinery sees it: what it wants, where it stands, what is buffered for it.
 *
 *            buffer full, or history exchanged: buffer dropped, history has it
 *          ┌──────┐ ─────────────────────────────────────────────> ┌─────────┐
 *   ──────>│ live │                                                │ lagging │<──── start revision in the past
 *          └──────┘ <───────────────────────────────────────────── └─────────┘
 *     │              nothing between it and the present                 │
 *     └──────────────────────────────> ended <──────────────────────────┘  compaction overtook it, history failed
 *           cancelled, store closed
 *
 * Invariants: buffered revisions rise and none is buffered in part; while lagging, everything buffered is below `next`, or being added
 * to by the scan it has `joined`; `hungry` only if lagging, with an empty buffer and a consumer that was not told since it last took.
 */
export class WatcherState implements InLine<WatcherState> {
  readonly range: KeyRange;
  readonly prevKv: boolean;
  readonly startRevision: number;
  phase: 'live' | 'lagging' | 'ended' = 'lagging';
  /** Lagging: where history goes on for it. Live: revisions below are not for it. */
  next: number;
  /** The consumer is to be told when there is something: true from `take` to the call of `onReadable`. */
  armed = true;
  /** Waits for its attendant. */
  rung = false;
  /** Asked history for more. */
  hungry = false;
  /** Takes part in the scan that is going on. */
  joined = false;
  /** Is found by scans. */
  findable = false;
  end: WatchEnd | undefined = undefined;
  attendant: Attendant | undefined = undefined;
  older: WatcherState | undefined = undefined;
  newer: WatcherState | undefined = undefined;
  readonly #puts: boolean;
  readonly #deletes: boolean;
  readonly #maxEvents: number;
  readonly #limits: WatcherLimits;
  readonly #backlog: Backlog<WatcherState>;
  #buffer: (SharedEvent | undefined)[] | undefined = undefined;
  /** Slots of the buffer before it were taken and are empty. */
  #head = 0;
  #bytes = 0;
  /** In the buffer, counted while lagging. */
  #revisions = 0;
  /** What is buffered from this revision on came live. */
  #liveFrom = 0;

  constructor(options: WatchOptions, next: number, limits: WatcherLimits, backlog: Backlog<WatcherState>) {
    this.range = options.range;
    this.prevKv = options.prevKv === true;
    this.startRevision = options.startRevision ?? 0;
    this.next = next;
    this.#puts = options.filters === undefined || !options.filters.includes('put');
    this.#deletes = options.filters === undefined || !options.filters.includes('delete');
    this.#maxEvents = options.bufferMaxEvents ?? limits.bufferMaxEvents;
    this.#limits = limits;
    this.#backlog = backlog;
  }

  get isEmpty(): boolean {
    return this.#buffer === undefined;
  }

  /** There is a batch, or an end to tell. */
  get isReadable(): boolean {
    return this.#buffer !== undefined || this.end !== undefined;
  }

  /** The first revision that is buffered. */
  get firstBuffered(): number | undefined {
    const buffer = this.#buffer;
    return buffer === undefined ? undefined : buffer[this.#head]!.revision;
  }

  wants(event: SharedEvent): boolean {
    return event.revision >= this.next && (event.type === 'put' ? this.#puts : this.#deletes);
  }

  /** May an event that was just published be added? A revision that is all there is fits whatever its size: history could not make it smaller. */
  hasRoom(event: SharedEvent): boolean {
    const buffer = this.#buffer;
    if (buffer === undefined) return true;
    if (buffer.length - this.#head < this.#maxEvents && this.#bytes < this.#limits.bufferMaxBytes) return true;
    return buffer[this.#head]!.revision === event.revision;
  }

  /** May an event from history be added to the batch that is being gathered? Always when its revision is there already. */
  hasBatchRoom(event: SharedEvent): boolean {
    if (this.#buffer === undefined) return true;
    if (this.#revisions < this.#limits.batchMaxRevisions && this.#bytes < this.#limits.batchMaxBytes) return true;
    return this.#buffer[this.#buffer.length - 1]!.revision === event.revision;
  }

  push(event: SharedEvent): void {
    const buffer = this.#buffer;
    if (buffer === undefined) {
      this.#buffer = [event];
      this.#revisions = 1;
      this.#backlog.enter(this);
    } else {
      if (buffer[buffer.length - 1]!.revision !== event.revision) this.#revisions++;
      buffer.push(event);
    }
    this.#bytes += event.bytes;
    this.#backlog.hold(event);
  }

  /** Takes what came from history all at once, what came live revision by revision. */
  takeBatch(history: History): EventBatch | undefined {
    const buffer = this.#buffer;
    if (buffer === undefined) return undefined;
    const first = buffer[this.#head]!;
    const fromHistory = this.phase !== 'live' || first.revision < this.#liveFrom;
    const bound = this.phase !== 'live' ? Number.MAX_SAFE_INTEGER : fromHistory ? this.#liveFrom : first.revision + 1;
    let end = this.#head + 1;
    while (end < buffer.length && buffer[end]!.revision < bound) end++;
    const last = buffer[end - 1]!.revision;
    // First what can fail: reading what was before.
    const batch: EventBatch =
      !fromHistory && end === this.#head + 1
        ? first.alone(this.prevKv, history)
        : {
            kind: 'events',
            revision: fromHistory ? history.revision : first.revision,
            events: buffer.slice(this.#head, end).map((event) => event!.event(this.prevKv, history)),
          };
    this.#backlog.taken += batch.events.length;
    if (this.next <= last) this.next = last + 1;
    this.#release(end);
    return batch;
  }

  /** Everything up to the present is buffered or taken: from here on it gets what is published. */
  becomeLive(current: number): void {
    assert(this.phase === 'lagging' && this.next > current, 'only who has seen all of history is live');
    this.phase = 'live';
    this.hungry = false;
    this.joined = false;
    this.#liveFrom = current + 1;
  }

  /** Drops what is buffered: history has it. Who ended with compaction loses it; being told so comes after it either way. */
  fallBack(): void {
    assert(this.#buffer !== undefined, 'only who has something buffered falls back');
    this.next = this.#buffer[this.#head]!.revision;
    if (this.phase === 'live') this.phase = 'lagging';
    this.joined = false;
    this.#release(this.#buffer.length);
  }

  /** Of a live watcher with nothing buffered: history may have something from `next` on. */
  becomeLagging(next: number): void {
    assert(this.phase === 'live' && this.#buffer === undefined, 'what is buffered is not left behind');
    this.phase = 'lagging';
    if (this.next < next) this.next = next;
  }

  /** What is buffered can still be taken, then `end`. */
  becomeEnded(end: WatchEnd | undefined): void {
    this.phase = 'ended';
    this.hungry = false;
    this.joined = false;
    this.end = end;
  }

  /** Lets go of everything buffered. */
  clear(): void {
    if (this.#buffer !== undefined) this.#release(this.#buffer.length);
    this.end = undefined;
  }

  /** Forgets the buffer up to slot `end`. */
  #release(end: number): void {
    const buffer = this.#buffer!;
    for (let i = this.#head; i < end; i++) {
      const event = buffer[i]!;
      buffer[i] = undefined;
      this.#bytes -= event.bytes;
      this.#backlog.release(event);
    }
    if (end === buffer.length) {
      this.#buffer = undefined;
      this.#head = 0;
      this.#revisions = 0;
      this.#backlog.leave(this);
    } else if (end >= 1024 && end * 2 >= buffer.length) {
      this.#buffer = buffer.slice(end);
      this.#head = 0;
    } else {
      this.#head = end;
    }
  }
}
