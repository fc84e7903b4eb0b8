import { compare } from '@kontiki/std';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRevision, encodeRevision, isTombstone, revisionBound } from './revision.js';

const numbers = fc.oneof(fc.nat(3), fc.nat(), fc.maxSafeNat());

describe('a revision key', () => {
  it('is 8 bytes, an underscore, 8 bytes, and a t for a tombstone', () => {
    expect(Buffer.from(encodeRevision(0x0102030405, 6, false)).toString('hex')).toBe(
      '00000001020304055f0000000000000006',
    );
    expect(Buffer.from(encodeRevision(2, 2 ** 40, true)).toString('hex')).toBe('00000000000000025f000001000000000074');
  });

  it('says what went in', () =>
    fc.assert(
      fc.property(numbers, numbers, fc.boolean(), (main, sub, tombstone) => {
        const bytes = encodeRevision(main, sub, tombstone);
        expect(decodeRevision(bytes)).toEqual({ main, sub });
        expect(isTombstone(bytes)).toBe(tombstone);
      }),
    ));

  it('sorts as time does', () =>
    fc.assert(
      fc.property(numbers, numbers, fc.boolean(), numbers, numbers, fc.boolean(), (m, s, t, main, sub, tombstone) => {
        if (m === main && s === sub) return;
        const sooner = m < main || (m === main && s < sub);
        expect(compare(encodeRevision(m, s, t), encodeRevision(main, sub, tombstone))).toBe(sooner ? -1 : 1);
        expect(compare(revisionBound(main), encodeRevision(m, s, t))).toBe(
          main > m ? 1 : m === main && s === 0 && !t ? 0 : -1,
        );
      }),
    ));

  it('is CORRUPT when it has another form', () => {
    const good = encodeRevision(5, 1, true);
    const withByte = (at: number, byte: number): Uint8Array => good.map((b, i) => (i === at ? byte : b));
    for (const bad of [
      good.slice(0, 16),
      withByte(8, 0x2d),
      withByte(17, 0x75),
      Uint8Array.of(...good, 0),
      withByte(0, 0x80),
    ]) {
      expect(() => decodeRevision(bad)).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
    }
  });
});
