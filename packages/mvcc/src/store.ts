import { assert, type Clock } from '@kontiki/std';
import type { Backend } from './backend/backend.js';
import { markScheduled, readMarks } from './backend/layout.js';
import { type Content, contentOf } from './content.js';
import { compactedError, futureRevisionError, MvccError } from './errors.js';
import { type HashJob, type HistoryHash, hashHistory } from './hash.js';
import { type MvccMetrics, withSilence } from './metrics.js';
import type { MvccOptions, ReplaceOptions } from './options.js';
import { Past } from './past.js';
import { type Restored, restore } from './restore.js';
import { Slices } from './slices.js';
import { SlicedView } from './txn/sliced-view.js';
import { isReadOnly, type Op, runTxn, type Txn, type TxnCheck, type TxnResult } from './txn/txn.js';
import { View } from './txn/view.js';
import { Write } from './txn/write.js';
import type { EncodedRangeResult, Key, KeyRange, RangeOptions, RangeResult } from './types.js';
import { Hub, type WatchStatus } from './watch/hub.js';
import type { Watcher, WatchOptions } from './watch/watcher.js';

const NO_OPTIONS: RangeOptions = {};
const NO_CHECK: TxnCheck = {};

/**
 * A key-value store that remembers: every write makes a revision, every revision can be read until it is compacted.
 *
 * Everything that decides is synchronous. A method that throws has changed nothing. Revisions start at 1, the empty store.
 */
export class MvccStore {
  readonly #options: Omit<MvccOptions, 'backend'>;
  readonly #clock: Clock;
  readonly #hub: Hub;
  readonly #metrics: MvccMetrics;
  readonly #hashLimit: number;
  #content: Content;
  #hashes: readonly HistoryHash[] = [];
  #replacing = false;
  #closed = false;

  /** Rebuilds the index from the backend, and takes up a compaction that was interrupted. Throws `CORRUPT`. */
  static async open(options: MvccOptions): Promise<MvccStore> {
    const { backend, onAttached } = options;
    const restored = await restore(backend);
    if (onAttached !== undefined) for (const [key, lease] of restored.leases) onAttached(key, lease);
    const store = new MvccStore(options, restored);
    store.#resume(restored);
    return store;
  }

  private constructor({ backend, ...options }: MvccOptions, restored: Restored) {
    // Not the backend: it may be replaced, and is not kept alive then.
    this.#options = options;
    this.#clock = options.clock;
    this.#metrics = withSilence(options.metrics);
    this.#hashLimit = options.compactionHashes ?? 0;
    this.#content = contentOf(backend, restored, options, this.#metrics);
    this.#hub = new Hub(new Past(() => this.#content), options.watch);
    this.#measure();
  }

  /** That of the newest write; 1 for an empty store. */
  get revision(): number {
    return this.#content.revision;
  }

  /** The oldest revision that can be read; -1 when never compacted. */
  get compactedRevision(): number {
    return this.#content.versions.compactedRevision;
  }

  /** Keys that exist now. */
  get size(): number {
    return this.#content.versions.index.live;
  }

  /** Throws `COMPACTED`, `FUTURE_REVISION`. */
  range(range: KeyRange, options: RangeOptions = NO_OPTIONS): RangeResult {
    this.#assertOpen();
    this.#metrics.ranges.add();
    return new View(this.#content.versions, this.revision).range(range, options);
  }

  /** As {@link range}, entries as they are stored. */
  rangeEncoded(range: KeyRange, options: RangeOptions = NO_OPTIONS): EncodedRangeResult {
    this.#assertOpen();
    this.#metrics.ranges.add();
    return new View(this.#content.versions, this.revision).rangeEncoded(range, options);
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
    return runTxn(txn, this.#content.versions, this.revision, undefined, NO_CHECK);
  }

  /**
   * One atomic write: a new revision if anything changed. Watchers have it when this returns.
   * Throws `LEASE_NOT_FOUND`, `KEY_NOT_FOUND`, `COMPACTED`, `FUTURE_REVISION`.
   */
  txn(txn: Txn, check: TxnCheck = NO_CHECK): TxnResult {
    this.#assertOpen();
    const { versions, revision } = this.#content;
    const write = new Write(versions, versions, revision);
    let result: TxnResult;
    try {
      result = runTxn(txn, versions, revision, write, check);
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
    if (revision > this.revision) throw futureRevisionError(revision, this.revision);
    const { backend, versions } = this.#content;
    const { scheduled, finished } = readMarks(backend);
    const before = scheduled === finished && this.#hashLimit > 0 ? this.#compactionHash(revision) : undefined;
    markScheduled(backend, revision);
    versions.compactedRevision = revision;
    return { done: this.#startCompaction(revision, before) };
  }

  /** Resolves when no compaction is under way. */
  async compacted(): Promise<void> {
    let content: Content;
    do {
      content = this.#content;
      await content.compactor.idle();
    } while (content !== this.#content);
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
    const content = this.#content;
    const remembered = this.#hashes.find(({ hashRevision }) => hashRevision === revision);
    if (remembered !== undefined) return remembered;
    if (revision > 0 && revision < this.compactedRevision) throw compactedError(revision, this.compactedRevision);
    if (revision > content.revision) throw futureRevisionError(revision, content.revision);
    const job = this.#hashJob(revision === 0 ? content.revision : revision, false, () => this.#assertOpen());
    const startedMs = this.#clock.monotonic();
    const hash = await content.during(() => content.compactor.without(() => hashHistory(job)));
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

  /**
   * Takes what another backend holds for its own, as a member that lagged too far behind must. First everything is read, in slices, beside
   * the present state, which goes on being served; then the store switches in one synchronous step. Rejects with `STALE` when the new state
   * ends before the current one, with `CORRUPT`, `CLOSED`, or what the new backend throws: then nothing has changed.
   *
   * - Writes and compactions must not be made from the call to the switch. One replacement at a time.
   * - Watchers go on from their next revision in the new history, without gap or repeat; those whose next revision is compacted there end as
   *   `compacted`. What was buffered for them is dropped: the new history has it. Those that wait for a future revision go on waiting.
   * - Reads in slices and hashes under way at the switch end with the state they began with.
   * - A compaction under way ends at the switch; its `done` then waits for the new state to be compacted as far, and rejects with `CLOSED`
   *   when that never was asked to be. One that the new state had begun is carried on.
   * - Remembered hashes of compactions are forgotten.
   *
   * Resolves when nothing uses the old backend any more, which is some time after the switch if such reads are under way: only then may it
   * be closed. It is left open, and keeps what it held.
   */
  async replace(backend: Backend, options: ReplaceOptions = {}): Promise<void> {
    this.#assertOpen();
    assert(!this.#replacing, 'one replacement at a time');
    const old = this.#content;
    assert(backend !== old.backend, 'a state is replaced by another one');
    this.#replacing = true;
    try {
      const { revision, compactedRevision } = this;
      const slices = new Slices(this.#clock);
      const restored = await restore(backend, async () => {
        if (slices.due) await slices.next();
        this.#assertOpen();
      });
      this.#assertOpen();
      assert(
        old.revision === revision && old.versions.compactedRevision === compactedRevision,
        'nothing is written while the state is being replaced',
      );
      if (restored.revision < revision) {
        throw new MvccError('STALE', `the new state ends at revision ${restored.revision}, this one at ${revision}`);
      }
      this.#switchTo(backend, restored, options);
      await old.retire();
    } finally {
      this.#replacing = false;
    }
  }

  #switchTo(backend: Backend, restored: Restored, { onAttached, onSwitch }: ReplaceOptions): void {
    if (onAttached !== undefined) for (const [key, lease] of restored.leases) onAttached(key, lease);
    const before = this.revision;
    this.#content = contentOf(backend, restored, this.#options, this.#metrics);
    this.#hashes = [];
    this.#hub.replaced(before);
    this.#measure();
    if (this.compactedRevision >= 0) this.#metrics.compactRevision.set(this.compactedRevision);
    this.#resume(restored);
    onSwitch?.();
  }

  /** Carries on a compaction that the content was found in the middle of. */
  #resume({ interrupted }: Restored): void {
    if (interrupted !== undefined) this.#startCompaction(interrupted, undefined);
  }

  /** Ends watchers, reads in slices, hashes and the running compaction, which goes on after the next open. The backend stays open. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([this.#hub.close(), this.#content.compactor.close()]);
  }

  #one(op: Op): TxnResult {
    return this.txn({ compares: [], success: [op], failure: [] });
  }

  #publish(write: Write): void {
    this.#content.revision++;
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
    this.#hub.publish(this.revision, write.stored);
  }

  #measure(): void {
    this.#metrics.keys.set(this.size);
    this.#metrics.currentRevision.set(this.revision);
  }

  #hashJob(revision: number, compacting: boolean, check: () => void): HashJob {
    const { backend, versions } = this.#content;
    const { compactedRevision, index } = versions;
    const slices = new Slices(this.#clock);
    return { backend, index, revision, compactedRevision, compacting, slices, check };
  }

  /** Remembers the hash of what a compaction is about to compact. */
  #compactionHash(revision: number): () => Promise<void> {
    const content = this.#content;
    const check = (): void => {
      this.#assertOpen();
      if (content !== this.#content) throw replacedError(revision);
    };
    const job = this.#hashJob(revision, true, check);
    return async () => {
      const hash = await hashHistory(job);
      check();
      this.#remember(hash);
    };
  }

  #startCompaction(revision: number, before: (() => Promise<void>) | undefined): Promise<void> {
    this.#metrics.compactRevision.set(revision);
    const content = this.#content;
    const done = content.compactor.compact(revision, before).catch((error: unknown) => {
      if (this.#closed || content === this.#content) throw error;
      return this.#compactedElsewhere(revision);
    });
    // Whoever does not wait for it learns of a failure from the backend, which is where it comes from.
    done.catch(() => {});
    return done;
  }

  /** The state that was being compacted was replaced: the new one has the same compaction in its past, and perhaps still under way. */
  async #compactedElsewhere(revision: number): Promise<void> {
    await this.compacted();
    this.#assertOpen();
    const { finished = -1 } = readMarks(this.#content.backend);
    if (finished < revision) throw replacedError(revision);
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
    const content = this.#content;
    const view = new SlicedView(content.versions, content.revision, new Slices(this.#clock), check);
    return content.during(() => read(view));
  }

  #assertOpen(): void {
    if (this.#closed) throw new MvccError('CLOSED', 'the store is closed');
  }
}

function replacedError(revision: number): MvccError {
  return new MvccError('CLOSED', `the state was replaced before the compaction at ${revision} ended`);
}
