/**
 * One record on disk, byte for byte as etcd frames it (drawn in docs/format.md):
 *
 * ```text
 * 8 bytes, little endian   low 56 bits: length of the body; high byte: 0, or 0x80 | padding when there is padding
 * body                     08 <type>  10 <crc>  1a <data length> <data>        (a protobuf message; numbers are varints;
 *                          the log's own records end after the crc)
 * padding                  0-7 zero bytes, so that every frame starts at a multiple of 8
 * ```
 *
 * The crc is CRC-32C over the data of *all* records up to and with this one, which chains each record to its past. It
 * covers neither the type nor the lengths: the lengths are written twice, so a damaged one contradicts the other; a
 * damaged type only the owner of the records can notice (`WalOptions.check`).
 */

/** One record. What types mean is the owner's business, except {@link CRC_TYPE}. */
export interface WalRecord {
  /** 0 ≤ type < 2^31, not {@link CRC_TYPE}. */
  readonly type: number;
  readonly data: Uint8Array;
}

/**
 * The log's own record: no data, `crc` is the chain so far. One starts every segment; others are *marks*, each a
 * promise that everything before it was on the disk before the mark was written (see tail.ts).
 */
export const CRC_TYPE = 4;

const TYPE_TAG = 0x08;
const CRC_TAG = 0x10;
const DATA_TAG = 0x1a;

const LENGTH_BYTES = 8;
/** The most a frame can need before its data: length field, three tags, varints of 31, 32 and 48 bits. */
export const HEAD_BYTES_MAX: number = LENGTH_BYTES + 3 + 5 + 5 + 7;
const LENGTH_MAX = 2 ** 48;
/** Every mark has this size: its body takes 4 to 8 bytes. */
export const MARK_BYTES = 16;

export function aligned(length: number): number {
  return Math.ceil(length / 8) * 8;
}

/** How many bytes a record takes, or a few less: the crc, known only when it is written, may need fewer of its five. */
export function frameBytes(record: WalRecord): number {
  const { length } = record.data;
  return aligned(LENGTH_BYTES + 1 + varintBytes(record.type) + 1 + 5 + 1 + varintBytes(length) + length);
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

function putVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  let end = at;
  // Division, not shifts: a crc has 32 bits and a length may have more.
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) target[end++] = (rest % 0x80) | 0x80;
  target[end++] = rest;
  return end;
}

/**
 * Writes everything of a frame that precedes its data.
 *
 * @param dataLength  undefined: the record has no data field at all
 * @returns where the data goes; zeros follow it up to the next multiple of 8
 */
export function putHead(
  target: Uint8Array,
  at: number,
  type: number,
  crc: number,
  dataLength: number | undefined,
): number {
  const data = dataLength === undefined ? 0 : 1 + varintBytes(dataLength) + dataLength;
  const length = 2 + varintBytes(type) + varintBytes(crc) + data;
  const padding = aligned(length) - length;
  let rest = length;
  for (let i = 0; i < 7; i++) {
    target[at + i] = rest % 0x100;
    rest = Math.floor(rest / 0x100);
  }
  target[at + 7] = padding === 0 ? 0 : 0x80 | padding;
  let end = at + LENGTH_BYTES;
  target[end++] = TYPE_TAG;
  end = putVarint(target, end, type);
  target[end++] = CRC_TAG;
  end = putVarint(target, end, crc);
  if (dataLength !== undefined) {
    target[end++] = DATA_TAG;
    end = putVarint(target, end, dataLength);
  }
  return end;
}

/** Writes a record without data, the log's own kind, with its padding; returns its end. */
export function putMark(target: Uint8Array, at: number, crc: number): number {
  const end = putHead(target, at, CRC_TYPE, crc, undefined);
  target.fill(0, end, at + MARK_BYTES);
  return at + MARK_BYTES;
}

const SHORT = -1;
const BAD = -2;

export type FrameVerdict =
  /** The head is whole and consistent; its fields are set. */
  | 'whole'
  /** So far consistent, but the bytes end within the head. */
  | 'short'
  /** The length field is zero: nothing was written here, or what was written is gone. */
  | 'zero'
  /** No writer writes this; `reason` is set. */
  | 'bad';

/** Reads frame heads; one object for a whole log, so that reading a record allocates nothing but the record. */
export class FrameHead {
  type = 0;
  crc = 0;
  /** Offsets in the buffer given to {@link read}. */
  dataStart = 0;
  dataEnd = 0;
  hasData = false;
  /** Where the next frame starts: after the padding. */
  end = 0;
  reason = '';
  #at = 0;
  #limit = 0;

  /**
   * Strict: what etcd and this package never write is `bad`, because it is damage.
   *
   * @param limit  bytes from here on are not known
   */
  read(bytes: Uint8Array, at: number, limit: number): FrameVerdict {
    if (at + LENGTH_BYTES > limit) return 'short';
    let length = 0;
    for (let i = 6; i >= 0; i--) length = length * 0x100 + bytes[at + i]!;
    const high = bytes[at + 7]!;
    if (length === 0 && high === 0) return 'zero';
    const padding = aligned(length) - length;
    if (high !== (padding === 0 ? 0 : 0x80 | padding) || length > LENGTH_MAX) {
      return this.#bad(`no record has a length of ${length} with padding ${high.toString(16)}`);
    }
    this.#at = at + LENGTH_BYTES;
    this.#limit = limit;
    const bodyEnd = this.#at + length;
    this.end = bodyEnd + padding;

    const type = this.#field(bytes, TYPE_TAG, 0x8000_0000);
    if (type < 0) return type === SHORT ? 'short' : 'bad';
    const crc = this.#field(bytes, CRC_TAG, 0x1_0000_0000);
    if (crc < 0) return crc === SHORT ? 'short' : 'bad';
    this.type = type;
    this.crc = crc;
    this.hasData = this.#at !== bodyEnd;
    let dataLength = 0;
    if (this.hasData) {
      dataLength = this.#field(bytes, DATA_TAG, 0x1_0000_0000_0000);
      if (dataLength < 0) return dataLength === SHORT ? 'short' : 'bad';
    }
    this.dataStart = this.#at;
    this.dataEnd = this.#at + dataLength;
    if (this.dataEnd !== bodyEnd) {
      return this.#bad(`the two lengths of the record differ: ${bodyEnd - at} and ${this.dataEnd - at}`);
    }
    // Or else a mark with a damaged type would read as an empty record: it does not change the chain.
    if ((type === CRC_TYPE) === this.hasData)
      return this.#bad(`a record of type ${type} ${this.hasData ? 'with' : 'without'} data`);
    return 'whole';
  }

  /** One tag and its varint, in its shortest form and below `bound`; or {@link SHORT} or {@link BAD}. */
  #field(bytes: Uint8Array, tag: number, bound: number): number {
    if (this.#at >= this.#limit) return SHORT;
    if (bytes[this.#at] !== tag) {
      this.#bad(`the byte before a field is ${bytes[this.#at]}, not ${tag}`);
      return BAD;
    }
    this.#at++;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++, scale *= 0x80) {
      if (this.#at >= this.#limit) return SHORT;
      const byte = bytes[this.#at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value < bound && (byte !== 0 || i === 0)) return value;
        break;
      }
    }
    this.#bad('a number is malformed');
    return BAD;
  }

  #bad(reason: string): 'bad' {
    this.reason = reason;
    return 'bad';
  }
}
