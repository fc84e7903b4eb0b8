import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { compare, concat, copy, EMPTY, equals, fromLatin1, prefixEnd, printable, toLatin1 } from './bytes.js';

/** Few values, so that prefixes and equals are frequent; the edges of signed and unsigned bytes among them. */
const bytes = fc
  .array(fc.constantFrom(0, 1, 0x7f, 0x80, 0xfe, 0xff), { maxLength: 6 })
  .map((all) => Uint8Array.from(all));
const anyBytes = fc.uint8Array({ maxLength: 300 });

afterEach(() => vi.unstubAllGlobals());

describe('compare', () => {
  it('orders as Buffer does, and as latin1 strings compare', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(compare(a, b)).toBe(Buffer.compare(a, b));
        const [x, y] = [toLatin1(a), toLatin1(b)];
        expect(compare(a, b)).toBe(x < y ? -1 : x > y ? 1 : 0);
        expect(equals(a, b)).toBe(Buffer.compare(a, b) === 0);
      }),
      { numRuns: 1000 },
    );
  });

  it('puts a prefix before what it begins', () => {
    expect(compare(EMPTY, Uint8Array.of(0))).toBe(-1);
    expect(compare(Uint8Array.of(1, 0), Uint8Array.of(1))).toBe(1);
    expect(equals(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
    expect(equals(EMPTY, Uint8Array.of(0))).toBe(false);
  });
});

describe('copy and concat', () => {
  it('give bytes of their own', () => {
    fc.assert(
      fc.property(fc.array(anyBytes, { maxLength: 5 }), (parts) => {
        const whole = concat(parts);
        expect(Buffer.from(whole)).toEqual(Buffer.concat(parts));
        const own = copy(whole);
        whole.fill(7);
        expect(Buffer.from(own)).toEqual(Buffer.concat(parts));
      }),
    );
  });

  it('of a view do not pin what it views', () => {
    const big = new Uint8Array(1000);
    expect(copy(big.subarray(5, 8)).buffer.byteLength).toBe(3);
    expect(copy(Buffer.from('abc')).buffer.byteLength).toBe(3);
    expect(concat([big.subarray(5, 8)]).buffer.byteLength).toBe(3);
  });
});

describe('prefixEnd', () => {
  it('ends exactly what begins with the prefix', () => {
    fc.assert(
      fc.property(bytes, bytes, (prefix, other) => {
        const end = prefixEnd(prefix);
        const begins = equals(other.subarray(0, prefix.length), prefix);
        expect(compare(other, prefix) >= 0 && (end === undefined || compare(other, end) < 0)).toBe(begins);
      }),
      { numRuns: 2000 },
    );
  });

  it('drops what cannot rise, and leaves its argument alone', () => {
    const prefix = Uint8Array.of(1, 0xff, 0xff);
    expect(prefixEnd(prefix)).toEqual(Uint8Array.of(2));
    expect(prefix).toEqual(Uint8Array.of(1, 0xff, 0xff));
    expect(prefixEnd(Uint8Array.of(0xff))).toBeUndefined();
    expect(prefixEnd(EMPTY)).toBeUndefined();
  });
});

describe.each([
  ['with Buffer', (): void => {}],
  ['without', (): void => void vi.stubGlobal('Buffer', undefined)],
])('latin1 %s', (_, prepare) => {
  it('goes there and back, one character per byte', () => {
    prepare();
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect([...toLatin1(all)].map((character) => character.charCodeAt(0))).toEqual([...all]);
    fc.assert(
      fc.property(anyBytes, fc.nat(10), (whole, from) => {
        const part = whole.subarray(from);
        const text = toLatin1(part);
        expect(text).toHaveLength(part.length);
        expect([...fromLatin1(text)]).toEqual([...part]);
      }),
    );
  });

  it('loses the high byte of what is no latin1', () => {
    prepare();
    expect([...fromLatin1('\u0141')]).toEqual([0x41]);
  });
});

describe('printable', () => {
  it('shows text as it is and the rest by its number', () => {
    expect(printable(Uint8Array.of(0x61, 0x20, 0x7e, 0x7f, 0, 0x0a, 0xff))).toBe('a ~\\x7f\\x00\\x0a\\xff');
    expect(printable(EMPTY)).toBe('');
  });
});
