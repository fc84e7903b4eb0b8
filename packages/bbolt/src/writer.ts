import { compare, printable } from '@kontiki/std';
import { BboltError, badOption } from './errors.js';
import { writeMeta } from './meta.js';
import { isPageSize, MAX_KEY_BYTES, MAX_PAGE_BYTES, MAX_VALUE_BYTES, MIN_PAGE_BYTES } from './page.js';
import { PageWriter } from './page-writer.js';
import type { PageSink, Records } from './ports.js';
import { TreeWriter } from './tree-writer.js';

export interface WriterOptions {
  /** In bytes, a power of two from 1,024 to 16,777,216. Default 4,096. */
  readonly pageSize?: number;
  /**
   * How full pages become, 10 to 100 percent. Default 90: what is written to the database later finds room in most pages.
   * Whatever it says, a page takes two records.
   */
  readonly fillPercent?: number;
  /** Of the transaction the database looks to be the outcome of, 1 or more. Default 2. */
  readonly txid?: number;
}

/**
 * Writes a whole database from ordered input: `bucket` for each bucket, then `finish`. Holds 2 MiB and a few pages,
 * however much there is.
 *
 * The file is a database only once `finish` has resolved: until then its first two pages are missing. Durable it is when
 * whoever opened it has synced it.
 *
 * writing -> finish -> finished; writing -> any error -> failed. Only `writing` takes calls, one at a time.
 */
export class DatabaseWriter {
  readonly #pages: PageWriter;
  readonly #fillBytes: number;
  readonly #txid: bigint;
  readonly #buckets: TreeWriter;
  #lastName: Uint8Array | undefined;
  #state: 'writing' | 'busy' | 'finished' | 'failed' = 'writing';

  /** @throws BboltError `BBOLT_OPTION` */
  constructor(sink: PageSink, { pageSize = 4096, fillPercent = 90, txid = 2 }: WriterOptions = {}) {
    if (!isPageSize(pageSize)) {
      throw badOption('pageSize', `a power of two from ${MIN_PAGE_BYTES} to ${MAX_PAGE_BYTES}`, pageSize);
    }
    if (!(fillPercent >= 10 && fillPercent <= 100)) throw badOption('fillPercent', 'from 10 to 100', fillPercent);
    if (!Number.isSafeInteger(txid) || txid < 1) throw badOption('txid', 'a whole number from 1 on', txid);
    this.#pages = new PageWriter(sink, pageSize);
    this.#fillBytes = Math.floor((pageSize * fillPercent) / 100);
    this.#txid = BigInt(txid);
    this.#buckets = new TreeWriter(this.#pages, this.#fillBytes);
  }

  /**
   * Writes a top-level bucket.
   *
   * @param name     comes after the one before it; 1 to 32,768 bytes
   * @param records  in key order, no key twice; keys of 1 to 32,768 bytes, values up to 2^31 - 2
   * @throws BboltError `BBOLT_ORDER`, `BBOLT_RECORD`, `BBOLT_CLOSED`; what `records` or the sink throw, as it is
   */
  bucket(name: Uint8Array, records: AsyncIterable<Records> | Iterable<Records>): Promise<void> {
    return this.#exclusively('writing', async () => {
      checkKey('the name of a bucket', name);
      if (this.#lastName !== undefined) checkOrder('bucket', this.#lastName, name);
      this.#lastName = new Uint8Array(name);
      const tree = new TreeWriter(this.#pages, this.#fillBytes);
      await addAll(tree, records, name);
      await this.#buckets.add({ key: this.#lastName, value: await tree.finishBucket(), isBucket: true });
    });
  }

  /**
   * Writes what makes the file a database.
   * @throws BboltError `BBOLT_CLOSED`; what the sink throws, as it is
   */
  finish(): Promise<{ readonly sizeBytes: number }> {
    return this.#exclusively('finished', async () => {
      const pages = this.#pages;
      const root = await this.#buckets.finish();
      const freelist = await pages.freelist();
      const { pageSize, pageCount } = pages;
      const metaPages = new Uint8Array(2 * pageSize);
      // The newer one where its transaction puts it, so that the next transaction writes over the older.
      const newer = Number(this.#txid % 2n);
      for (const id of [0, 1]) {
        const txid = id === newer ? this.#txid : this.#txid - 1n;
        const page = metaPages.subarray(id * pageSize, (id + 1) * pageSize);
        writeMeta(page, id, { pageSize, root, freelist, pageCount, txid });
      }
      await pages.finish(metaPages);
      return { sizeBytes: pageCount * pageSize };
    });
  }

  async #exclusively<T>(then: 'writing' | 'finished', work: () => Promise<T>): Promise<T> {
    if (this.#state !== 'writing') {
      const why = { busy: 'is busy with another call', finished: 'has finished', failed: 'has failed' }[this.#state];
      throw new BboltError('BBOLT_CLOSED', `the writer ${why}`);
    }
    this.#state = 'busy';
    try {
      const result = await work();
      this.#state = then;
      return result;
    } catch (error) {
      this.#state = 'failed';
      // Whoever hears of it may close the file.
      await this.#pages.settled();
      throw error;
    }
  }
}

async function addAll(
  tree: TreeWriter,
  records: AsyncIterable<Records> | Iterable<Records>,
  bucket: Uint8Array,
): Promise<void> {
  let last: Uint8Array | undefined;
  for await (const chunk of records) {
    for (const [key, value] of chunk) {
      checkKey('a key', key);
      if (value.length > MAX_VALUE_BYTES) {
        throw new BboltError('BBOLT_RECORD', `a value has ${value.length} bytes, more than ${MAX_VALUE_BYTES}`);
      }
      if (last !== undefined) checkOrder(`key in bucket ${printable(bucket)}`, last, key);
      last = key;
      const wait = tree.add({ key, value, isBucket: false });
      if (wait !== undefined) await wait;
    }
  }
}

function checkKey(what: string, key: Uint8Array): void {
  if (key.length > 0 && key.length <= MAX_KEY_BYTES) return;
  throw new BboltError('BBOLT_RECORD', `${what} has ${key.length} bytes, not 1 to ${MAX_KEY_BYTES}`);
}

function checkOrder(what: string, last: Uint8Array, next: Uint8Array): void {
  const order = compare(last, next);
  if (order < 0) return;
  const problem = order === 0 ? 'comes twice' : `comes after ${printable(last)}`;
  throw new BboltError('BBOLT_ORDER', `${what} out of order: ${printable(next)} ${problem}`);
}
