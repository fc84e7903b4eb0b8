import { assert, equals } from '@kontiki/std';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ValueCache } from './value-cache.js';

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);

/** Puts bytes of its own making into the cache. */
function put(cache: ValueCache, main: number, sub: number, length: number): void {
  const bytes = cache.allocate(length);
  bytes.fill(main + sub);
  cache.set(main, sub, bytes);
}

describe('a ValueCache', () => {
  it('answers what was put under a revision, or nothing, and stays within its bound', () =>
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(200), fc.nat(3), fc.nat(300)), { maxLength: 300, size: 'max' }),
        fc.integer({ min: 0, max: 100_000 }),
        (list, maxBytes) => {
          const cache = new ValueCache(maxBytes);
          const lengths = new Map<string, number>();
          for (const [main, sub, length] of list) {
            if (lengths.has(`${main}.${sub}`)) continue;
            put(cache, main, sub, length);
            lengths.set(`${main}.${sub}`, length);
            assert(cache.bytes <= maxBytes, 'it stays within its bound');
            for (const [at, subAt] of [
              [main, sub],
              [main >> 1, sub],
            ] as const) {
              const found = cache.get(at, subAt);
              if (found === undefined) continue;
              assert(equals(found, filled(lengths.get(`${at}.${subAt}`)!, at + subAt)), 'it answers what was put');
            }
            assert(cache.get(1000, sub) === undefined, 'what was never put is not there');
          }
        },
      ),
    ));

  it('keeps what is used, and forgets what is not', () => {
    const cache = new ValueCache(100_000);
    put(cache, 1, 0, 100);
    put(cache, 2, 0, 100);
    for (let main = 3; main < 2000; main++) {
      put(cache, main, 0, 100);
      expect(cache.get(1, 0)).toBeDefined();
    }
    expect(cache.get(2, 0)).toBeUndefined();
    expect(cache.get(1999, 0)).toBeDefined();
  });

  it('lets go of the memory of what it forgets, though some of it is still used', () => {
    const cache = new ValueCache(200_000);
    put(cache, 1, 0, 100);
    const first = cache.get(1, 0)!.buffer;
    for (let main = 2; main < 3000; main++) {
      put(cache, main, 0, 100);
      cache.get(1, 0);
    }
    expect(cache.get(1, 0)!.buffer).not.toBe(first);
  });

  it('does not bother with what is too large or too deep in a bulk load', () => {
    const cache = new ValueCache(100_000);
    put(cache, 1, 0, 50_000);
    put(cache, 2, 5000, 10);
    put(cache, Number.MAX_SAFE_INTEGER, 1, 10);
    expect(cache.get(1, 0) ?? cache.get(2, 5000) ?? cache.get(Number.MAX_SAFE_INTEGER, 1)).toBeUndefined();
    put(cache, 2, 1, 10);
    expect(cache.get(2, 1)).toEqual(filled(10, 3));
  });

  it('copies in what is not its own', () => {
    const cache = new ValueCache(100_000);
    const foreign = filled(20, 7);
    const kept = cache.copyIn(5, 0, foreign);
    foreign.fill(0);
    expect(kept).toEqual(filled(20, 7));
    expect(cache.get(5, 0)).toBe(kept);
  });
});
