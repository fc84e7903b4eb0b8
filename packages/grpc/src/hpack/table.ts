import { type Field, STATIC_TABLE } from './static-table.js';

/** What an entry costs beside its two strings. @see RFC 7541 §4.1 */
export const ENTRY_OVERHEAD_BYTES = 32;

/**
 * The fields of the static table and, after them, those added last, newest first.
 *
 * Invariant: `bytes` is the sum of the sizes of all entries, and `bytes ≤ maxBytes`.
 */
export class HeaderTable {
  /** Oldest first from `#first` on: adding and evicting move nothing. */
  #entries: Field[] = [];
  #first = 0;
  #bytes = 0;
  #maxBytes: number;
  #version = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Changes whenever an index may mean something else than before. */
  get version(): number {
    return this.#version;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  get count(): number {
    return this.#entries.length - this.#first;
  }

  /** @returns the field of a wire index, counted from 1; undefined when there is none */
  get(index: number): Field | undefined {
    if (index <= STATIC_TABLE.length) return STATIC_TABLE[index - 1];
    const at = this.#entries.length - (index - STATIC_TABLE.length);
    return at >= this.#first ? this.#entries[at] : undefined;
  }

  /** Evicts from the old end until there is room; a field larger than the table empties it. @see RFC 7541 §4.4 */
  add(field: Field): void {
    const size = field.name.length + field.value.length + ENTRY_OVERHEAD_BYTES;
    this.#version++;
    this.#evict(this.#maxBytes - size);
    if (size > this.#maxBytes) return;
    this.#entries.push(field);
    this.#bytes += size;
  }

  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#version++;
    this.#evict(maxBytes);
  }

  #evict(limit: number): void {
    while (this.#bytes > Math.max(limit, 0)) {
      const { name, value } = this.#entries[this.#first]!;
      this.#first++;
      this.#bytes -= name.length + value.length + ENTRY_OVERHEAD_BYTES;
    }
    if (this.#first === this.#entries.length) {
      this.#entries.length = this.#first = 0;
    } else if (this.#first > 64 && this.#first > this.#entries.length >>> 1) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }
}
