import { BboltError, corrupt } from './errors.js';
import { META_BYTES, type Meta, readMeta } from './meta.js';
import {
  BRANCH_PAGE,
  ELEMENT_BYTES,
  FREELIST_PAGE,
  HEADER_BYTES,
  isPageSize,
  LEAF_PAGE,
  MAX_PAGE_BYTES,
  MIN_PAGE_BYTES,
  readHeader,
  readU64,
  viewOf,
} from './page.js';
import type { PageSource } from './ports.js';
import { dataEnd, TreePage } from './tree-page.js';

/** Bytes read at once, unless a page has more. */
const WINDOW_BYTES = 256 << 10;
/** Reads at once where pages do not lie close together. */
const READS = 16;
/** Bytes not asked for that one read may run over. They are often the overflow of the page before. */
const GAP_BYTES = 16 << 10;

/** Pages `first` up to, not including, `end`, as one piece of memory. */
export interface Window {
  readonly first: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

/** The pages of one database file. Every page is checked before it is handed out. */
export class PageFile {
  private constructor(
    readonly source: PageSource,
    readonly meta: Meta,
  ) {}

  /**
   * Reads both meta pages and goes by the newer valid one.
   * @throws BboltError `BBOLT_INVALID`, `BBOLT_TRUNCATED`, `BBOLT_CORRUPT`
   */
  static async open(source: PageSource): Promise<PageFile> {
    const meta = newest(await metas(source));
    const { pageSize, pageCount } = meta;
    if (pageCount * pageSize > source.sizeBytes) {
      const message = `the file has ${source.sizeBytes} bytes, its database ${pageCount} pages of ${pageSize}`;
      throw new BboltError('BBOLT_TRUNCATED', message);
    }
    return new PageFile(source, meta);
  }

  offset(id: number): number {
    return id * this.meta.pageSize;
  }

  /** Whether a page other than the meta pages can have this id. */
  isPage(id: number): boolean {
    return id >= 2 && id < this.meta.pageCount;
  }

  /**
   * Some of the pages of `ids`, from `index` on: those that lie close together in one read, the next ones beside it, so that
   * scattered pages do not wait for each other.
   *
   * @param ids  that at `index` is a page; those behind it are not yet known to be
   */
  windows(ids: readonly number[], index: number): Promise<readonly Window[]> {
    const { pageSize } = this.meta;
    const runs: { readonly first: number; end: number }[] = [];
    let pages = 0;
    for (let i = index; i < ids.length && this.isPage(ids[i]!); i++) {
      const id = ids[i]!;
      const run = runs.at(-1);
      const joins = run !== undefined && id >= run.end && (id - run.end) * pageSize <= GAP_BYTES;
      pages += joins ? id + 1 - run.end : 1;
      if (i > index && (pages * pageSize > WINDOW_BYTES || (!joins && runs.length === READS))) break;
      if (joins) run.end = id + 1;
      else runs.push({ first: id, end: id + 1 });
    }
    return Promise.all(
      runs.map(async ({ first, end }) => ({
        first,
        end,
        bytes: await this.#read(this.offset(first), (end - first) * pageSize),
      })),
    );
  }

  /**
   * A branch or leaf page, out of the window when all of it is there.
   * @throws BboltError `BBOLT_CORRUPT`
   */
  async treePage(id: number, window: Window): Promise<{ page: TreePage; pages: number }> {
    const { pageSize } = this.meta;
    const at = (id - window.first) * pageSize;
    const head = window.bytes.subarray(at, at + pageSize);
    const { id: written, flags, count, overflow } = readHeader(viewOf(head));
    const offset = this.offset(id);
    if (written !== id) throw corrupt(id, offset, `it says that it is page ${written}`);
    if (flags !== BRANCH_PAGE && flags !== LEAF_PAGE) {
      throw corrupt(id, offset, `it is of kind 0x${flags.toString(16)}, not a branch or leaf`);
    }
    const pages = overflow + 1;
    if (id + pages > this.meta.pageCount) throw corrupt(id, offset, `its ${pages} pages reach beyond the last`);
    if (pages === 1) return { page: TreePage.of(id, offset, head), pages };
    await this.#checkOverflow(id, head, { flags, count, pages });
    const bytes =
      id + pages <= window.end
        ? window.bytes.subarray(at, at + pages * pageSize)
        : await this.#read(offset, pages * pageSize);
    return { page: TreePage.of(id, offset, bytes), pages };
  }

  /**
   * The free pages as the freelist names them, in chunks, and the pages it takes itself.
   * @throws BboltError `BBOLT_CORRUPT`
   */
  async freelist(id: number): Promise<{ pages: number; ids: AsyncIterable<readonly number[]> }> {
    const { pageSize, pageCount } = this.meta;
    const offset = this.offset(id);
    if (!this.isPage(id)) throw corrupt(id, offset, 'the meta page says the freelist is there, where no page is');
    const view = viewOf(await this.#read(offset, HEADER_BYTES + 8));
    const header = readHeader(view);
    if (header.id !== id) throw corrupt(id, offset, `it says that it is page ${header.id}`);
    if (header.flags !== FREELIST_PAGE) {
      throw corrupt(id, offset, `it is of kind 0x${header.flags.toString(16)}, not a freelist`);
    }
    const pages = header.overflow + 1;
    if (id + pages > pageCount) throw corrupt(id, offset, `its ${pages} pages reach beyond the last`);
    // A count that does not fit stands in front of the ids instead.
    const long = header.count === 0xffff;
    const count = long ? readU64(view, HEADER_BYTES) : header.count;
    const start = HEADER_BYTES + (long ? 8 : 0);
    if (start + count * 8 > pages * pageSize) throw corrupt(id, offset, `its ${count} ids do not fit into it`);
    return { pages, ids: this.#ids(offset + start, count) };
  }

  async *#ids(position: number, count: number): AsyncIterable<readonly number[]> {
    const most = WINDOW_BYTES / 8;
    for (let done = 0; done < count; done += most) {
      const length = Math.min(most, count - done);
      const view = viewOf(await this.#read(position + done * 8, length * 8));
      yield Array.from({ length }, (_, i) => readU64(view, i * 8));
    }
  }

  /** A page is as long as its data: bbolt rounds up, and took one page more before when the data filled the last. */
  async #checkOverflow(
    id: number,
    head: Uint8Array,
    { flags, count, pages }: { flags: number; count: number; pages: number },
  ): Promise<void> {
    const { pageSize } = this.meta;
    const offset = this.offset(id);
    const at = HEADER_BYTES + (count - 1) * ELEMENT_BYTES;
    if (count === 0 || at + ELEMENT_BYTES > pages * pageSize) {
      throw corrupt(id, offset, `${count} elements do not take ${pages} pages`);
    }
    const last =
      at + ELEMENT_BYTES <= pageSize
        ? head.subarray(at, at + ELEMENT_BYTES)
        : await this.#read(offset + at, ELEMENT_BYTES);
    const end = dataEnd(viewOf(last), count - 1, flags);
    if (pages !== Math.ceil(end / pageSize) && pages !== Math.floor(end / pageSize) + 1) {
      throw corrupt(id, offset, `it has ${pages} pages for ${end} bytes`);
    }
  }

  async #read(position: number, length: number): Promise<Uint8Array> {
    const bytes = await this.source.read(position, length);
    if (bytes.length === length) return bytes;
    const message = `the file gave ${bytes.length} of ${length} bytes at offset ${position}`;
    throw new BboltError('BBOLT_TRUNCATED', message);
  }
}

type Found = ReturnType<typeof readMeta>;

/** Page 0; and page 1, which is where page 0 says or, when it is damaged, where one is found. */
async function metas(source: PageSource): Promise<readonly [Found, Found]> {
  const at = async (position: number, id: number): Promise<Found> => {
    if (position + META_BYTES > source.sizeBytes) return { problem: 'the file ends before it' };
    const found = readMeta(await source.read(position, META_BYTES), id);
    if ('problem' in found) return found;
    if (!isPageSize(found.pageSize)) return { problem: `it says pages have ${found.pageSize} bytes` };
    if (id === 1 && found.pageSize !== position) return { problem: `it says pages have ${found.pageSize} bytes` };
    return found;
  };
  const first = await at(0, 0);
  if (!('problem' in first)) return [first, await at(first.pageSize, 1)];
  let second: Found = { problem: 'it is not found' };
  for (let size = MIN_PAGE_BYTES; size <= MAX_PAGE_BYTES; size *= 2) {
    const found = await at(size, 1);
    if (!('problem' in found)) return [first, found];
    if (found.headerDamaged) second = found;
  }
  return [first, second];
}

function newest(found: readonly [Found, Found]): Meta {
  const [first, second] = found;
  for (const [id, meta] of found.entries()) {
    if (!('problem' in meta) || !meta.headerDamaged) continue;
    const other = found[1 - id]!;
    throw corrupt(id, id === 0 || 'problem' in other ? 0 : other.pageSize, meta.problem);
  }
  if ('problem' in first && 'problem' in second) {
    const message = `not a bbolt database: neither meta page is valid (page 0: ${first.problem}; page 1: ${second.problem})`;
    throw new BboltError('BBOLT_INVALID', message);
  }
  if ('problem' in first) return second as Meta;
  return 'problem' in second || first.txid >= second.txid ? first : second;
}
