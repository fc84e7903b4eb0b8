import { silentLogger } from '@kontiki/std';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { AutoCompaction, type AutoCompactionPolicy } from './auto-compaction.js';

const MINUTE = 60_000;

function rig(policy: AutoCompactionPolicy) {
  const clock = new ManualClock();
  const state = { revision: 1, compacted: [] as number[], fail: undefined as Error | undefined };
  const compaction = new AutoCompaction(policy, {
    clock,
    logger: silentLogger,
    revision: () => state.revision,
    compact: async (revision) => {
      if (state.fail !== undefined) throw state.fail;
      state.compacted.push(revision);
    },
  });
  compaction.start();
  return { clock, state, compaction };
}

describe('AutoCompaction by revision', () => {
  it('keeps the last N revisions, every five minutes', async () => {
    const { clock, state } = rig({ mode: 'revision', revisions: 100 });
    state.revision = 50;
    await clock.advance(5 * MINUTE);
    expect(state.compacted).toEqual([]);
    state.revision = 250;
    await clock.advance(5 * MINUTE);
    expect(state.compacted).toEqual([150]);
    await clock.advance(5 * MINUTE);
    expect(state.compacted).toEqual([150]);
  });
});

describe('AutoCompaction by period', () => {
  it('waits one full period, then compacts to the revision of one period ago', async () => {
    const { clock, state } = rig({ mode: 'periodic', periodMs: 10 * MINUTE });
    for (let minute = 1; minute <= 30; minute++) {
      state.revision = 1 + minute;
      await clock.advance(MINUTE);
    }
    // At minute 10 back to minute 0, at minute 20 to minute 10, at minute 30 to minute 20.
    expect(state.compacted).toEqual([1, 11, 21]);
  });

  it('with a period above an hour compacts every hour', async () => {
    const { clock, state } = rig({ mode: 'periodic', periodMs: 180 * MINUTE });
    for (let step = 1; step <= 60; step++) {
      state.revision = 1 + step;
      await clock.advance(6 * MINUTE);
    }
    // A sample every 6 minutes; at hours 3, 4, 5, 6 the revision of hours 0, 1, 2, 3.
    expect(state.compacted).toEqual([1, 11, 21, 31]);
  });

  it('tries again at the next sample after a failure', async () => {
    const { clock, state } = rig({ mode: 'periodic', periodMs: 10 * MINUTE });
    state.fail = new Error('no leader');
    await clock.advance(10 * MINUTE);
    expect(state.compacted).toEqual([]);
    state.fail = undefined;
    state.revision = 9;
    await clock.advance(MINUTE);
    expect(state.compacted).toEqual([1]);
  });

  it('stops', async () => {
    const { clock, state, compaction } = rig({ mode: 'periodic', periodMs: MINUTE });
    compaction.stop();
    await clock.advance(10 * MINUTE);
    expect(state.compacted).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
