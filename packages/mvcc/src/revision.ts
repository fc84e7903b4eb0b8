import { MvccError } from './errors.js';
import type { Revision } from './types.js';

/*
 * A revision as a storage key, sorted as time is:
 *
 *   main, 8 bytes big-endian | '_' | sub, 8 bytes big-endian [| 't' when the change is a delete]
 */

/** Length of a put's revision key; a tombstone's is one longer. */
export const REVISION_BYTES = 17;

const SEPARATOR = 0x5f;
const TOMBSTONE = 0x74;
const WORD = 2 ** 32;

/** 17 bytes, or 18 for a tombstone; a buffer of its own. */
export function encodeRevision(main: number, sub: number, tombstone: boolean): Uint8Array {
  const bytes = new Uint8Array(tombstone ? REVISION_BYTES + 1 : REVISION_BYTES);
  writeUint64(bytes, 0, main);
  bytes[8] = SEPARATOR;
  writeUint64(bytes, 9, sub);
  if (tombstone) bytes[REVISION_BYTES] = TOMBSTONE;
  return bytes;
}

/** The first key that a change of revision `main` can have: a scan bound. */
export function revisionBound(main: number): Uint8Array {
  return encodeRevision(main, 0, false);
}

/** Throws `CORRUPT` on anything {@link encodeRevision} does not make. */
export function decodeRevision(bytes: Uint8Array): Revision {
  const marked = bytes.length === REVISION_BYTES + 1 && bytes[REVISION_BYTES] === TOMBSTONE;
  if ((bytes.length !== REVISION_BYTES && !marked) || bytes[8] !== SEPARATOR) {
    throw new MvccError('CORRUPT', `a revision key of ${bytes.length} bytes is malformed`);
  }
  return { main: readUint64(bytes, 0), sub: readUint64(bytes, 9) };
}

/** Of a well-formed revision key. */
export function isTombstone(bytes: Uint8Array): boolean {
  return bytes.length > REVISION_BYTES;
}

function writeUint64(bytes: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / WORD);
  bytes[at] = high >>> 24;
  bytes[at + 1] = high >>> 16;
  bytes[at + 2] = high >>> 8;
  bytes[at + 3] = high;
  bytes[at + 4] = value >>> 24;
  bytes[at + 5] = value >>> 16;
  bytes[at + 6] = value >>> 8;
  bytes[at + 7] = value;
}

function readUint64(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  const low = ((bytes[at + 4]! << 24) | (bytes[at + 5]! << 16) | (bytes[at + 6]! << 8) | bytes[at + 7]!) >>> 0;
  if (high >= 1 << 21) throw new MvccError('CORRUPT', 'a revision above 2^53 cannot be ours');
  return high * WORD + low;
}
