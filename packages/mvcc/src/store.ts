import { assert, type Clock, type Logger, silentLogger } from '@kontiki/std';
import type { Backend } from './backend/backend.js';
import { markScheduled, readMarks } from './backend/layout.js';
import { Compactor } from './compactor.js';
import { compactedError, futureRevisionError, MvccError } from './errors.js';
import { type HashJob, type HistoryHash, hashHistory } from './hash.js';
import { type MvccMetrics, withSilence } from './metrics.js';
import { Past } from './past.js';
import { restore } from './restore.js';
import { Slices } from './slices.js';
import { SlicedView } from './txn/sliced-view.js';
import { isReadOnly, type Op, runTxn, type Txn, type TxnCheck, type TxnResult } from './txn/txn.js';
import { View } from './txn/view.js';
import { Write } from './txn/write.js';
import type { EncodedRangeResult, Key, KeyRange, RangeOptions, RangeResult } from './types.js';
import { Versions } from './versions.js';
import { Hub, type HubOptions, type WatchStatus } from './watch/hub.js';
import type { Watcher, WatchOptions } from './watch/watcher.js';

export interface MvccOptions {
  /** Holds what the store holds; stays open when the store closes. */
  readonly backend: Backend;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Versions a compaction removes between two pauses; default 1000. */
  readonly compactionBatchLimit?: number;
  /** How long these pauses are; default 10. */
  readonly compactionPauseMs?: number;
  /** Memory for stored bytes that were written or read lately; default 64 MiB. */
  readonly valueCacheBytes?: number;
  /**
   * Of so many compactions, the latest, the hash of what they compacted is remembered until the store is closed, and answered by
   * {@link MvccStore.hash} for their revisions: members that compact alike can compare it at leisure. etcd keeps 10. Each compaction
   * then reads all history up to its revision. Default 0.
   */
  readonly compactionHashes?: number;
  readonly metrics?: Partial<MvccMetrics>;
  /** Bounds on what watching keeps in memory. */
  readonly watch?: HubOptions;
  /** Called while the store opens, for every key that has a lease. */
  readonly onAttached?: (key: Key, lease: bigint) => void;
}

const DEFAULT_CACHE = 64 * 2 ** 20;
const NO_OPTIONS: RangeOptions = {};
const NO_CHECK: TxnCheck = {};

/**
 * A key-value store that remembers: every write makes a revision, every revision can be read until it is compacted.
 *
 * Everything that decides is synchronous. A method that throws has changed nothing. Revisions start at 1, the empty store.
 */
export class MvccStore {
  readonly #backend: Backend;
  readonly #clock: Clock;
  readonly #versions: Versions;
  readonly #compactor: Compactor;
  readonly #hub: Hub;
  readonly #metrics: MvccMetrics;
  readonly #hashLimit: number;
  #hashes: readonly HistoryHash[] = [];
  #revision: number;
  #closed = false;

  /** Rebuilds the index from the backend, and takes up a compaction that was interrupted. Throws `CORRUPT`. */
  static async open(options: MvccOptions): Promise<MvccStore> {
    const restored = await restore(options.backend, options.onAttached);
    const versions = new Versions(options.backend, options.valueCacheBytes ?? DEFAULT_CACHE, restored);
    const store = new MvccStore(options, versions, restored.revision);
    if (restored.interrupted !== undefined) store.#startCompaction(restored.interrupted, undefined);
    return store;
  }

  private constructor(options: MvccOptions, versions: Versions, revision: number) {
    const logger = options.logger ?? silentLogger;
    this.#backend = options.backend;
    this.#clock = options.clock;
    this.#versions = versions;
    this.#revision = revision;
    this.#metrics = withSilence(options.metrics);
    this.#hashLimit = options.compactionHashes ?? 0;
    this.#compactor = new Compactor({
      index: versions.index,
      backend: options.backend,
      clock: options.clock,
      logger,
      metrics: this.#metrics,
      batchLimit: options.compactionBatchLimit ?? 1000,
      pauseMs: options.compactionPauseMs ?? 10,
      meanValueBytes: () => versions.meanValueBytes,
      onDropped: (count) => versions.dropped(count),
    });
    this.#hub = new Hub(new Past(options.backend, versions, () => this.#revision), options.watch);
    this.#measure();
  }

  /** That of the newest write; 1 for an empty store. */
  get revision(): number {
    return this.#revision;
  }

  /** The oldest revision that can be read; -1 when never compacted. */
  get compactedRevision(): number {
    return this.#versions.compactedRevision;
  }

  /** Keys that exist now. */
  get size(): number {
    return this.#versions.index.live;
  }

  /** Throws `COMPACTED`, `FUTURE_REVISION`. */
  range(range: KeyRange, options: RangeOptions = NO_OPTIONS): RangeResult {
    this.#assertOpen();
    this.#metrics.ranges.add();
    return new View(this.#versions, this.#revision).range(range, options);
  }

  /** As {@link range}, entries as they are stored. */
  rangeEncoded(range: KeyRange, options: RangeOptions = NO_OPTIONS): EncodedRangeResult {
    this.#assertOpen();
    this.#metrics.ranges.add();
    return new View(this.#versions, this.#revision).rangeEncoded(range, options);
  }

  /**
   * The answer of {@link range} at the time of the call, without holding the thread for more than a few milliseconds.
   * Rejects with `COMPACTED` also when a compaction overtakes the read, and with the signal's reason.
   */
  rangeInSlices(range: KeyRange, options: RangeOptions = NO_OPTIONS, signal?: AbortSignal): Promise<RangeResult> {
    return this.#sliced(signal, (view) => view.range(range, options));
  }

  /** As {@link rangeInSlices}, entries as they are stored. */
  rangeEncodedInSlices(
    range: KeyRange,
    options: RangeOptions = NO_OPTIONS,
    signal?: AbortSignal,
  ): Promise<EncodedRangeResult> {
    return this.#sliced(signal, (view) => view.rangeEncoded(range, options));
  }

  /** A transaction that only reads: it makes no revision. Throws `COMPACTED`, `FUTURE_REVISION`. */
  read(txn: Txn): TxnResult {
    this.#assertOpen();
    assert(isReadOnly(txn), 'a read-only transaction has ranges and nothing else');
    this.#metrics.txns.add();
    return runTxn(txn, this.#versions, this.#revision, undefined, NO_CHECK);
  }

  /**
   * One atomic write: a new revision if anything changed. Watchers have it when this returns.
   * Throws `LEASE_NOT_FOUND`, `KEY_NOT_FOUND`, `COMPACTED`, `FUTURE_REVISION`.
   */
  txn(txn: Txn, check: TxnCheck = NO_CHECK): TxnResult {
    this.#assertOpen();
    const write = new Write(this.#versions, this.#versions, this.#revision);
    let result: TxnResult;
    try {
      result = runTxn(txn, this.#versions, this.#revision, write, check);
      write.finish();
    } catch (error) {
      write.rollback();
      throw error;
    }
    this.#metrics.txns.add();
    if (write.stored.length > 0) this.#publish(write);
    return result;
  }

  put(key: Key, value: Uint8Array, options: { readonly lease?: bigint } = {}): { readonly revision: number } {
    const { revision } = this.#one({ kind: 'put', key, value, ...options });
    return { revision };
  }

  deleteRange(range: KeyRange): { readonly revision: number; readonly deleted: number } {
    const { revision, changes } = this.#one({ kind: 'delete', range });
    return { revision, deleted: changes.length };
  }

  /**
   * Gives up what is below `revision`: reads of it fail from now on. What nobody can read any more is removed in the
   * background; `done` resolves when that is over and committed. Throws `COMPACTED` when it is not above the last one,
   * `FUTURE_REVISION`.
   */
  compact(revision: number): { readonly done: Promise<void> } {
    this.#assertOpen();
    if (revision <= this.compactedRevision) throw compactedError(revision, this.compactedRevision);
    if (revision > this.#revision) throw futureRevisionError(revision, this.#revision);
    const { scheduled, finished } = readMarks(this.#backend);
    const before = scheduled === finished && this.#hashLimit > 0 ? this.#hashJob(revision, true) : undefined;
    markScheduled(this.#backend, revision);
    this.#versions.compactedRevision = revision;
    return { done: this.#startCompaction(revision, before) };
  }

  /** Resolves when no compaction is under way. */
  compacted(): Promise<void> {
    return this.#compactor.idle();
  }

  /** As {@link MvccOptions.compactionHashes} says, by revision. */
  get compactionHashes(): readonly HistoryHash[] {
    return this.#hashes;
  }

  /**
   * The checksum etcd calls HashKV: equal wherever history up to `revision` (0: the current one) and the compacted revision are equal,
   * however far that compaction has got. Rejects with `COMPACTED`, `FUTURE_REVISION`.
   */
  async hash(revision = 0): Promise<HistoryHash> {
    this.#assertOpen();
    const { compactedRevision } = this;
    const remembered = this.#hashes.find(({ hashRevision }) => hashRevision === revision);
    if (remembered !== undefined) return remembered;
    if (revision > 0 && revision < compactedRevision) throw compactedError(revision, compactedRevision);
    if (revision > this.#revision) throw futureRevisionError(revision, this.#revision);
    const job = this.#hashJob(revision === 0 ? this.#revision : revision, false);
    const startedMs = this.#clock.monotonic();
    const hash = await this.#compactor.without(() => hashHistory(job));
    this.#metrics.hashSeconds.observe((this.#clock.monotonic() - startedMs) / 1000);
    return hash;
  }

  /** Throws `EMPTY_RANGE`; `COMPACTED` only for a negative start, else the first batch says it. */
  watch(options: WatchOptions): Watcher {
    this.#assertOpen();
    return this.#hub.watch(options);
  }

  get watchStatus(): WatchStatus {
    return this.#hub.status;
  }

  /** Ends watchers, reads in slices, hashes and the running compaction, which goes on after the next open. The backend stays open. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([this.#hub.close(), this.#compactor.close()]);
  }

  #one(op: Op): TxnResult {
    return this.txn({ compares: [], success: [op], failure: [] });
  }

  #publish(write: Write): void {
    this.#revision++;
    let puts = 0;
    let putBytes = 0;
    for (const { type, encoded } of write.stored) {
      if (type !== 'put') continue;
      puts++;
      putBytes += encoded.length;
    }
    const deletes = write.stored.length - puts;
    if (puts > 0) this.#metrics.puts.add(puts);
    if (deletes > 0) this.#metrics.deletes.add(deletes);
    if (putBytes > 0) this.#metrics.putBytes.add(putBytes);
    this.#measure();
    this.#hub.publish(this.#revision, write.stored);
  }

  #measure(): void {
    this.#metrics.keys.set(this.#versions.index.live);
    this.#metrics.currentRevision.set(this.#revision);
  }

  #hashJob(revision: number, compacting: boolean): HashJob {
    const { compactedRevision, index } = this.#versions;
    const check = (): void => this.#assertOpen();
    const slices = new Slices(this.#clock);
    return { backend: this.#backend, index, revision, compactedRevision, compacting, slices, check };
  }

  #startCompaction(revision: number, job: HashJob | undefined): Promise<void> {
    this.#metrics.compactRevision.set(revision);
    const done = this.#compactor.compact(revision, async () => {
      if (job !== undefined) this.#remember(await hashHistory(job));
    });
    // Whoever does not wait for it learns of a failure from the backend, which is where it comes from.
    done.catch(() => {});
    return done;
  }

  #remember(hash: HistoryHash): void {
    this.#hashes = [...this.#hashes, hash].slice(-this.#hashLimit);
  }

  async #sliced<T>(signal: AbortSignal | undefined, read: (view: SlicedView) => Promise<T>): Promise<T> {
    const check = (): void => {
      this.#assertOpen();
      signal?.throwIfAborted();
    };
    check();
    this.#metrics.ranges.add();
    return read(new SlicedView(this.#versions, this.#revision, new Slices(this.#clock), check));
  }

  #assertOpen(): void {
    if (this.#closed) throw new MvccError('CLOSED', 'the store is closed');
  }
}
