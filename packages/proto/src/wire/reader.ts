import { readUtf8 } from './utf8.js';

/**
 * Reads protobuf's binary form: the reader that generated code calls.
 *
 * - Invariant: `pos <= end <= bytes.length`. `end` is the end of the innermost message, so a damaged length inside a
 *   message can not reach the bytes behind it.
 * - Whatever is not protobuf throws: a value cut off, a varint of more than 64 bits, a tag that names no field, a length
 *   beyond the end, text that is not UTF-8, messages nested deeper than {@link MAX_DEPTH}.
 * - Nothing is copied: `bytes` answers views, which hold on to all of the input.
 */
export class BinaryReader {
  /** Where the next byte is read. */
  pos = 0;
  /** Where the message being read ends. */
  end: number;
  readonly #bytes: Uint8Array;
  #depth = 0;
  /** The two words of the varint read last, unsigned. */
  #low = 0;
  #high = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.end = bytes.length;
  }

  /**
   * Begins a message of `length` bytes; without a length it takes all there is.
   *
   * @returns the end of the message around it, for `leave`
   */
  enter(length: number = this.end - this.pos): number {
    const outer = this.end;
    if (length > outer - this.pos) throw truncated();
    if (++this.#depth > MAX_DEPTH) throw new Error(`messages nested deeper than ${MAX_DEPTH}`);
    this.end = this.pos + length;
    return outer;
  }

  /** Ends the message that the matching `enter` began. */
  leave(outer: number): void {
    this.#depth--;
    this.end = outer;
  }

  /** Field number and wire type in one: `number << 3 | type`. */
  tag(): number {
    const pos = this.pos;
    if (pos < this.end) {
      const byte = this.#bytes[pos] as number;
      if (byte < 0x80 && byte > 7) {
        this.pos = pos + 1;
        return byte;
      }
    }
    this.#varint();
    const tag = this.#low;
    if (this.#high !== 0 || tag < 8) throw new Error(`no field has tag ${this.#high * TWO_32 + tag}`);
    return tag;
  }

  /** The length of what follows. */
  length(): number {
    const pos = this.pos;
    if (pos < this.end) {
      const byte = this.#bytes[pos] as number;
      if (byte < 0x80) {
        this.pos = pos + 1;
        return byte;
      }
    }
    this.#varint();
    return this.#high * TWO_32 + this.#low;
  }

  /** A field that is known, with a wire type that is not its own. etcd refuses such a message rather than skip the field. */
  refused(tag: number): Error {
    return new Error(`proto: wrong wireType = ${tag & 7} for field ${tag >>> 3}`);
  }

  /** Passes over the value of a field nobody asked for. */
  skip(tag: number): void {
    switch (tag & 7) {
      case 0:
        this.#varint();
        return;
      case 1:
        this.#advance(8);
        return;
      case 2:
        this.#advance(this.length());
        return;
      case 3:
        this.#skipGroup(tag >>> 3);
        return;
      case 5:
        this.#advance(4);
        return;
      case 4:
        throw new Error(`group ${tag >>> 3} ends but never began`);
      default:
        throw new Error(`wire type ${tag & 7} does not exist`);
    }
  }

  /** As every protobuf reader does, higher bits of a longer varint are dropped. */
  uint32(): number {
    this.#varint();
    return this.#low;
  }

  /** Also every enum. */
  int32(): number {
    const pos = this.pos;
    if (pos < this.end) {
      const byte = this.#bytes[pos] as number;
      if (byte < 0x80) {
        this.pos = pos + 1;
        return byte;
      }
    }
    this.#varint();
    return this.#low | 0;
  }

  int64(): bigint {
    this.#varint();
    if (this.#high === 0) return BigInt(this.#low);
    SCRATCH.setUint32(0, this.#low, true);
    SCRATCH.setUint32(4, this.#high, true);
    return SCRATCH.getBigInt64(0, true);
  }

  uint64(): bigint {
    this.#varint();
    if (this.#high === 0) return BigInt(this.#low);
    SCRATCH.setUint32(0, this.#low, true);
    SCRATCH.setUint32(4, this.#high, true);
    return SCRATCH.getBigUint64(0, true);
  }

  /** An int64 that counts something. Throws `RangeError` when a number can not hold it exactly. */
  int64Number(): number {
    this.#varint();
    return exact((this.#high | 0) * TWO_32 + this.#low);
  }

  /** A uint64 that counts something. Throws `RangeError` when a number can not hold it exactly. */
  uint64Number(): number {
    this.#varint();
    return exact(this.#high * TWO_32 + this.#low);
  }

  /**
   * An int64 that someone wants something compared with or limited to. Beyond the safe integers it is the last safe one:
   * no revision, size or time ever gets there, so the answer is the same.
   */
  int64Clamped(): number {
    this.#varint();
    const value = (this.#high | 0) * TWO_32 + this.#low;
    return Math.max(Number.MIN_SAFE_INTEGER, Math.min(value, Number.MAX_SAFE_INTEGER));
  }

  bool(): boolean {
    this.#varint();
    return this.#low !== 0 || this.#high !== 0;
  }

  /** A view of the input: copy what is to be kept longer than the input. */
  bytes(): Uint8Array {
    const length = this.length();
    const start = this.pos;
    this.#advance(length);
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + start, length);
  }

  string(): string {
    const length = this.length();
    const start = this.pos;
    this.#advance(length);
    return readUtf8(this.#bytes, start, this.pos);
  }

  #advance(length: number): void {
    if (length > this.end - this.pos) throw truncated();
    this.pos += length;
  }

  /** One to ten bytes, seven bits each, lowest first. */
  #varint(): void {
    const bytes = this.#bytes;
    const available = this.end - this.pos;
    let pos = this.pos;
    let low = 0;
    let high = 0;
    for (let count = 0; count < available; count++) {
      const byte = bytes[pos++] as number;
      const bits = byte & 0x7f;
      if (count < 4) low |= bits << (7 * count);
      else if (count === 4) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (count < 9) high |= bits << (7 * count - 32);
      else {
        if (byte > 1) throw new Error('varint of more than 64 bits');
        high |= bits << 31;
      }
      if (byte < 0x80) {
        this.pos = pos;
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    throw truncated();
  }

  /** Groups are of the first protobuf; nobody writes them, everybody must pass over them. */
  #skipGroup(number: number): void {
    if (++this.#depth > MAX_DEPTH) throw new Error(`groups nested deeper than ${MAX_DEPTH}`);
    for (;;) {
      const tag = this.tag();
      if ((tag & 7) === 4) {
        if (tag >>> 3 !== number) throw new Error(`group ${number} is ended by group ${tag >>> 3}`);
        this.#depth--;
        return;
      }
      this.skip(tag);
    }
  }
}

/** Enough for transactions inside transactions as far as a server accepts them, far from the end of the stack. */
export const MAX_DEPTH = 500;

const TWO_32 = 0x1_0000_0000;
const SCRATCH: DataView = new DataView(new ArrayBuffer(8));

function exact(value: number): number {
  if (!Number.isSafeInteger(value)) throw new RangeError(`a number can not hold ${value} exactly`);
  return value;
}

function truncated(): Error {
  return new Error('message ends in the middle of a value');
}
