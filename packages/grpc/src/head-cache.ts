import type { RequestHead } from './head.js';

/** A header block of one client, and what it says as long as the table has that version. */
interface Known {
  readonly bytes: Uint8Array;
  readonly tableVersion: number;
  readonly head: RequestHead;
}

const SIZE = 8;
const MAX_BLOCK_BYTES = 512;

/**
 * The last few different header blocks of a connection. Clients say the same again and again, in the same bytes: then
 * nothing is decoded.
 */
export class HeadCache {
  readonly #known: Known[] = [];
  #oldest = 0;

  find(bytes: Uint8Array, start: number, end: number, tableVersion: number): RequestHead | undefined {
    for (const known of this.#known) {
      if (known.tableVersion === tableVersion && same(known.bytes, bytes, start, end)) return known.head;
    }
    return undefined;
  }

  /** Must be given only blocks that change no table. */
  add(bytes: Uint8Array, start: number, end: number, tableVersion: number, head: RequestHead): void {
    if (end - start > MAX_BLOCK_BYTES) return;
    const known = { bytes: new Uint8Array(bytes.subarray(start, end)), tableVersion, head };
    if (this.#known.length < SIZE) this.#known.push(known);
    else {
      this.#known[this.#oldest] = known;
      this.#oldest = (this.#oldest + 1) % SIZE;
    }
  }
}

function same(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return false;
  return true;
}
