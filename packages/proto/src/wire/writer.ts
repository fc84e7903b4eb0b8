import { writeUtf8 } from './utf8.js';

/**
 * Writes protobuf's binary form: the writer that generated code calls.
 *
 * - Bytes are gathered in one buffer that writers hand to each other, and copied out once, exactly as long as they are.
 * - Invariant: a buffer belongs to one writer at a time. A writer takes the shared one for good when it begins and
 *   gives it back in `finish`; whoever begins meanwhile (a writer inside a writer, or after one that was thrown away)
 *   makes its own.
 * - Numbers out of range throw `RangeError`: nothing is ever cut to size.
 */
export class BinaryWriter {
  #buffer: Uint8Array = takeBuffer();
  #position = 0;
  /** Where each message now being written began: the place of its length. */
  readonly #forks: number[] = [];

  /** Everything written, as an array of its own. The writer is then empty and may be used again. */
  finish(): Uint8Array {
    if (this.#forks.length !== 0) throw new Error('finish inside a fork');
    const bytes = this.#buffer.slice(0, this.#position);
    giveBuffer(this.#buffer);
    this.#buffer = NOTHING;
    this.#position = 0;
    return bytes;
  }

  /** Begins a message inside the message; its length is written by `join`. */
  fork(): this {
    this.#forks.push(this.#position);
    this.#reserve(1);
    this.#position++;
    return this;
  }

  /** Ends the message that the latest `fork` began. */
  join(): this {
    const start = this.#forks.pop();
    if (start === undefined) throw new Error('join without a fork');
    const length = this.#position - start - 1;
    if (length < 0x80) {
      this.#buffer[start] = length;
      return this;
    }
    // One byte was kept for the length. It needs more, so the message moves up.
    const more = varintSize(length) - 1;
    this.#reserve(more);
    this.#buffer.copyWithin(start + 1 + more, start + 1, this.#position);
    const end = this.#position + more;
    this.#position = start;
    this.#varint32(length);
    this.#position = end;
    return this;
  }

  /** Bytes that are protobuf already. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#position);
    this.#position += bytes.length;
    return this;
  }

  /** Field number and wire type in one, as generated code has them: `number << 3 | type`. */
  tag(tag: number): this {
    this.#reserve(5);
    this.#varint32(tag);
    return this;
  }

  uint32(value: number): this {
    if (value >>> 0 !== value) throw new RangeError(`not a uint32: ${value}`);
    this.#reserve(5);
    this.#varint32(value);
    return this;
  }

  /** Also every enum. */
  int32(value: number): this {
    if ((value | 0) !== value) throw new RangeError(`not an int32: ${value}`);
    if (value >= 0) {
      this.#reserve(5);
      this.#varint32(value);
    } else {
      this.#reserve(10);
      this.#varint64(value >>> 0, 0xffffffff);
    }
    return this;
  }

  int64(value: bigint): this {
    if (value > MAX_INT64 || value < MIN_INT64) throw new RangeError(`not an int64: ${value}`);
    SCRATCH.setBigInt64(0, value, true);
    this.#reserve(10);
    this.#varint64(SCRATCH.getUint32(0, true), SCRATCH.getUint32(4, true));
    return this;
  }

  uint64(value: bigint): this {
    if (value > MAX_UINT64 || value < 0n) throw new RangeError(`not a uint64: ${value}`);
    SCRATCH.setBigUint64(0, value, true);
    this.#reserve(10);
    this.#varint64(SCRATCH.getUint32(0, true), SCRATCH.getUint32(4, true));
    return this;
  }

  /** An int64 that counts something. Must be a safe integer. */
  int64Number(value: number): this {
    this.#reserve(10);
    if (value >= 0 && value < 0x80000000 && (value | 0) === value) {
      this.#varint32(value);
      return this;
    }
    if (!Number.isSafeInteger(value)) throw new RangeError(`not a safe integer: ${value}`);
    // The floor of a negative number's quotient and the low word cut off by >>> are two's complement already.
    this.#varint64(value >>> 0, Math.floor(value / TWO_32) >>> 0);
    return this;
  }

  /** A uint64 that counts something. Must be a safe integer and not negative. */
  uint64Number(value: number): this {
    if (value < 0) throw new RangeError(`not a uint64: ${value}`);
    return this.int64Number(value);
  }

  bool(value: boolean): this {
    this.#reserve(1);
    this.#buffer[this.#position++] = value ? 1 : 0;
    return this;
  }

  bytes(value: Uint8Array): this {
    const length = value.length;
    this.#reserve(length + 5);
    this.#varint32(length);
    this.#buffer.set(value, this.#position);
    this.#position += length;
    return this;
  }

  /** A surrogate without its partner becomes U+FFFD: strings on the wire are always valid UTF-8. */
  string(value: string): this {
    // UTF-8 takes at most three bytes for each UTF-16 unit.
    this.#reserve(value.length * 3 + 5);
    // Most text takes one byte each; the length is written for that, and again if it was wrong.
    const lengthSize = varintSize(value.length);
    const start = this.#position;
    const written = writeUtf8(value, this.#buffer, start + lengthSize);
    const more = varintSize(written) - lengthSize;
    if (more > 0) {
      const from = start + lengthSize;
      this.#buffer.copyWithin(from + more, from, from + written);
    }
    this.#varint32(written);
    this.#position += written;
    return this;
  }

  #reserve(bytes: number): void {
    const needed = this.#position + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(INITIAL_BYTES, this.#buffer.length * 2, needed));
    larger.set(this.#buffer.subarray(0, this.#position));
    this.#buffer = larger;
  }

  /** Needs five bytes reserved. */
  #varint32(value: number): void {
    const buffer = this.#buffer;
    let rest = value;
    while (rest > 0x7f) {
      buffer[this.#position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[this.#position++] = rest;
  }

  /** Needs ten bytes reserved. Both words are unsigned. */
  #varint64(low: number, high: number): void {
    const buffer = this.#buffer;
    let position = this.#position;
    let lowRest = low;
    let highRest = high;
    while (highRest !== 0) {
      buffer[position++] = (lowRest & 0x7f) | 0x80;
      lowRest = ((lowRest >>> 7) | (highRest << 25)) >>> 0;
      highRest >>>= 7;
    }
    this.#position = position;
    this.#varint32(lowRest);
  }
}

const TWO_32 = 0x1_0000_0000;
const MAX_INT64 = 0x7fff_ffff_ffff_ffffn;
const MIN_INT64 = -0x8000_0000_0000_0000n;
const MAX_UINT64 = 0xffff_ffff_ffff_ffffn;
const SCRATCH: DataView = new DataView(new ArrayBuffer(8));

/** What a writer begins with. */
const INITIAL_BYTES = 4096;
/** A buffer grown beyond this is not kept: one large message must not hold its memory for ever. */
const KEPT_BYTES = 1 << 20;
const NOTHING: Uint8Array = new Uint8Array(0);

let shared: Uint8Array = NOTHING;

function takeBuffer(): Uint8Array {
  const buffer = shared;
  shared = NOTHING;
  return buffer;
}

function giveBuffer(buffer: Uint8Array): void {
  if (buffer.length > shared.length && buffer.length <= KEPT_BYTES) shared = buffer;
}

/** How many bytes a length below 2^32 takes. */
function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}
