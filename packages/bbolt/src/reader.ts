import { compare, printable } from '@kontiki/std';
import { checkFile } from './check.js';
import { BboltError, badOption } from './errors.js';
import { PageFile } from './page-file.js';
import { PageSet } from './page-set.js';
import type { PageSource, Records } from './ports.js';
import { leafFor, leaves } from './tree.js';
import type { TreePage } from './tree-page.js';

/** The name of a top-level bucket, or the names from there down to a bucket in buckets. */
export type BucketPath = Uint8Array | readonly Uint8Array[];

export interface RecordsOptions {
  /** Records in a chunk, at most. Default 1,000. */
  readonly chunk?: number;
}

/** Bytes of records after which a chunk is handed out, however few they are. */
const CHUNK_BYTES = 1 << 20;

/** Where the records of a bucket are: its root page, or the page itself when it is kept in the bucket's own record. */
type Root = number | TreePage;

/**
 * Reads a bbolt database, page by page as it is asked for. Only what was checked is handed out; what is damaged throws
 * `BBOLT_CORRUPT` with the page and its offset, and an error of the source comes as it is.
 *
 * What one page cannot show (two buckets that share their pages, pages that belong to nobody) only `check` finds.
 * bbolt keeps no checksum of keys and values, so a changed byte in those is found by nobody.
 */
export class DatabaseReader {
  readonly #file: PageFile;

  private constructor(file: PageFile) {
    this.#file = file;
  }

  /**
   * @throws BboltError `BBOLT_INVALID` when this is no database, `BBOLT_TRUNCATED` when it is cut short, `BBOLT_CORRUPT`
   */
  static async open(source: PageSource): Promise<DatabaseReader> {
    return new DatabaseReader(await PageFile.open(source));
  }

  /** In bytes. */
  get pageSize(): number {
    return this.#file.meta.pageSize;
  }

  /** Of the database, free pages included. The file may be longer. */
  get sizeBytes(): number {
    return this.#file.meta.pageCount * this.#file.meta.pageSize;
  }

  /** Of the last transaction that was written. */
  get txid(): bigint {
    return this.#file.meta.txid;
  }

  /**
   * The names of the top-level buckets, or of those in the bucket `parent`, in order.
   * @throws BboltError `BBOLT_CORRUPT`, `BBOLT_NO_BUCKET`
   */
  async buckets(parent: BucketPath = []): Promise<readonly Uint8Array[]> {
    const names: Uint8Array[] = [];
    const { root, path } = await this.#find(parent);
    for await (const leaf of this.#leaves(root)) {
      for (let i = 0; i < leaf.count; i++) {
        if (leaf.isBucket(i)) names.push(new Uint8Array(leaf.key(i)));
        else if (path.length === 0) throw leaf.corrupt(`element ${i} is a record outside of every bucket`);
      }
    }
    return names;
  }

  /**
   * The records of a bucket in key order, buckets in it left out. Keys and values are views of larger pieces of memory,
   * written to by nobody: copy what is kept for long.
   *
   * @throws BboltError `BBOLT_CORRUPT`, `BBOLT_NO_BUCKET`, `BBOLT_OPTION`
   */
  async *records(bucket: BucketPath, { chunk = 1000 }: RecordsOptions = {}): AsyncGenerator<Records, void, undefined> {
    if (!Number.isInteger(chunk) || chunk < 1) throw badOption('chunk', 'a whole number from 1 on', chunk);
    const { root, path } = await this.#find(bucket);
    if (path.length === 0) throw badOption('bucket', 'the name of one, or at least one name', '[]');
    let records: (readonly [Uint8Array, Uint8Array])[] = [];
    let bytes = 0;
    for await (const leaf of this.#leaves(root)) {
      for (let i = 0; i < leaf.count; i++) {
        if (leaf.hasBuckets && leaf.isBucket(i)) continue;
        const key = leaf.key(i);
        const value = leaf.value(i);
        records.push([key, value]);
        bytes += key.length + value.length;
        if (records.length < chunk && bytes < CHUNK_BYTES) continue;
        yield records;
        records = [];
        bytes = 0;
      }
    }
    if (records.length > 0) yield records;
  }

  /**
   * Reads the whole database and holds it against everything it must be: what reading checks, and that each page is in
   * one place or free, as bbolt's own check does. Run it on files that come from elsewhere.
   *
   * @throws BboltError `BBOLT_CORRUPT`
   */
  check(): Promise<void> {
    return checkFile(this.#file);
  }

  async #find(bucket: BucketPath): Promise<{ root: Root; path: readonly Uint8Array[] }> {
    const path = bucket instanceof Uint8Array ? [bucket] : bucket;
    let root: Root = this.#file.meta.root;
    for (const [depth, name] of path.entries()) {
      const leaf: TreePage = typeof root === 'number' ? await leafFor(this.#file, root, name, this.#seen()) : root;
      const index = find(leaf, name);
      if (index === undefined || !leaf.isBucket(index)) {
        const names = path.slice(0, depth + 1).map(printable);
        throw new BboltError('BBOLT_NO_BUCKET', `there is no bucket ${names.join(' / ')}`);
      }
      root = leaf.bucket(index);
    }
    return { root, path };
  }

  async *#leaves(root: Root): AsyncGenerator<TreePage, void, undefined> {
    if (typeof root === 'number') yield* leaves(this.#file, root, this.#seen());
    else yield root;
  }

  #seen(): PageSet {
    return new PageSet(this.#file.meta.pageCount);
  }
}

function find(leaf: TreePage, name: Uint8Array): number | undefined {
  let [low, high] = [0, leaf.count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = compare(leaf.key(middle), name);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return undefined;
}
