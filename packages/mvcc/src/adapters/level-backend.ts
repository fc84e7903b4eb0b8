/**
 * A Backend over an abstract-level database: `level` on disk, `memory-level` in memory.
 *
 *   put, delete -> current buffer -> committing buffer -> one batch -> database
 *   get, scan   <-  looked at in this order  <----------------------'
 *
 * Invariants: at most one batch is being written; what is in the committing buffer is never changed; a buffer is put
 * aside for committing only between two synchronous turns.
 *
 * @packageDocumentation
 */
import { type Clock, compare, copy, type Logger, silentLogger, type Timer } from '@kontiki/std';
import type { Backend, Records, ScanOptions } from '../backend/backend.js';
import { overlay, type Pending, WriteBuffer } from '../backend/buffer.js';
import { MvccError } from '../errors.js';
import { Slices } from '../slices.js';
import {
  type Binary,
  binaryOptions,
  compactDatabase,
  type LevelDatabase,
  lastRecord,
  scanDatabase,
} from './level-database.js';
import { LevelFiles } from './level-files.js';
import { mergedScan } from './level-scan.js';
import {
  batchMark,
  describe,
  type LevelTable,
  LevelTables,
  newestBatch,
  readBatchMark,
  readDescription,
  recordKey,
} from './level-tables.js';

export type { LevelDatabase };

export interface LevelBackendOptions {
  readonly clock: Clock;
  /** A commit follows the first uncommitted change after this long. Default 100. */
  readonly commitIntervalMs?: number;
  /** ... or the turn in which so many keys wait, or keys and values of so many bytes. Default 10,000 and 1 MiB. */
  readonly commitChanges?: number;
  readonly commitBytes?: number;
  /** Where the database's files are: their size is what `sizeBytes` tells, and a commit with `sync` covers all of its logs. */
  readonly directory?: string;
  readonly logger?: Logger;
  /** Called once, when a commit has failed: the backend is poisoned from then on. */
  readonly onError?: (error: unknown) => void;
}

const SYNC = { sync: true } as const;
const DEFAULT_CHUNK = 1000;

/** Keys below and above all others; never written. */
const LOWEST: Uint8Array = Uint8Array.of(0);
const HIGHEST: Uint8Array = Uint8Array.of(0xff, 0xff, 0xff, 0xff);

/** Between two looks at the sizes of files, at least. */
const SIZE_REFRESH_MS = 1000;

/** Writes put into a batch between two looks at the clock. */
const STRIDE = 256;

/**
 * Opens the database if it is not open, and a backend on it, which closes it in the end. Nobody else may write to it.
 * Throws `CORRUPT` when it lost a batch that others followed. Works fastest on a database with `view` for its own encodings.
 */
export async function openLevelBackend(db: LevelDatabase, options: LevelBackendOptions): Promise<LevelBackend> {
  await db.open();
  const tables = new LevelTables();
  const batches = new Set<number>();
  const own = scanDatabase(db, Uint8Array.of(0), Uint8Array.of(1));
  for (let chunk = await own.nextv(1000); chunk.length > 0; chunk = await own.nextv(1000)) {
    for (const [key, value] of chunk) {
      const table = readDescription(key, value);
      if (table !== undefined) tables.add({ ...table, highest: await highestKey(db, table.number) });
      const batch = readBatchMark(key, value);
      if (batch !== undefined) batches.add(batch);
    }
  }
  await own.close();
  const files = options.directory === undefined ? undefined : new LevelFiles(options.directory);
  const backend = new LevelBackend(db, options, tables, newestBatch(batches), files);
  await backend.refreshSize();
  return backend;
}

export class LevelBackend implements Backend {
  readonly #db: LevelDatabase;
  readonly #binary: Binary;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #intervalMs: number;
  readonly #maxChanges: number;
  readonly #maxBytes: number;
  readonly #onError: ((error: unknown) => void) | undefined;
  readonly #tables: LevelTables;
  readonly #files: LevelFiles | undefined;
  #current = new WriteBuffer();
  #committing: WriteBuffer | undefined;
  /** Number of the last batch written. */
  #batch: number;
  /** That batch, and some before it, may not be on disk. */
  #unsynced = false;
  /** The commits asked for, one after the other. */
  #queue: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  #full = false;
  #fileBytes = 0;
  /** Committed so far, and what of it the last look at the files had seen: they have grown by about the difference. */
  #committedBytes = 0;
  #sizedBytes = 0;
  #sizedAt = 0;
  #failure: MvccError | undefined;
  #closed = false;
  #closing: Promise<void> | undefined;

  /** Use {@link openLevelBackend}. */
  constructor(
    db: LevelDatabase,
    options: LevelBackendOptions,
    tables: LevelTables,
    batch: number,
    files: LevelFiles | undefined,
  ) {
    this.#db = db;
    this.#binary = binaryOptions(db);
    this.#clock = options.clock;
    this.#logger = options.logger ?? silentLogger;
    this.#intervalMs = options.commitIntervalMs ?? 100;
    this.#maxChanges = options.commitChanges ?? 10_000;
    this.#maxBytes = options.commitBytes ?? 2 ** 20;
    this.#onError = options.onError;
    this.#tables = tables;
    this.#batch = batch;
    this.#files = files;
  }

  get(table: string, key: Uint8Array): Uint8Array | undefined {
    this.#assertUsable();
    let pending = this.#current.get(table, key);
    if (pending === undefined) pending = this.#committing?.get(table, key);
    if (pending !== undefined) return pending ?? undefined;
    const known = this.#tables.get(table);
    return known && this.#read(known, key);
  }

  put(table: string, key: Uint8Array, value: Uint8Array): void {
    this.#assertUsable();
    this.#tables.open(table);
    this.#current.set(table, key, value);
    this.#changed();
  }

  delete(table: string, key: Uint8Array, valueBytes?: number): void {
    this.#assertUsable();
    if (this.#tables.get(table) === undefined) return;
    this.#current.set(table, key, null, valueBytes);
    this.#changed();
  }

  scan(table: string, options: ScanOptions = {}): AsyncIterable<Records> {
    this.#assertUsable();
    const known = this.#tables.get(table);
    if (known === undefined) return nothing();
    const { start, end, chunk = DEFAULT_CHUNK } = options;
    const lists = [this.#committing, this.#current].map((buffer) => buffer?.within(table, start, end) ?? []);
    const gte = start === undefined ? Uint8Array.of(known.number) : recordKey(known.number, start);
    const lt = end === undefined ? Uint8Array.of(known.number + 1) : recordKey(known.number, end);
    // The iterator is made here and not with the first chunk: it holds the state of the database as of this call.
    const stored = scanDatabase(this.#db, gte, lt);
    const isWhole = start === undefined && end === undefined && this.#committing === undefined;
    const batch = this.#batch;
    return mergedScan(stored, overlay(lists), chunk, (records, bytes) => {
      // If nothing was committed meanwhile, what was counted is better than any estimate.
      if (!isWhole || batch !== this.#batch || this.#committing !== undefined) return;
      known.records = records;
      known.bytes = bytes;
    });
  }

  tables(): readonly string[] {
    return this.#tables.all().map(({ name }) => name);
  }

  async commit(options?: { readonly sync?: boolean }): Promise<void> {
    this.#assertUsable();
    const done = this.#queue.then(() => this.#commit(options?.sync === true));
    this.#queue = done.catch(() => {});
    await done;
  }

  get pending(): { readonly changes: number; readonly bytes: number } {
    return {
      changes: this.#current.changes + (this.#committing?.changes ?? 0),
      bytes: this.#current.bytes + (this.#committing?.bytes ?? 0),
    };
  }

  /** Of a database without a directory: what its records come to. */
  sizeBytes(): number {
    const committed =
      this.#files === undefined ? this.#recordBytes() : this.#fileBytes + this.#committedBytes - this.#sizedBytes;
    return committed + this.pending.bytes;
  }

  /**
   * Keys and values of all records, what is pending included; never more than {@link sizeBytes}, although a database
   * that compresses may need less. An estimate only as far as `delete` was given estimates.
   */
  sizeInUseBytes(): number {
    return Math.min(this.#recordBytes() + this.pending.bytes, this.sizeBytes());
  }

  async defragment(): Promise<void> {
    await this.commit();
    // LevelDB puts what it has in memory straight into a deep level when nothing is in its way there, deleted records
    // and all, and then never compacts that level with itself. Deletions at both ends of all keys are in its way.
    for (let pass = 0; pass < 2; pass++) {
      const batch = this.#db.batch();
      for (const end of [LOWEST, HIGHEST]) batch.del(end, this.#binary);
      await batch.write({});
      await compactDatabase(this.#db);
    }
    await this.refreshSize();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#timer?.cancel();
    const last = this.#failure === undefined ? this.commit(SYNC) : undefined;
    // From here on: whatever came after would not be in the last batch.
    this.#closed = true;
    try {
      await last;
    } finally {
      await this.#db.close();
    }
  }

  /** Looks at the files. The backend does so itself after commits, at most once a second. */
  async refreshSize(): Promise<void> {
    this.#sizedAt = this.#clock.monotonic();
    if (this.#files === undefined) return;
    const seen = this.#committedBytes;
    this.#fileBytes = await this.#files.size();
    this.#sizedBytes = Math.max(this.#sizedBytes, seen);
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed) throw new MvccError('CLOSED', 'the backend is closed');
  }

  #read(table: LevelTable, key: Uint8Array): Uint8Array | undefined {
    return this.#db.getSync(recordKey(table.number, key), this.#binary);
  }

  #recordBytes(): number {
    return this.#tables.all().reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Sees to it that what was written is committed. */
  #changed(): void {
    const { changes, bytes } = this.#current;
    if ((changes >= this.#maxChanges || bytes >= this.#maxBytes) && !this.#full) {
      this.#full = true;
      // After the turn: whoever writes now may have more that belongs to the same batch.
      void Promise.resolve().then(() => this.#commitAlone());
    }
    this.#timer ??= this.#clock.after(this.#intervalMs, () => {
      this.#timer = undefined;
      void this.#commitAlone();
    });
  }

  async #commitAlone(): Promise<void> {
    // A failure has reached onError, and everybody who calls from now on.
    await this.commit().catch(() => {});
  }

  async #commit(sync: boolean): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#full = false;
    if (this.#current.changes === 0 && !(sync && this.#unsynced)) return;
    const buffer = this.#current;
    this.#committing = buffer;
    this.#current = new WriteBuffer();
    this.#timer?.cancel();
    this.#timer = undefined;
    try {
      if (sync && this.#unsynced) await this.#files?.syncLogs();
      await this.#write(buffer, sync);
    } catch (error) {
      const message = 'a commit failed: what the database holds is unknown until it is opened again';
      this.#failure = new MvccError('POISONED', message, { cause: error });
      this.#logger.error(message, { error: String(error) });
      this.#onError?.(this.#failure);
      throw this.#failure;
    }
    this.#committing = undefined;
    this.#committedBytes += buffer.bytes;
    this.#unsynced = !sync;
    if (this.#clock.monotonic() - this.#sizedAt >= SIZE_REFRESH_MS) {
      this.refreshSize().catch((error) =>
        this.#logger.warn('cannot tell the size of the database', { error: String(error) }),
      );
    }
  }

  async #write(buffer: WriteBuffer, sync: boolean): Promise<void> {
    const batch = this.#db.batch();
    const slices = new Slices(this.#clock);
    const touched = new Set<LevelTable>();
    let count = 0;
    for (const [name, { key, value, valueBytes }] of buffer.writes()) {
      const table = this.#tables.open(name);
      touched.add(table);
      this.#account(table, key, value, valueBytes);
      const whole = recordKey(table.number, key);
      if (value === null) batch.del(whole, this.#binary);
      else batch.put(whole, value, this.#binary);
      if (++count % STRIDE === 0 && slices.due) await slices.next();
    }
    for (const table of touched) {
      const { key, value } = describe(table);
      batch.put(key, value, this.#binary);
    }
    this.#batch++;
    const mark = batchMark(this.#batch);
    batch.put(mark.key, mark.value, this.#binary);
    await batch.write(sync ? SYNC : {});
  }

  /** Keeps a table's sums; must see a write before the database does. */
  #account(table: LevelTable, key: Uint8Array, value: Pending, valueBytes: number | undefined): void {
    const isNew = table.highest === undefined || compare(key, table.highest) > 0;
    if (value !== null && isNew) table.highest = key;
    let before: number | undefined;
    if (!isNew) before = value === null && valueBytes !== undefined ? valueBytes : this.#read(table, key)?.length;
    if (before !== undefined) {
      table.records--;
      table.bytes -= key.length + before;
    }
    if (value !== null) {
      table.records++;
      table.bytes += key.length + value.length;
    }
  }
}

async function* nothing(): AsyncGenerator<Records> {}

/** The highest key of a table. */
async function highestKey(db: LevelDatabase, table: number): Promise<Uint8Array | undefined> {
  const record = await lastRecord(db, Uint8Array.of(table), Uint8Array.of(table + 1));
  return record && copy(record[0].subarray(1));
}
