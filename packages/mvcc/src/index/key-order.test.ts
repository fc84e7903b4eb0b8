import { SeededRandom } from '@kontiki/std';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyOrder } from './key-order.js';

/** By comparing, and equal ones by position. */
function plainly(keys: readonly string[]): number[] {
  return keys
    .map((key, position) => ({ key, position }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.position - b.position))
    .map(({ position }) => position);
}

describe('the order of keys', () => {
  it('is that of comparing them, equal ones as they come', () =>
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(fc.constantFrom('\0', 'a', '\xff', 'abcdef', '/pods/'), { maxLength: 4 }),
        (seed, parts) => {
          const random = new SeededRandom(seed);
          const prefix = parts.join('');
          const letters = ['\0', 'a', 'b', '\xfe', '\xff'];
          // Long enough to be counted, alike enough to need several rounds, with prefixes of each other and repetitions.
          const keys = Array.from({ length: 6000 }, () => {
            let key = prefix + (random.int(2) === 0 ? 'abcdefgh' : '');
            for (let length = random.int(14); length > 0; length--)
              key += letters[random.int(random.int(8) === 0 ? 5 : 2)];
            return key;
          });
          expect([...keyOrder(keys)].join()).toBe(plainly(keys).join());
        },
      ),
      { numRuns: 25 },
    ));

  it('of few, of none, and of one key many times', () => {
    expect([...keyOrder([])]).toEqual([]);
    expect([...keyOrder(['b', 'a', '', 'a'])]).toEqual([2, 1, 3, 0]);
    const same = new Array<string>(5000).fill('/registry/leases/kube-system');
    expect([...keyOrder(same)]).toEqual(same.map((_, position) => position));
  });
});
