import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { median, percentile, spread } from './figures.js';

describe('median', () => {
  it('is the middle, or between the two in the middle, whatever the order', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(() => median([])).toThrow('no values');
  });
});

describe('spread', () => {
  it('is half the range as a part of the median', () => {
    expect(spread([90, 100, 110])).toBeCloseTo(0.1);
    expect(spread([5])).toBe(0);
  });
});

describe('percentile', () => {
  it('is the nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, i) => i + 1);
    expect(percentile(values, 0.5)).toBe(50);
    expect(percentile(values, 0.99)).toBe(99);
    expect(percentile(values, 0.999)).toBe(100);
    expect(percentile([7], 0.5)).toBe(7);
  });

  it('is exceeded by no more than the rest', () =>
    fc.assert(
      fc.property(
        fc.array(fc.nat(), { minLength: 1 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (values, part) => {
          const sorted = [...values].sort((a, b) => a - b);
          const value = percentile(sorted, part);
          expect(sorted.filter((other) => other <= value).length).toBeGreaterThanOrEqual(part * sorted.length - 1e-9);
          expect(sorted.filter((other) => other < value).length).toBeLessThan(part * sorted.length);
        },
      ),
    ));
});
