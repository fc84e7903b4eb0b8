/** The Castagnoli polynomial 0x1edc6f41, bit-reversed. */
const POLYNOMIAL = 0x82f63b78;

/**
 * Sixteen tables of 256, one after another: entry `256 * s + b` is what byte `b` adds to the remainder once `s` more
 * zero bytes have passed. Sixteen input bytes are then sixteen look-ups that do not wait for each other.
 */
const TABLES: Int32Array = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(16 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
    tables[byte] = remainder;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256]!;
    tables[at] = (before >>> 8) ^ tables[before & 0xff]!;
  }
  return tables;
}

/**
 * CRC-32C (Castagnoli), as iSCSI and etcd's files use it.
 *
 * @param previous  the checksum of what comes before: `crc32c(b, crc32c(a))` is `crc32c` of `a` and `b` joined.
 *                  The checksum of nothing is 0.
 * @returns 0 ≤ checksum < 2^32
 * @see RFC 3720 appendix B.4 for check values
 */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  const table = TABLES;
  const length = bytes.length;
  const whole = length - 15;
  let crc = ~previous;
  let i = 0;
  for (; i < whole; i += 16) {
    crc =
      table[0xf00 | ((crc ^ bytes[i]!) & 0xff)]! ^
      table[0xe00 | (((crc >>> 8) ^ bytes[i + 1]!) & 0xff)]! ^
      table[0xd00 | (((crc >>> 16) ^ bytes[i + 2]!) & 0xff)]! ^
      table[0xc00 | ((crc >>> 24) ^ bytes[i + 3]!)]! ^
      table[0xb00 | bytes[i + 4]!]! ^
      table[0xa00 | bytes[i + 5]!]! ^
      table[0x900 | bytes[i + 6]!]! ^
      table[0x800 | bytes[i + 7]!]! ^
      table[0x700 | bytes[i + 8]!]! ^
      table[0x600 | bytes[i + 9]!]! ^
      table[0x500 | bytes[i + 10]!]! ^
      table[0x400 | bytes[i + 11]!]! ^
      table[0x300 | bytes[i + 12]!]! ^
      table[0x200 | bytes[i + 13]!]! ^
      table[0x100 | bytes[i + 14]!]! ^
      table[bytes[i + 15]!]!;
  }
  for (; i < length; i++) crc = table[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
