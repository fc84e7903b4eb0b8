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
    if (end <= first.length) {
      const view = new Uint8Array(first.buffer, first.byteOffset + this.#taken, count);
      this.#pass(first, end);
      return view;
    }
    const whole = blank(count);
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

  /** The next 8 bytes as {@link readUint64} reads them; undefined, and nothing is taken, while there are fewer. */
  takeUint64(): number | undefined {
    const first = this.#chunks[0];
    const end = this.#taken + 8;
    if (first === undefined || end > first.length) {
      const bytes = this.take(8);
      return bytes === undefined ? undefined : readUint64(bytes);
    }
    const value = readUint64(first, this.#taken);
    this.#length -= 8;
    this.#pass(first, end);
    return value;
  }

  /** Everything there is. */
  drain(): Uint8Array {
    return this.take(this.#length)!;
  }

  #pass(first: Uint8Array, end: number): void {
    this.#taken = end;
    if (end < first.length) return;
    this.#chunks.shift();
    this.#taken = 0;
  }
}

/** Room that is about to be filled: clearing it first would cost as much again. */
function blank(count: number): Uint8Array {
  const { buffer, byteOffset } = Buffer.allocUnsafeSlow(count);
  return new Uint8Array(buffer, byteOffset, count);
}

/** 8 bytes, big-endian. Beyond 2^53 the number is no longer exact, and beyond every limit there is. */
export function readUint64(bytes: Uint8Array, at: number = 0): number {
  return readUint32(bytes, at) * 0x1_0000_0000 + readUint32(bytes, at + 4);
}

function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** @param value a safe integer, not negative */
export function writeUint64(bytes: Uint8Array, at: number, value: number): void {
  writeUint32(bytes, at, Math.floor(value / 0x1_0000_0000));
  writeUint32(bytes, at + 4, value >>> 0);
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
