import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { run } from './schedule.js';

describe('whatever the network, the disks and crashes do, Raft keeps its promises', () => {
  it.each([1, 2, 3, 5])('with %i voters', (size) => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        run(seed, size, 1500);
      }),
      { numRuns: 30 },
    );
  });

  it('without pre-vote and quorum checks', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        run(seed, 3, 1500, { preVote: false, checkQuorum: false });
      }),
      { numRuns: 30 },
    );
  });

  it.each([1, 3])('with %i voters, while members come, go and change places', (size) => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        run(seed, size, 1500, {}, true);
      }),
      { numRuns: 30 },
    );
  });

  it('and the schedules do reach what they are meant to', () => {
    const total = { answeredReads: 0, leaders: 0, restarts: 0, snapshots: 0, configurations: 0, stranded: 0 };
    for (let seed = 0; seed < 40; seed++) {
      const { counts } = run(seed, 3, 1500, {}, seed % 2 === 0);
      total.answeredReads += counts.answeredReads;
      total.leaders += counts.leaders.size;
      total.restarts += counts.restarts;
      total.snapshots += counts.snapshots;
      total.configurations += counts.configurations.size;
      total.stranded += counts.stranded;
    }
    expect(total.answeredReads).toBeGreaterThan(50);
    expect(total.leaders).toBeGreaterThan(80);
    expect(total.restarts).toBeGreaterThan(50);
    expect(total.snapshots).toBeGreaterThan(20);
    expect(total.configurations).toBeGreaterThan(40);
    expect(total.stranded).toBeLessThan(3);
  });
});
