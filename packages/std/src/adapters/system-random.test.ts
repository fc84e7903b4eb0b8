import { expect, it } from 'vitest';
import { systemRandom } from './system-random.js';

it('stays in its bounds, the widest included, and reaches all of a small range', () => {
  const seen = new Set<number>();
  for (let i = 0; i < 500; i++) seen.add(systemRandom.int(4));
  expect([...seen].sort()).toEqual([0, 1, 2, 3]);
  expect(systemRandom.int(1)).toBe(0);
  const wide = systemRandom.int(2 ** 32);
  expect(Number.isInteger(wide) && wide >= 0 && wide < 2 ** 32).toBe(true);
});

it('fills 64 bits without a sign', () => {
  let all = 0n;
  for (let i = 0; i < 200; i++) {
    const bits = systemRandom.bits64();
    expect(BigInt.asUintN(64, bits)).toBe(bits);
    all |= bits;
  }
  expect(all).toBe(2n ** 64n - 1n);
});
