import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { percentile, spread } from './spread.js';

const values = fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 1 });

describe('percentile', () => {
  it('is the smallest value that enough values do not exceed', () =>
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 1_000 }), (unsorted, thousandths) => {
        const sorted = [...unsorted].sort((a, b) => a - b);
        const enough = (candidate: number): boolean =>
          sorted.filter((value) => value <= candidate).length * 1_000 >= thousandths * sorted.length;
        expect(percentile(sorted, thousandths / 1_000)).toBe(sorted.find(enough));
      }),
    ));

  it('of a hundred values is what one expects', () => {
    const hundred = Float64Array.from({ length: 100 }, (_, i) => i + 1);
    expect([0.5, 0.99, 0.999, 1].map((fraction) => percentile(hundred, fraction))).toEqual([50, 99, 100, 100]);
  });

  it('refuses nothing', () => expect(() => percentile([], 0.5)).toThrow(RangeError));
});

describe('spread', () => {
  it('takes the middle, or the mean of the two in the middle', () => {
    expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect(spread([7])).toEqual({ median: 7, min: 7, max: 7 });
  });

  it('leaves as many values above as below, and its argument as it was', () =>
    fc.assert(
      fc.property(values, (list) => {
        const before = [...list];
        const { median, min, max } = spread(list);
        expect(list).toEqual(before);
        expect(list.filter((value) => value < median).length).toBeLessThanOrEqual(list.length / 2);
        expect(list.filter((value) => value > median).length).toBeLessThanOrEqual(list.length / 2);
        expect([min, max]).toEqual([Math.min(...list), Math.max(...list)]);
      }),
    ));

  it('refuses nothing', () => expect(() => spread([])).toThrow(RangeError));
});
