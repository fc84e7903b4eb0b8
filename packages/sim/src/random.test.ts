import { SeededRandom } from '@kontiki/std';
import { expect, it } from 'vitest';
import { between, chance, duration, pick, shuffle } from './random.js';

it('draws within what was asked for, both ends included', () => {
  const random = new SeededRandom(1);
  const seen = new Set(Array.from({ length: 200 }, () => between(random, 3, 5)));
  expect([...seen].sort()).toEqual([3, 4, 5]);
  for (let i = 0; i < 200; i++) {
    const ms = duration(random, { min: 0.5, max: 2 });
    expect(ms >= 0.5 && ms <= 2.001).toBe(true);
  }
  expect(duration(random, { min: 7, max: 7 })).toBe(7);
});

it('never and always are certain, and draw nothing', () => {
  const random = new SeededRandom(1);
  const next = new SeededRandom(1).int(1000);
  for (let i = 0; i < 100; i++) {
    expect(chance(random, 0)).toBe(false);
    expect(chance(random, 1000)).toBe(true);
  }
  expect(random.int(1000)).toBe(next);
});

it('picks every item, and shuffles without losing one', () => {
  const random = new SeededRandom(2);
  const items = ['a', 'b', 'c'];
  expect(new Set(Array.from({ length: 100 }, () => pick(random, items)))).toEqual(new Set(items));
  const orders = new Set(Array.from({ length: 100 }, () => shuffle(random, items).join('')));
  expect([...orders].sort()).toEqual(['abc', 'acb', 'bac', 'bca', 'cab', 'cba']);
  expect(() => pick(random, [])).toThrow('nothing to pick');
});
