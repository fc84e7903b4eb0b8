import type { PageSink, PageSource } from '../ports.js';

/** A file in memory: a sink that checks how it is written to, then a source. */
export class MemoryPages implements PageSink, PageSource {
  #bytes: Uint8Array;
  #size: number;
  #end: number | undefined;
  #writing = false;

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.#bytes = bytes;
    this.#size = bytes.length;
  }

  get sizeBytes(): number {
    return this.#size;
  }

  /** A copy of all of it. */
  get bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#size);
  }

  /** Of the reads so far, in bytes. */
  readBytes = 0;
  longestRead = 0;

  async read(position: number, length: number): Promise<Uint8Array> {
    this.readBytes += length;
    this.longestRead = Math.max(this.longestRead, length);
    return this.#bytes.slice(position, Math.min(position + length, this.#size));
  }

  /** @throws Error when the writer breaks what it promises a sink */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    if (this.#writing) throw new Error('written to twice at a time');
    if (position !== 0 && this.#end !== undefined && position !== this.#end) {
      throw new Error(`written to at ${position}, not at ${this.#end} where the last write ended`);
    }
    this.#writing = true;
    // Later, as a disk does: what the writer changes meanwhile is noticed.
    await Promise.resolve();
    const end = position + bytes.length;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, position);
    this.#size = Math.max(this.#size, end);
    if (position !== 0) this.#end = end;
    this.#writing = false;
  }
}
