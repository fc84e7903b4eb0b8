import { describe, expect, it } from 'vitest';
import { parseLog } from './log.js';

describe('parseLog', () => {
  it('takes the time from the first start to the last end, wherever they stand', () => {
    const log = parseLog('2000000\t200\t500000\n1000000\t200\t3000000\n1500000\t200\t100\n');
    expect(log).toMatchObject({ requests: 3, failed: 0, seconds: 3 });
    expect([...log.latenciesUs]).toEqual([100, 500_000, 3_000_000]);
  });

  it('sorts numbers as numbers and counts failures apart', () => {
    const log = parseLog('1\t200\t9\n1\t-1\t1\n1\t503\t2\n1\t200\t10\n');
    expect([log.requests, log.failed, [...log.latenciesUs]]).toEqual([4, 2, [9, 10]]);
  });

  it('tells the rate of the second half', () => {
    const log = parseLog('0\t200\t1000000\n0\t200\t2100000\n0\t200\t3000000\n0\t200\t4000000\n');
    expect(log).toMatchObject({ seconds: 4, lateRequestsPerSecond: 1.5 });
  });

  it('knows an empty log', () =>
    expect(parseLog('')).toMatchObject({ requests: 0, failed: 0, seconds: 0, lateRequestsPerSecond: 0 }));

  it('allows further columns, as h2load announces them', () => expect(parseLog('1\t200\t5\tmore\n').requests).toBe(1));

  it.each(['nonsense', '1\t200', '1\tok\t3', '1\t200\t5\n\n1\t200\t5'])('refuses %j', (text) =>
    expect(() => parseLog(text)).toThrow(/not a line/),
  );
});
