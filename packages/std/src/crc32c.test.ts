import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from './crc32c.js';

/** Straight from the definition: one bit at a time. */
function bitwise(bytes: Uint8Array, previous = 0): number {
  let crc = ~previous >>> 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('crc32c', () => {
  it.each([
    // RFC 3720 B.4, and the value every catalogue of checksums gives for "123456789".
    ['32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['31 to 0', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    ['123456789', ascii('123456789'), 0xe3069283],
    ['nothing', new Uint8Array(0), 0],
  ])('gives the published value of %s', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  it('agrees with the definition on every length around the unrolled loop', () => {
    const bytes = Uint8Array.from({ length: 80 }, (_, i) => (i * 151 + 7) & 0xff);
    for (let from = 0; from < 17; from++) {
      for (let to = from; to <= bytes.length; to++) {
        expect(crc32c(bytes.subarray(from, to))).toBe(bitwise(bytes.subarray(from, to)));
      }
    }
  });

  it('agrees with the definition on any bytes, started anywhere', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 0xffff_ffff }), (bytes, previous) => {
        expect(crc32c(bytes, previous)).toBe(bitwise(bytes, previous));
      }),
    ));

  it('goes on where it left off', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 200 }), (bytes, cut) => {
        expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(crc32c(bytes));
      }),
    ));
});
