import { assert, crc32c } from '@kontiki/std';
import {
  aligned,
  CRC_TYPE,
  frameBytes,
  HEAD_BYTES_MAX,
  MARK_BYTES,
  putHead,
  putMark,
  type WalRecord,
} from './frame.js';

/** Data from here on is written from where it lies; below, copying it next to its frame is cheaper. */
const LARGE_BYTES = 32 * 1024;
/** A buffer larger than this is not kept for the next batch. */
const POOL_BYTES = 1024 * 1024;

export interface EncodedBatch {
  /** To be written one after another. Valid until the next `encode`. */
  readonly chunks: readonly Uint8Array[];
  readonly bytes: number;
  /** The chain after the batch. */
  readonly chain: number;
}

/** Turns records into what is written at once: one buffer, interrupted only by large data. */
export class BatchEncoder {
  #pool = new Uint8Array(64 * 1024);

  /**
   * @param groups  the records, in the arrays they came in
   * @param chain   the chain before the batch
   * @param marks   where a mark goes: before the records, after them, or nowhere
   */
  encode(groups: readonly (readonly WalRecord[])[], chain: number, marks: 'before' | 'after' | 'none'): EncodedBatch {
    let space = 2 * MARK_BYTES;
    for (const records of groups) {
      for (const record of records) {
        space += record.data.length < LARGE_BYTES ? frameBytes(record) : aligned(HEAD_BYTES_MAX) + 8;
      }
    }
    const buffer = this.#buffer(space);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    let from = 0;
    let at = marks === 'before' ? putMark(buffer, 0, chain) : 0;
    let crc = chain;
    for (const records of groups) {
      for (const { type, data } of records) {
        const { length } = data;
        crc = crc32c(data, crc);
        // Counted from the start of its frame, which is a multiple of 8 away from the start of the file.
        const start = at;
        at = putHead(buffer, at, type, crc, length);
        const end = aligned(at - start + length) - (at - start + length);
        if (length < LARGE_BYTES) {
          buffer.set(data, at);
          at += length;
        } else {
          chunks.push(buffer.subarray(from, at), data);
          bytes += at - from + length;
          from = at;
        }
        buffer.fill(0, at, at + end);
        at += end;
      }
    }
    if (marks === 'after') at = putMark(buffer, at, crc);
    if (at > from) chunks.push(buffer.subarray(from, at));
    return { chunks, bytes: bytes + at - from, chain: crc };
  }

  #buffer(space: number): Uint8Array {
    if (space <= this.#pool.length) return this.#pool;
    const buffer = new Uint8Array(space);
    if (space <= POOL_BYTES) this.#pool = buffer;
    return buffer;
  }
}

export function assertWritable({ type, data }: WalRecord): void {
  assert(Number.isInteger(type) && type >= 0 && type < 2 ** 31 && type !== CRC_TYPE, `no record has type ${type}`);
  assert(data.length < 2 ** 31, 'a record has less than 2 GiB');
}
