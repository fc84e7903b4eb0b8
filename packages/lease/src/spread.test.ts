import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spread } from './spread.js';

describe('spread', () => {
  it('leaves deadlines alone that are far enough apart', () => {
    expect(spread([], 1)).toEqual([]);
    expect(spread([5, 5, 1005, 2006], 2)).toEqual([5, 5, 1005, 2006]);
  });

  it('puts what is too much for a second into the next ones', () => {
    expect(spread([0, 0, 0, 0, 0], 2)).toEqual([0, 0, 1000, 1000, 2000]);
    expect(spread([0, 400, 500, 900], 2)).toEqual([0, 400, 1000, 1400]);
  });

  it('holds every second to its limit, moves nothing forward, and nothing back without need', () => {
    const deadlines = fc.array(fc.nat(5000), { maxLength: 60 }).map((all) => all.sort((a, b) => a - b));
    fc.assert(
      fc.property(deadlines, fc.integer({ min: 1, max: 7 }), (before, perSecond) => {
        const after = spread(before, perSecond);
        expect(after).toHaveLength(before.length);
        for (const [i, at] of after.entries()) {
          expect(at).toBeGreaterThanOrEqual(Math.max(before[i]!, after[i - 1] ?? 0));
          expect(after.filter((other) => other > at - 1000 && other <= at).length).toBeLessThanOrEqual(perSecond);
          const crowdBefore = after.slice(0, i).filter((other) => other > at - 1 - 1000).length;
          if (at > before[i]!) expect(crowdBefore).toBeGreaterThanOrEqual(perSecond);
        }
      }),
      { numRuns: 500 },
    );
  });
});
