import type { PageSink, PageSource } from '../ports.js';

/** A file in memory: a sink that checks how it is written to, and a source that counts how it is read. */
export class MemoryPages implements PageSink, PageSource {
  /** Of the longest read so far. */
  longestReadBytes = 0;
  /** Of all reads so far. */
  readBytes = 0;
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

  /** A copy of the whole file. */
  get bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#size);
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    this.readBytes += length;
    this.longestReadBytes = Math.max(this.longestReadBytes, length);
    return this.#bytes.slice(position, Math.min(position + length, this.#size));
  }

  /** @throws Error when the writer breaks what a sink is promised */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    if (this.#writing) throw new Error('written to twice at a time');
    if (position !== 0 && this.#end !== undefined && position !== this.#end) {
      throw new Error(`written to at ${position}, not at ${this.#end} where the last write ended`);
    }
    this.#writing = true;
    // Later, as a disk does it: a writer that changes the bytes meanwhile is noticed.
    await new Promise<void>((resolve) => queueMicrotask(resolve));
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
