import type { Event, KeyRange } from '../types.js';

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

/**
 * A place in the history of a range. Iterating it waits for batches and cancels it at the end; so does nobody else: cancel what you do not
 * iterate to its end.
 */
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
