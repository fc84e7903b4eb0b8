import { crc32c } from '@kontiki/std';

/**
 * Whether one flipped bit explains why data does not match its checksum. A CRC is linear: the difference between what
 * it is and what it should be names the bit, so they need not all be tried.
 *
 * @param difference  crc of the data as it is, xor the crc written beside it; not 0
 * @param length      of the data, in bytes
 * @param counts      whether a flip in this byte of the data counts; a byte that never arrived did not flip
 */
export function oneFlipExplains(difference: number, length: number, counts: (index: number) => boolean): boolean {
  // A single bit: it is the written checksum that flipped.
  if ((difference & (difference - 1)) === 0) return true;
  const wanted = difference | 0;
  // What each bit of the last byte would change, then of the byte before it, and so on: one more zero byte passes.
  const changes = Int32Array.from({ length: 8 }, (_, bit) => REMAINDERS[1 << bit]!);
  for (let index = length - 1; index >= 0; index--) {
    for (let bit = 0; bit < 8; bit++) {
      const change = changes[bit]!;
      if (change === wanted && counts(index)) return true;
      changes[bit] = (change >>> 8) ^ REMAINDERS[change & 0xff]!;
    }
  }
  return false;
}

/** Of each single byte, without the customary inversions at both ends. */
const REMAINDERS: Int32Array = Int32Array.from({ length: 256 }, (_, byte) => ~crc32c(Uint8Array.of(byte), 0xffff_ffff));
