/**
 * Group commit. While one write and datasync is under way, everything appended waits; then all of it goes together.
 *
 * Invariants: one write of records is in flight at a time, and the next starts only after its datasync;
 * `durable ≤ offset ≤ reserved`; a mark is written only where `durable = offset`; once `#ended` is set nothing is
 * written any more.
 */
import {
  assert,
  Deferred,
  type FileSystem,
  type Logger,
  silentCounter,
  silentHistogram,
  silentLogger,
} from '@kontiki/std';
import { assertWritable, BatchEncoder } from './batch.js';
import { join } from './directory.js';
import { fullDisk, WalError } from './errors.js';
import { frameBytes, MARK_BYTES, type WalRecord } from './frame.js';
import { SEGMENT_BYTES, type WalOptions } from './options.js';
import { createSegment, type OpenSegment } from './segment-file.js';
import { makeSegment, type Segment } from './segment-name.js';

/** No batch grows beyond this, unless a single append does. */
const BATCH_BYTES = 4 * 1024 * 1024;
/** The tail is filled with zeros ahead of the records in steps of this. Measured: see docs/format.md. */
const AHEAD_BYTES = 1024 * 1024;

export interface AppendOptions {
  /** True: resolve when the records, and all before them, survive a power cut. False: when the OS has them. */
  readonly sync: boolean;
  /** What a segment that starts after these records is named by: the position of the first record it may hold. */
  readonly nextPosition: number;
}

interface Waiting {
  readonly records: readonly WalRecord[];
  readonly sync: boolean;
  readonly bytes: number;
  /** Set: a new segment starts after this append, at `position`, with these records at its head. */
  readonly cut: { readonly position: number; readonly head: readonly WalRecord[] } | undefined;
  readonly done: Deferred<void>;
}

export class Writer {
  readonly #options: WalOptions;
  readonly #fileSystem: FileSystem;
  readonly #segmentBytes: number;
  readonly #sync: boolean;
  readonly #onCut: (segment: Segment) => void;
  readonly #logger: Logger;
  readonly #encoder = new BatchEncoder();
  readonly #waiting: Waiting[] = [];
  #current: OpenSegment;
  /** Where `#current` will end once everything waiting is written; counts from its next segment after a cut. */
  #projected: number;
  #running: Promise<void> | undefined;
  #ahead: Promise<void> | undefined;
  #aheadFailed = false;
  #ended: WalError | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: WalOptions, current: OpenSegment, onCut: (segment: Segment) => void) {
    this.#options = options;
    this.#fileSystem = options.fileSystem;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#sync = options.sync ?? true;
    this.#onCut = onCut;
    this.#logger = options.logger ?? silentLogger;
    this.#current = current;
    this.#projected = current.offset;
  }

  /** End of what is written, in the last segment: a record boundary. */
  get end(): { readonly segment: Segment; readonly offset: number } {
    return { segment: this.#current.segment, offset: this.#current.offset };
  }

  append(records: readonly WalRecord[], options: AppendOptions): Promise<void> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (this.#closed !== undefined) return Promise.reject(new WalError('WAL_CLOSED', 'the log is closed'));
    assert(Number.isSafeInteger(options.nextPosition) && options.nextPosition >= 0, 'a position is a count');
    let bytes = 0;
    for (const record of records) {
      assertWritable(record);
      bytes += frameBytes(record);
    }
    this.#projected += bytes;
    let cut: Waiting['cut'];
    if (bytes > 0 && this.#projected >= this.#segmentBytes) {
      cut = { position: options.nextPosition, head: this.#options.head() };
      for (const record of cut.head) assertWritable(record);
      this.#projected = cut.head.reduce((sum, record) => sum + frameBytes(record), 2 * MARK_BYTES);
    }
    const done = new Deferred<void>();
    this.#waiting.push({ records, sync: options.sync && this.#sync, bytes, cut, done });
    this.#running ??= this.#run();
    return done.promise;
  }

  /** Waits for what was appended, then proves with a mark that all of it is safe, and closes the file. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#running;
    const current = this.#current;
    try {
      await this.#ahead;
      if (this.#ended === undefined) await this.#seal(current);
    } finally {
      await current.file.close();
    }
  }

  async #seal(current: OpenSegment): Promise<void> {
    if (!this.#sync) return;
    try {
      if (current.durable < current.offset) await this.#datasync(current);
    } catch (error) {
      this.#ended = poisoned(current.file.path, error);
      throw this.#ended;
    }
    if (current.marked) return;
    try {
      const { chunks, bytes } = this.#encoder.encode([], current.chain, 'after');
      await current.file.write(chunks, current.offset);
      current.offset += bytes;
      await this.#datasync(current);
    } catch (error) {
      // Nothing is lost with it: all records are on the disk. Damage in the last batch will be harder to tell.
      this.#logger.warn('cannot mark the end of the log', { file: current.file.path, error: String(error) });
    }
  }

  async #run(): Promise<void> {
    // Whatever else is appended in this turn goes along.
    await undefined;
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) {
      try {
        await this.#write(batch);
        const { cut } = batch.at(-1)!;
        if (cut !== undefined) await this.#cut(cut.position, cut.head);
      } catch (error) {
        this.#end(error, batch);
      }
    }
    this.#running = undefined;
  }

  /** What goes next: in order, up to a cut, up to the size of a batch. */
  #take(): readonly Waiting[] {
    let count = 0;
    let bytes = 0;
    for (const waiting of this.#waiting) {
      if (count > 0 && bytes + waiting.bytes > BATCH_BYTES) break;
      count++;
      bytes += waiting.bytes;
      if (waiting.cut !== undefined) break;
    }
    return this.#waiting.splice(0, count);
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const current = this.#current;
    const groups = batch.map(({ records }) => records);
    const hasRecords = groups.some((records) => records.length > 0);
    if (hasRecords) {
      const mark = this.#sync && current.durable === current.offset && !current.marked;
      const { chunks, bytes, chain } = this.#encoder.encode(groups, current.chain, mark ? 'before' : 'none');
      // Zeros on their way to where these records go would overwrite them.
      if (current.offset + bytes > current.reserved) await this.#ahead;
      const started = this.#options.clock.monotonic();
      try {
        await current.file.write(chunks, current.offset);
      } catch (error) {
        throw fullDisk(current.file.path, error);
      }
      (this.#options.writeSeconds ?? silentHistogram).observe((this.#options.clock.monotonic() - started) / 1000);
      (this.#options.writtenBytes ?? silentCounter).add(bytes);
      current.offset += bytes;
      current.reserved = Math.max(current.reserved, current.offset);
      current.chain = chain;
      current.marked = false;
    }
    let resolved = 0;
    // Those that need not wait for the disk, unless one before them does: answers keep the order of the calls.
    while (resolved < batch.length && !batch[resolved]!.sync) batch[resolved++]!.done.resolve();
    if (resolved < batch.length && current.durable < current.offset) await this.#datasync(current);
    while (resolved < batch.length) batch[resolved++]!.done.resolve();
    if (batch.at(-1)!.cut === undefined) this.#reserve(current);
  }

  async #datasync(current: OpenSegment): Promise<void> {
    const { offset } = current;
    const started = this.#options.clock.monotonic();
    await current.file.datasync();
    (this.#options.fsyncSeconds ?? silentHistogram).observe((this.#options.clock.monotonic() - started) / 1000);
    current.durable = offset;
  }

  /** Fills ahead with zeros while nobody waits for it, so that a datasync need not record a new size of the file. */
  #reserve(current: OpenSegment): void {
    if (this.#ahead !== undefined || this.#aheadFailed) return;
    if (current.reserved - current.offset >= AHEAD_BYTES / 2 || current.reserved >= this.#segmentBytes) return;
    const bytes = Math.min(AHEAD_BYTES, this.#segmentBytes - current.reserved);
    const end = current.reserved + bytes;
    this.#ahead = current.file.write([ZEROS.subarray(0, bytes)], current.reserved).then(
      () => {
        current.reserved = Math.max(current.reserved, end);
        this.#ahead = undefined;
      },
      (error: unknown) => {
        // Records reserve their own space, a little slower. When there is none at all, that write will say so.
        this.#aheadFailed = true;
        this.#ahead = undefined;
        this.#logger.warn('cannot reserve space for the log', { file: current.file.path, error: String(error) });
      },
    );
  }

  async #cut(position: number, head: readonly WalRecord[]): Promise<void> {
    const old = this.#current;
    await this.#ahead;
    if (this.#sync && old.durable < old.offset) await this.#datasync(old);
    await old.file.truncate(old.offset);
    const segment = makeSegment(old.segment.sequence + 1, position);
    const { directory } = this.#options;
    try {
      this.#current = await createSegment(
        this.#fileSystem,
        directory,
        segment,
        old.chain,
        head,
        this.#encoder,
        this.#sync,
      );
    } catch (error) {
      throw fullDisk(join(directory, segment.name), error);
    }
    this.#aheadFailed = false;
    this.#onCut(segment);
    await old.file.close();
  }

  /** No retry, ever: after a failed write or datasync the kernel may have dropped the pages and call them clean. */
  #end(error: unknown, batch: readonly Waiting[]): void {
    assert(this.#ended === undefined, 'a log ends once');
    this.#ended = error instanceof WalError ? error : poisoned(this.#current.file.path, error);
    for (const { done } of batch) done.reject(this.#ended);
    for (const { done } of this.#waiting.splice(0)) done.reject(this.#ended);
  }
}

/** Shared, never written to. */
const ZEROS = new Uint8Array(AHEAD_BYTES);

function poisoned(path: string, cause: unknown): WalError {
  return new WalError('WAL_POISONED', `${path} could not be written: ${String(cause)}`, { cause });
}
