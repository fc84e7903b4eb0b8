import { concat } from '@kontiki/std';
import { Output } from './output.js';
import {
  BRANCH_PAGE,
  BUCKET_ELEMENT,
  ELEMENT_BYTES,
  FREELIST_PAGE,
  HEADER_BYTES,
  LEAF_PAGE,
  viewOf,
  writeHeader,
  writeU64,
} from './page.js';
import type { PageSink } from './ports.js';

/** An element of a leaf. */
export interface LeafElement {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly isBucket: boolean;
}

/** An element of a branch: a page below and its first key. */
export interface BranchElement {
  readonly key: Uint8Array;
  readonly child: number;
}

/** Bytes of an element in a page, its data included. */
export function elementBytes(keyBytes: number, valueBytes: number): number {
  return ELEMENT_BYTES + keyBytes + valueBytes;
}

/** Writes pages one behind another; an id is given when a page is written. The first is 2, behind the meta pages. */
export class PageWriter {
  readonly #output: Output;
  readonly #zeros: Uint8Array;
  #next = 2;

  constructor(
    sink: PageSink,
    readonly pageSize: number,
  ) {
    this.#output = new Output(sink, 2 * pageSize);
    this.#zeros = new Uint8Array(pageSize);
  }

  /** One above the last page written. */
  get pageCount(): number {
    return this.#next;
  }

  /** @returns its id */
  async leaf(elements: readonly LeafElement[]): Promise<number> {
    const head = leafHead(elements);
    const dataBytes = elements.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
    const id = this.#take(head, LEAF_PAGE, elements.length, dataBytes);
    await this.#output.append(head);
    for (const { key, value } of elements) {
      // Awaiting only what there is to wait for: this is once a record.
      let wait = this.#output.append(key);
      if (wait !== undefined) await wait;
      wait = this.#output.append(value);
      if (wait !== undefined) await wait;
    }
    await this.#pad(head.length + dataBytes);
    return id;
  }

  /** @returns its id */
  async branch(elements: readonly BranchElement[]): Promise<number> {
    const head = new Uint8Array(HEADER_BYTES + elements.length * ELEMENT_BYTES);
    const view = viewOf(head);
    let at = HEADER_BYTES;
    let dataAt = head.length;
    for (const { key, child } of elements) {
      view.setUint32(at, dataAt - at, true);
      view.setUint32(at + 4, key.length, true);
      writeU64(view, at + 8, child);
      at += ELEMENT_BYTES;
      dataAt += key.length;
    }
    const id = this.#take(head, BRANCH_PAGE, elements.length, dataAt - head.length);
    await this.#output.append(head);
    for (const { key } of elements) await this.#output.append(key);
    await this.#pad(dataAt);
    return id;
  }

  /** A freelist with nothing on it. @returns its id */
  async freelist(): Promise<number> {
    const head = new Uint8Array(HEADER_BYTES);
    const id = this.#take(head, FREELIST_PAGE, 0, 0);
    await this.#output.append(head);
    await this.#pad(head.length);
    return id;
  }

  /** Writes the two meta pages, once all else is written. */
  async finish(metaPages: Uint8Array): Promise<void> {
    await this.#output.flush();
    await this.#output.patch(metaPages, 0);
  }

  /** Resolves when the sink is left alone, also after a failure. */
  settled(): Promise<void> {
    return this.#output.settled();
  }

  /** Gives the page its id and header. */
  #take(head: Uint8Array, flags: number, count: number, dataBytes: number): number {
    const id = this.#next;
    const pages = Math.ceil((head.length + dataBytes) / this.pageSize);
    writeHeader(viewOf(head), { id, flags, count, overflow: pages - 1 });
    this.#next += pages;
    return id;
  }

  async #pad(bytes: number): Promise<void> {
    const over = bytes % this.pageSize;
    if (over > 0) await this.#output.append(this.#zeros.subarray(over));
  }
}

/** A leaf in one piece, as it stands in the value of a bucket that has no page of its own. */
export function inlineLeaf(elements: readonly LeafElement[]): Uint8Array {
  const head = leafHead(elements);
  writeHeader(viewOf(head), { id: 0, flags: LEAF_PAGE, count: elements.length, overflow: 0 });
  return concat([head, ...elements.flatMap(({ key, value }) => [key, value])]);
}

/** Room for the header, and the elements. */
function leafHead(elements: readonly LeafElement[]): Uint8Array {
  const head = new Uint8Array(HEADER_BYTES + elements.length * ELEMENT_BYTES);
  const view = viewOf(head);
  let at = HEADER_BYTES;
  let dataAt = head.length;
  for (const { key, value, isBucket } of elements) {
    view.setUint32(at, isBucket ? BUCKET_ELEMENT : 0, true);
    view.setUint32(at + 4, dataAt - at, true);
    view.setUint32(at + 8, key.length, true);
    view.setUint32(at + 12, value.length, true);
    at += ELEMENT_BYTES;
    dataAt += key.length + value.length;
  }
  return head;
}
