import { crc32c, type File } from '@kontiki/std';

const CHUNK = 64 * 1024;

/** Reads anywhere in a file through one bounded buffer. For looking around in damage, where order is lost. */
export class Window {
  readonly #file: File;
  readonly #buffer = new Uint8Array(CHUNK);
  #base = 0;
  #filled = 0;

  constructor(file: File) {
    this.#file = file;
  }

  /** At least `count` bytes from `position`, or all there are until the end of the file. Valid until the next call. */
  async bytes(position: number, count: number): Promise<Uint8Array> {
    if (position < this.#base || position + count > this.#base + this.#filled) {
      this.#base = position;
      this.#filled = await this.#file.read(this.#buffer, position);
    }
    return this.#buffer.subarray(position - this.#base, this.#filled);
  }

  /** The checksum of `[start, end)` after `previous`. */
  async crc(start: number, end: number, previous: number): Promise<number> {
    let crc = previous;
    for (let at = start; at < end; ) {
      const bytes = (await this.bytes(at, 1)).subarray(0, end - at);
      if (bytes.length === 0) break;
      crc = crc32c(bytes, crc);
      at += bytes.length;
    }
    return crc;
  }

  /** The end of the last byte in `[start, end)` that is not zero; `start` when all are. */
  async contentEnd(start: number, end: number): Promise<number> {
    let contentEnd = start;
    for (let at = start; at < end; ) {
      const bytes = (await this.bytes(at, 1)).subarray(0, end - at);
      if (bytes.length === 0) break;
      const last = bytes.findLastIndex((byte) => byte !== 0);
      if (last >= 0) contentEnd = at + last + 1;
      at += bytes.length;
    }
    return contentEnd;
  }
}
