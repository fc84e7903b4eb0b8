import { expect, it } from 'vitest';
import type { Measured } from '../measure.js';
import { profileText } from './text.js';

it('tells the parts and the functions, with sources from the package on', () => {
  const measured = { requestsPerSecond: 5_000, p99Ms: 20, cpuMicrosPerRequest: 150 } as Measured;
  const spot = { owner: 'x', native: false, share: 0.25 };
  const text = profileText(
    {
      measured,
      spots: {
        seconds: 3,
        idleSeconds: 1,
        owners: [{ owner: 'raft', share: 0.75 }],
        functions: [
          { ...spot, name: 'step', place: { file: '/a/packages/raft/src/raw-node.ts', line: 7 } },
          { ...spot, name: 'call', place: { file: '/a/packages/x/node_modules/@grpc/grpc-js/src/server.ts', line: 8 } },
          { ...spot, name: 'write', native: true, place: { file: 'node:net', line: 9 } },
          { ...spot, name: 'beyond', place: undefined },
        ],
      },
      mainCores: 0.9,
      otherCores: 0.3,
      profile: '',
    },
    'put 256 B',
    3,
  );
  for (const part of [
    '5,000 req/s',
    'idle 1.00 s',
    '75.0 %',
    ' packages/raft/src/raw-node.ts:7',
    ' @grpc/grpc-js/src/server.ts:8',
    ' native ',
  ]) {
    expect(text).toContain(part);
  }
  expect(text).not.toContain('beyond');
});
