import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { run } from './twin.js';

describe('drivers under crashes, loss and slow disks agree with one naive list', () => {
  it.each([1, 3])('with %i members', async (size) => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        await run(seed, size, 400);
      }),
      { numRuns: 25 },
    );
  });

  it('and do get work done meanwhile', async () => {
    let [acknowledged, reads, failures] = [0, 0, 0];
    for (let seed = 1; seed <= 15; seed++) {
      const history = await run(seed, 3, 400);
      acknowledged += history.acknowledged.size;
      reads += history.reads;
      failures += history.failures;
    }
    expect(acknowledged).toBeGreaterThan(100);
    expect(reads).toBeGreaterThan(50);
    expect(failures).toBeGreaterThan(20);
  });
});
