/** Bytes as they came, taken out in the pieces that mean something. Holds what was pushed and never more. */
export class ByteQueue {
  readonly #chunks: Uint8Array[] = [];
  /** Bytes of the first chunk that are taken already. */
  #taken = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /**
   * The next `count` bytes: a view of one chunk where they lie in one, else a copy.
   * @returns undefined, and nothing is taken, while there are fewer
   */
  take(count: number): Uint8Array | undefined {
    if (count > this.#length) return undefined;
    this.#length -= count;
    const first = this.#chunks[0];
    if (first === undefined) return new Uint8Array(0);
    const end = this.#taken + count;
    if (end < first.length) {
      const view = first.subarray(this.#taken, end);
      this.#taken = end;
      return view;
    }
    if (end === first.length) {
      const view = first.subarray(this.#taken);
      this.#chunks.shift();
      this.#taken = 0;
      return view;
    }
    const whole = new Uint8Array(count);
    let filled = 0;
    let used = 0;
    while (filled < count) {
      const chunk = this.#chunks[used]!;
      const part = chunk.subarray(this.#taken, this.#taken + count - filled);
      whole.set(part, filled);
      filled += part.length;
      this.#taken += part.length;
      if (this.#taken < chunk.length) break;
      this.#taken = 0;
      used++;
    }
    this.#chunks.splice(0, used);
    return whole;
  }

  /** Everything there is. */
  drain(): Uint8Array {
    return this.take(this.#length)!;
  }
}

/** 8 bytes, big-endian. Beyond 2^53 the number is no longer exact, and beyond every limit there is. */
export function readUint64(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return view.getUint32(0) * 0x1_0000_0000 + view.getUint32(4);
}

/** @param value a safe integer, not negative */
export function writeUint64(bytes: Uint8Array, at: number, value: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
  view.setUint32(0, Math.floor(value / 0x1_0000_0000));
  view.setUint32(4, value >>> 0);
}
