import { writeUtf8 } from './utf8.js';

/**
 * Writes protobuf's binary form: the writer that generated code calls.
 *
 * - A message is written straight into a slab, behind the messages written before it, and `finish` answers a view of it
 *   there. One that outgrows the slab moves to a scratch buffer, and `finish` answers an exact copy.
 * - Invariant: slab and scratch belong to one writer at a time. A writer takes them for good and gives them back in
 *   `finish`; whoever writes meanwhile (a writer inside a writer, or after one that was thrown away) makes its own.
 * - Numbers out of range throw `RangeError`: nothing is ever cut to size.
 */
export class BinaryWriter {
  #buffer: Uint8Array;
  /** Where the message begins in the buffer. */
  #start: number;
  #position: number;
  /** Where each message now being written inside the message began: the place of its length. */
  readonly #forks: number[] = [];

  constructor() {
    if (slab.length - slabUsed < SLAB_REST_BYTES) {
      slab = new Uint8Array(SLAB_BYTES);
      slabUsed = 0;
    }
    this.#buffer = slab;
    this.#start = slabUsed;
    this.#position = slabUsed;
    slab = NOTHING;
    slabUsed = 0;
  }

  /** Everything written. Ends the writer: it must not be used again. */
  finish(): Uint8Array {
    if (this.#forks.length !== 0) throw new Error('finish inside a fork');
    const buffer = this.#buffer;
    const start = this.#start;
    const end = this.#position;
    this.#buffer = NOTHING;
    this.#start = 0;
    this.#position = 0;
    if (buffer.length === SLAB_BYTES) {
      slab = buffer;
      slabUsed = end;
      return new Uint8Array(buffer.buffer, start, end - start);
    }
    if (buffer.length > scratch.length && buffer.length <= SCRATCH_MAX_BYTES) scratch = buffer;
    return buffer.slice(start, end);
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
    if (tag < 0x80) this.#buffer[this.#position++] = tag;
    else this.#varint32(tag);
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
    if (this.#position + bytes > this.#buffer.length) this.#grow(bytes);
  }

  /** Moves the message to a larger buffer, where it stands at the same place: forks and lengths stay right. */
  #grow(bytes: number): void {
    const buffer = this.#buffer;
    const needed = this.#position + bytes;
    let larger = NOTHING;
    if (buffer.length === SLAB_BYTES) {
      larger = scratch;
      scratch = NOTHING;
    }
    if (larger.length < needed) larger = new Uint8Array(Math.max(buffer.length, SLAB_BYTES, needed) * 2);
    larger.set(buffer.subarray(this.#start, this.#position), this.#start);
    this.#buffer = larger;
    if (buffer.length === SLAB_BYTES && slab.length === 0) {
      slab = buffer;
      slabUsed = this.#start;
    }
  }

  /** Needs five bytes reserved. */
  #varint32(value: number): void {
    const buffer = this.#buffer;
    let position = this.#position;
    let rest = value;
    while (rest > 0x7f) {
      buffer[position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[position++] = rest;
    this.#position = position;
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

/** So little that a message kept for long does not hold on to much beside itself. */
const SLAB_BYTES = 16 * 1024;
/** A slab with less room than this is not begun on. */
const SLAB_REST_BYTES = 1024;
/** A scratch buffer grown beyond this is not kept: one large message must not hold its memory for ever. */
const SCRATCH_MAX_BYTES = 1 << 20;
const NOTHING: Uint8Array = new Uint8Array(0);

let slab: Uint8Array = NOTHING;
/** Where the next message begins in the slab. */
let slabUsed = 0;
let scratch: Uint8Array = NOTHING;

/** How many bytes a length below 2^32 takes. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}
