import { describe, expect, it } from 'vitest';
import { Progress } from './progress.js';

const progress = (next = 10): Progress =>
  new Progress({ next, learner: false, active: true, maxInflightMessages: 2, maxInflightBytes: 100 });

describe('one follower seen by the leader', () => {
  it('probing sends one append and waits', () => {
    const p = progress();
    expect(p.paused).toBe(false);
    p.sent(3, 30, 0);
    expect(p).toMatchObject({ paused: true, next: 10, state: 'probe' });
  });

  it('replicating sends ahead until the window is full', () => {
    const p = progress();
    p.accepted(9);
    p.becomeReplicate();
    p.sent(1, 10, 0);
    expect(p).toMatchObject({ paused: false, next: 11 });
    p.sent(2, 20, 0);
    expect(p).toMatchObject({ paused: true, next: 13 });
    p.accepted(10);
    p.inflights.free(10);
    expect(p).toMatchObject({ paused: false, match: 10, next: 13 });
  });

  it('an append without entries takes no room and moves nothing', () => {
    const p = progress();
    p.becomeReplicate();
    p.sent(0, 0, 7);
    expect(p).toMatchObject({ next: 1, toldCommit: 7 });
    expect(p.inflights.count).toBe(0);
  });

  it('a rejection while replicating goes back to what is known', () => {
    const p = progress();
    p.accepted(5);
    p.becomeReplicate();
    p.sent(3, 3, 0);
    expect(p.rejected(5, 2)).toBe(false);
    expect(p.rejected(8, 7)).toBe(true);
    expect(p).toMatchObject({ state: 'probe', next: 6, match: 5 });
    expect(p.inflights.count).toBe(0);
  });

  it('a rejection while probing goes where the hint says, but never behind what is known', () => {
    const p = progress(20);
    expect(p.rejected(18, 3)).toBe(false);
    expect(p.rejected(19, 11)).toBe(true);
    expect(p.next).toBe(12);
    p.match = 9;
    expect(p.rejected(11, 2)).toBe(true);
    expect(p.next).toBe(10);
  });

  it('a hint beyond the question still goes back by one', () => {
    const p = progress(20);
    expect(p.rejected(19, 99)).toBe(true);
    expect(p.next).toBe(19);
  });

  it('a snapshot pauses it; afterwards it is probed behind the snapshot', () => {
    const p = progress();
    p.becomeSnapshot(30);
    expect(p).toMatchObject({ paused: true, next: 31 });
    expect(() => p.sent(1, 1, 0)).toThrow('waits for a snapshot');
    p.becomeProbe();
    expect(p).toMatchObject({ state: 'probe', next: 31, paused: false });
  });

  it('a snapshot that failed puts it back to what is known', () => {
    const p = progress();
    p.accepted(4);
    p.becomeSnapshot(30);
    p.pendingSnapshot = 0;
    p.becomeProbe();
    expect(p.next).toBe(5);
  });
});
