import { describe, expect, it } from 'vitest';
import type { CallFrame, CpuProfile } from './cpu-profile.js';
import { selfTimes } from './cpu-profile.js';
import { hotSpots } from './hot-spots.js';

const frame = (functionName: string, url = ''): CallFrame => ({
  functionName,
  url,
  lineNumber: url === '' ? -1 : 9,
  columnNumber: url === '' ? -1 : 0,
});

const raft = 'file:///x/packages/raft/src/driver.ts';
/** root → step (raft) → write (native) ; root → (garbage collector), (idle), (program); root → write (native) → step again */
const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 4, 5, 6, 7] },
    { id: 2, callFrame: frame('step', raft), children: [3] },
    { id: 3, callFrame: frame('write') },
    { id: 4, callFrame: frame('(garbage collector)') },
    { id: 5, callFrame: frame('(idle)') },
    { id: 6, callFrame: frame('(program)') },
    { id: 7, callFrame: frame('write'), children: [8] },
    { id: 8, callFrame: frame('step', raft) },
  ],
  startTime: 0,
  endTime: 2_000_000,
  samples: [2, 3, 4, 5, 6, 7, 8, 2],
  timeDeltas: [5, 100, 200, 300, 400, 50, 150, 60],
};

describe('self times', () => {
  it('last until the next sample, the last one not at all', () =>
    expect(selfTimes(profile).map(({ frame: { functionName }, micros }) => [functionName, micros])).toEqual([
      ['step', 100],
      ['write', 200],
      ['(garbage collector)', 300],
      ['(idle)', 400],
      ['(program)', 50],
      ['write', 150],
      ['step', 60],
    ]));
});

describe('hot spots', () => {
  const spots = hotSpots(profile, ({ url, lineNumber }) => ({
    file: url.slice('file://'.length),
    line: lineNumber + 1,
  }));
  const shares = Object.fromEntries(spots.owners.map(({ owner, share }) => [owner, Math.round(share * 860)]));

  it('leave the idle time out of the shares', () => {
    expect([spots.seconds, spots.idleSeconds]).toEqual([2, 0.0004]);
    expect(spots.owners.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  });

  it('give native code to its caller, V8 its own, and the rest to nobody', () =>
    expect(shares).toEqual({ raft: 360, gc: 300, 'native outside of JavaScript': 50, other: 150 }));

  it('add up a function wherever it was called from, most first', () => {
    expect(spots.functions.map(({ name, owner, native }) => `${name} ${owner} ${native}`)).toEqual([
      '(garbage collector) gc false',
      'write raft true',
      'step raft false',
      'write other true',
      '(program) native outside of JavaScript false',
    ]);
    expect(spots.functions[2]?.place).toEqual({ file: '/x/packages/raft/src/driver.ts', line: 10 });
  });
});
