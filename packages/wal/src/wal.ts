import { silentLogger } from '@kontiki/std';
import { BatchEncoder } from './batch.js';
import { join, listSegments, requireConsecutive, syncPath } from './directory.js';
import { fullDisk, WalError } from './errors.js';
import type { WalRecord } from './frame.js';
import type { WalOptions } from './options.js';
import { type LogCount, type LogRange, readLog } from './reader.js';
import { recoverSegment } from './recovery.js';
import type { Repair } from './repair.js';
import { createSegment, type OpenSegment } from './segment-file.js';
import { makeSegment, type Segment, segmentOf, UNFINISHED } from './segment-name.js';
import { type AppendOptions, Writer } from './writer.js';

export interface CreateOptions extends WalOptions {
  /** Written right after the first head, so that no log without them ever exists (etcd: its empty snapshot mark). */
  readonly initial?: readonly WalRecord[];
}

export interface OpenOptions extends WalOptions {
  /** Read from the segment that holds this position on. Absent: from the oldest. */
  readonly from?: number;
}

export interface OpenedWal {
  /** Ready to append; `records` may be read before that, meanwhile, or never. */
  readonly wal: Wal;
  /**
   * Everything from the start of the first segment read, its head included, up to what was there at `open`. Each
   * iteration reads the files anew, so it must come before `releaseBefore` takes them away. Throws WalError
   * `WAL_CORRUPT` at a damaged record, after all records before it.
   */
  readonly records: AsyncIterable<WalRecord>;
  /** Set when an interrupted write was cut off the end. */
  readonly repaired?: Repair;
}

/** An append-only log in a folder of its own. It has one writer; whoever opens it keeps others out. */
export class Wal {
  readonly #options: WalOptions;
  readonly #segments: Segment[];
  readonly #writer: Writer;
  /** What removes or reads whole files, one after another. */
  #maintenance: Promise<unknown> = Promise.resolve();

  private constructor(options: WalOptions, segments: Segment[], writer: Writer) {
    this.#options = options;
    this.#segments = segments;
    this.#writer = writer;
  }

  /**
   * Starts a log: made in a temporary folder beside `directory`, renamed into place when it is whole and on the disk.
   * @throws WalError `WAL_EXISTS` when the folder has anything in it; `WAL_NO_SPACE`
   */
  static async create(options: CreateOptions): Promise<Wal> {
    const { fileSystem, directory, sync = true } = options;
    if ((await fileSystem.exists(directory)) && (await fileSystem.list(directory)).length > 0) {
      throw new WalError('WAL_EXISTS', `${directory} is not empty`);
    }
    try {
      const temporary = directory.replace(/\/+$/, '') + UNFINISHED;
      await fileSystem.makeDirectory(temporary);
      for (const name of await fileSystem.list(temporary)) await fileSystem.remove(join(temporary, name));
      const segment = makeSegment(0, 0);
      const head = [...options.head(), ...(options.initial ?? [])];
      const made = await createSegment(fileSystem, temporary, segment, 0, head, new BatchEncoder(), sync);
      await made.file.close();
      await fileSystem.rename(temporary, directory);
      if (sync) await syncPath(fileSystem, directory);
      const file = await fileSystem.open(join(directory, segment.name), 'write');
      return Wal.#start(options, [segment], { ...made, file });
    } catch (error) {
      throw fullDisk(directory, error);
    }
  }

  /**
   * Opens what `create`, an earlier `open`, or etcd left, cuts a torn tail off and makes the rest durable.
   * @throws WalError `WAL_MISSING` when there is no log, or none that goes back to `from`; `WAL_CORRUPT` when a file is
   * missing or the last one is damaged (damage in the others shows when `records` gets there); `WAL_NO_SPACE`
   */
  static async open(options: OpenOptions): Promise<OpenedWal> {
    const { fileSystem, directory, from } = options;
    const { segments, unfinished } = await listSegments(fileSystem, directory);
    const first = from === undefined ? 0 : segmentOf(segments, from);
    if (first < 0) {
      throw new WalError('WAL_MISSING', `the oldest segment of ${directory} starts after position ${from}`);
    }
    const wanted = segments.slice(first);
    requireConsecutive(directory, wanted);
    try {
      for (const name of unfinished) await fileSystem.remove(join(directory, name));
      const { current, end, repaired } = await recoverSegment(options, wanted.at(-1)!);
      const range: LogRange = { segments: wanted, end };
      const { logger = silentLogger } = options;
      if (repaired !== undefined) logger.warn('cut off an interrupted write', { ...repaired });
      return {
        wal: Wal.#start(options, [...segments], current),
        records: {
          async *[Symbol.asyncIterator](): AsyncGenerator<WalRecord, void, undefined> {
            for await (const batch of readLog(fileSystem, directory, range, true, options.check)) {
              // Not `yield*`: in an async generator that awaits each element twice.
              for (const record of batch) yield record;
            }
          },
        },
        ...(repaired !== undefined && { repaired }),
      };
    } catch (error) {
      throw fullDisk(directory, error);
    }
  }

  static #start(options: WalOptions, segments: Segment[], current: OpenSegment): Wal {
    return new Wal(options, segments, new Writer(options, current, (segment) => segments.push(segment)));
  }

  /** The files of the log, oldest first; records are appended to the last. */
  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /**
   * Adds records, in the order of the calls. All appends that wait together share one write and one datasync. The
   * records must not change until this resolves. None at all, with `sync`, waits for everything appended before.
   *
   * @returns resolves when the records are as safe as asked for; a rejection leaves open whether they are in the log
   * @throws WalError `WAL_NO_SPACE`, `WAL_POISONED` (both for good: this and every later append), `WAL_CLOSED`
   */
  append(records: readonly WalRecord[], options: AppendOptions): Promise<void> {
    return this.#writer.append(records, options);
  }

  /**
   * Removes the files that hold only records before `position`; the last file stays. Oldest first, each removal durable
   * before the next, so that no power cut leaves a gap.
   *
   * @param keep.segments  at least this many files stay
   * @returns the names of the removed files
   */
  releaseBefore(position: number, keep: { readonly segments?: number } = {}): Promise<readonly string[]> {
    return this.#maintain(async () => {
      const { fileSystem, directory, sync = true } = this.#options;
      const needed = segmentOf(this.#segments, position);
      const removable = Math.min(needed, this.#segments.length - Math.max(1, keep.segments ?? 1));
      const removed: string[] = [];
      while (removed.length < removable) {
        const { name } = this.#segments[0]!;
        await fileSystem.remove(join(directory, name));
        this.#segments.shift();
        removed.push(name);
        if (sync) await fileSystem.syncDirectory(directory);
      }
      return removed;
    });
  }

  /**
   * Reads everything written so far and checks it.
   * @throws WalError `WAL_CORRUPT`
   */
  verify(): Promise<LogCount> {
    return this.#maintain(async () => {
      const { fileSystem, directory } = this.#options;
      const { segment, offset } = this.#writer.end;
      const segments = this.#segments.slice(0, this.#segments.indexOf(segment) + 1);
      requireConsecutive(directory, segments);
      const reading = readLog(fileSystem, directory, { segments, end: offset }, false);
      for (;;) {
        const step = await reading.next();
        if (step.done === true) return step.value;
      }
    });
  }

  /**
   * Waits for what was appended, syncs what was not asked to be, and closes the file. The log may be opened again.
   * @throws WalError `WAL_POISONED` when that last datasync fails
   */
  async close(): Promise<void> {
    await this.#writer.close();
    await this.#maintenance;
  }

  #maintain<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#maintenance.then(work);
    this.#maintenance = done.catch(() => {});
    return done;
  }
}
