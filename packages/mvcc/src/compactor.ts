import { type Clock, Deferred, type Logger } from '@kontiki/std';
import type { Backend } from './backend/backend.js';
import { KEY_TABLE, markFinished } from './backend/layout.js';
import { MvccError } from './errors.js';
import type { KeyIndex } from './index/key-index.js';
import type { MvccMetrics } from './metrics.js';
import { encodeRevision } from './revision.js';
import { Slices } from './slices.js';
import type { Key } from './types.js';

export interface CompactorOptions {
  readonly index: KeyIndex;
  readonly backend: Backend;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MvccMetrics;
  /** Versions removed between two pauses, and how long these are. */
  readonly batchLimit: number;
  readonly pauseMs: number;
  /** About how long a stored value is: for the backend's accounting. */
  readonly meanValueBytes: () => number;
  /** Told of what has gone. */
  readonly onDropped: (versions: number) => void;
}

/** Versions handled between two looks at the clock. */
const STRIDE = 128;

/**
 * Removes superseded versions, one compaction after the other, in small steps: from the index and from the backend in
 * the same turn, so the two never disagree about a version. What a crash leaves undone is done after the next open.
 */
export class Compactor {
  readonly #options: CompactorOptions;
  #queue: Promise<void> = Promise.resolve();
  /** While above 0 no step begins. */
  #holds = 0;
  #released = new Deferred<void>();
  readonly #closing = new Deferred<void>();
  #closed = false;

  constructor(options: CompactorOptions) {
    this.#options = options;
  }

  /**
   * Resolves when everything below `revision` that nobody can read any more is removed and committed. Rejects with
   * `CLOSED`, or with what the backend threw.
   * @param before  is waited for first, with nothing removed yet
   */
  compact(revision: number, before?: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(() => this.#run(revision, before));
    this.#queue = done.catch(() => {});
    return done;
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    return this.#queue;
  }

  /** Runs `work` with the index as it is, but for new revisions. */
  async without<T>(work: () => Promise<T>): Promise<T> {
    this.#holds++;
    try {
      return await work();
    } finally {
      this.#holds--;
      if (this.#holds === 0) {
        this.#released.resolve();
        this.#released = new Deferred();
      }
    }
  }

  /** No step begins any more; resolves when the one under way has ended. */
  close(): Promise<void> {
    this.#closed = true;
    this.#closing.resolve();
    return this.#queue;
  }

  async #run(revision: number, before: (() => Promise<void>) | undefined): Promise<void> {
    const { index, backend, clock, logger, metrics, batchLimit, pauseMs } = this.#options;
    const startedMs = clock.monotonic();
    this.#assertOpen();
    await before?.();
    const slices = new Slices(clock);
    let next: Key | null = '';
    let removed = 0;
    let inBatch = 0;
    while (true) {
      await this.#turn();
      const stepMs = clock.monotonic();
      const budget = Math.min(STRIDE, batchLimit - inBatch);
      const { dropped, looked, rest } = this.#step(next, revision, budget);
      removed += dropped;
      inBatch += looked;
      metrics.compactionPauseMs.observe(clock.monotonic() - stepMs);
      next = rest;
      if (next === null) break;
      if (inBatch >= batchLimit) {
        inBatch = 0;
        await Promise.race([slices.next(pauseMs), this.#closing.promise]);
      } else if (slices.due) await slices.next();
    }
    markFinished(backend, revision);
    await backend.commit();
    metrics.compactionTotalMs.observe(clock.monotonic() - startedMs);
    metrics.lastCompaction.set(Math.floor(clock.now() / 1000));
    logger.info('compacted', {
      revision,
      removed,
      keys: index.size,
      tookMs: Math.round(clock.monotonic() - startedMs),
    });
  }

  #step(start: Key, revision: number, budget: number): { dropped: number; looked: number; rest: Key | null } {
    const { index, backend, meanValueBytes, onDropped, metrics } = this.#options;
    const mean = meanValueBytes();
    let dropped = 0;
    const rest = index.compactStep(start, revision, budget, (key, main, sub, tombstone) => {
      dropped++;
      // A tombstone's value is its key behind a tag and a length.
      const valueBytes = tombstone ? key.length + 2 : mean;
      backend.delete(KEY_TABLE, encodeRevision(main, sub, tombstone), valueBytes);
    });
    onDropped(dropped);
    metrics.compactedVersions.add(dropped);
    return { dropped, looked: budget, rest };
  }

  async #turn(): Promise<void> {
    while (this.#holds > 0 && !this.#closed) await Promise.race([this.#released.promise, this.#closing.promise]);
    this.#assertOpen();
  }

  #assertOpen(): void {
    if (this.#closed) throw new MvccError('CLOSED', 'what is being compacted was closed before that ended');
  }
}
