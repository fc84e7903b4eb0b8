import { corrupt } from './errors.js';
import {
  BRANCH_PAGE,
  BUCKET_BYTES,
  BUCKET_ELEMENT,
  compareWithin,
  ELEMENT_BYTES,
  HEADER_BYTES,
  LEAF_PAGE,
  readHeader,
  readU64,
  viewOf,
} from './page.js';

/**
 * A branch or leaf page with its overflow, checked whole: `TreePage.of` throws on bytes no bbolt writes.
 *
 * Invariants: every element's data is inside, one behind another and directly behind the elements; keys are not empty
 * and ascend.
 */
export class TreePage {
  readonly isLeaf: boolean;
  readonly count: number;
  /** Any element is a bucket. */
  readonly hasBuckets: boolean;
  /** Where the last element's data ends, in bytes. */
  readonly end: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  private constructor(
    readonly id: number,
    readonly offset: number,
    bytes: Uint8Array,
  ) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    const { flags, count } = readHeader(this.#view);
    this.isLeaf = flags === LEAF_PAGE;
    this.count = count;
    const { end, hasBuckets } = this.#check();
    this.end = end;
    this.hasBuckets = hasBuckets;
    // Pages are written into zeroed memory. This is what shows a length or a count that shrank.
    for (let i = end; i < bytes.length; i++) {
      if (bytes[i] !== 0) throw this.corrupt(`there is something behind its last element, at byte ${i}`);
    }
  }

  /**
   * @param bytes   the page and its overflow, whose header was checked; or the page of a bucket kept in a value
   * @param id      of the page it is, or is in, for errors; `offset` is where that begins in the file
   * @throws BboltError `BBOLT_CORRUPT`
   */
  static of(id: number, offset: number, bytes: Uint8Array): TreePage {
    return new TreePage(id, offset, bytes);
  }

  key(index: number): Uint8Array {
    const start = this.#dataAt(index);
    return this.#bytes.subarray(start, start + this.#keyBytes(index));
  }

  /** Of a leaf. */
  value(index: number): Uint8Array {
    const at = HEADER_BYTES + index * ELEMENT_BYTES;
    const start = this.#dataAt(index) + this.#view.getUint32(at + 8, true);
    return this.#bytes.subarray(start, start + this.#view.getUint32(at + 12, true));
  }

  /** Of a leaf: the value is a bucket. */
  isBucket(index: number): boolean {
    return this.#view.getUint32(HEADER_BYTES + index * ELEMENT_BYTES, true) === BUCKET_ELEMENT;
  }

  /** Of a branch: the page below. */
  child(index: number): number {
    return readU64(this.#view, HEADER_BYTES + index * ELEMENT_BYTES + 8);
  }

  /**
   * Of a leaf whose element is a bucket: its root page, or its only page when that is in the value.
   * @throws BboltError `BBOLT_CORRUPT`
   */
  bucket(index: number): number | TreePage {
    const value = this.value(index);
    if (value.length < BUCKET_BYTES) throw this.corrupt(`element ${index} is too short for a bucket`);
    const view = viewOf(value);
    const root = readU64(view, 0);
    if (root !== 0) {
      if (value.length > BUCKET_BYTES) throw this.corrupt(`element ${index} is too long for a bucket with pages`);
      return root;
    }
    if (value.length < BUCKET_BYTES + HEADER_BYTES) {
      throw this.corrupt(`element ${index} is too short for a bucket with its page inside`);
    }
    const { id, flags, overflow } = readHeader(view, BUCKET_BYTES);
    if (id !== 0 || flags !== LEAF_PAGE || overflow !== 0) {
      throw this.corrupt(`element ${index} is a bucket with something else than a leaf inside`);
    }
    const page = new TreePage(this.id, this.offset, value.subarray(BUCKET_BYTES));
    if (page.end !== value.length - BUCKET_BYTES) {
      throw this.corrupt(`element ${index} is a bucket longer than what is inside`);
    }
    if (page.hasBuckets) throw this.corrupt(`element ${index} is a bucket inside the page of which are buckets`);
    return page;
  }

  corrupt(reason: string): Error {
    return corrupt(this.id, this.offset, reason);
  }

  #dataAt(index: number): number {
    const at = HEADER_BYTES + index * ELEMENT_BYTES;
    return at + this.#view.getUint32(this.isLeaf ? at + 4 : at, true);
  }

  #keyBytes(index: number): number {
    return this.#view.getUint32(HEADER_BYTES + index * ELEMENT_BYTES + (this.isLeaf ? 8 : 4), true);
  }

  #check(): { end: number; hasBuckets: boolean } {
    const { count, isLeaf } = this;
    const bytes = this.#bytes;
    const view = this.#view;
    let end = HEADER_BYTES + count * ELEMENT_BYTES;
    if (end > bytes.length) throw this.corrupt(`its ${count} elements do not fit into it`);
    if (count === 0 && !isLeaf) throw this.corrupt('it is a branch without children');
    let hasBuckets = false;
    let lastStart = 0;
    let lastEnd = 0;
    for (let i = 0, at = HEADER_BYTES; i < count; i++, at += ELEMENT_BYTES) {
      const start = at + view.getUint32(isLeaf ? at + 4 : at, true);
      // Nothing else in a page tells a wrong count or a wrong length: there is no checksum.
      if (start !== end) throw this.corrupt(`the data of element ${i} is not where the one before it ends`);
      const keyEnd = start + view.getUint32(isLeaf ? at + 8 : at + 4, true);
      end = isLeaf ? keyEnd + view.getUint32(at + 12, true) : keyEnd;
      if (end > bytes.length) throw this.corrupt(`element ${i} reaches beyond it`);
      if (keyEnd === start) throw this.corrupt(`element ${i} has no key`);
      if (isLeaf) {
        const flags = view.getUint32(at, true);
        if (flags !== 0 && flags !== BUCKET_ELEMENT) throw this.corrupt(`element ${i} is of unknown kind ${flags}`);
        if (flags !== 0) hasBuckets = true;
      }
      if (i > 0 && compareWithin(bytes, lastStart, lastEnd, start, keyEnd) >= 0) {
        throw this.corrupt(`the key of element ${i} does not come after the one before it`);
      }
      lastStart = start;
      lastEnd = keyEnd;
    }
    return { end, hasBuckets };
  }
}

/**
 * How many pages behind the first the data asks for, read off the last element alone: before a length that came from
 * a damaged header is believed and so much memory taken.
 *
 * @param last  the last element, 16 bytes; `index` its place among the elements
 */
export function dataEnd(last: DataView, index: number, flags: number): number {
  const at = HEADER_BYTES + index * ELEMENT_BYTES;
  return flags === BRANCH_PAGE
    ? at + last.getUint32(0, true) + last.getUint32(4, true)
    : at + last.getUint32(4, true) + last.getUint32(8, true) + last.getUint32(12, true);
}
