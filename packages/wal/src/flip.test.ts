import { crc32c } from '@kontiki/std';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oneFlipExplains } from './flip.js';

const always = (): boolean => true;

describe('one flipped bit', () => {
  it('is found wherever it is, in the data and in the checksum', () =>
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.nat(), fc.nat({ max: 31 }), (data, at, bit) => {
        const crc = crc32c(data, 77);
        const index = at % data.length;
        data[index]! ^= 1 << (at & 7);
        expect(oneFlipExplains(crc ^ crc32c(data, 77), data.length, always)).toBe(true);
        expect(oneFlipExplains(crc ^ crc32c(data, 77), data.length, (i) => i === index)).toBe(true);
        expect(oneFlipExplains(crc ^ crc32c(data, 77), data.length, (i) => i !== index)).toBe(false);
        expect(oneFlipExplains(1 << bit, data.length, always)).toBe(true);
      }),
    ));

  it('is seen only where trying them all sees one', () =>
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.boolean(),
        (written, found, close) => {
          // Either something else altogether, or the same with the last byte gone.
          const data = close ? Uint8Array.from(written, (byte, i) => (i === written.length - 1 ? 0 : byte)) : found;
          const wanted = crc32c(written);
          fc.pre(crc32c(data) !== wanted);
          let explained = popcount(wanted ^ crc32c(data)) === 1;
          for (let bit = 0; bit < data.length * 8; bit++) {
            const tried = data.slice();
            tried[bit >> 3]! ^= 1 << (bit & 7);
            explained ||= crc32c(tried) === wanted;
          }
          expect(oneFlipExplains(wanted ^ crc32c(data), data.length, always)).toBe(explained);
        },
      ),
    ));
});

function popcount(bits: number): number {
  let count = 0;
  for (let rest = bits >>> 0; rest !== 0; rest >>>= 1) count += rest & 1;
  return count;
}
