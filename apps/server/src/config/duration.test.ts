import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from './duration.js';

describe('durations', () => {
  it.each([
    ['0', 0],
    ['300ms', 300],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['.5s', 500],
    ['1.s', 1000],
    ['-2m', -120_000],
    ['+5s', 5000],
    ['100us', 0.1],
    ['100\u00b5s', 0.1],
    ['1ns', 1e-6],
    ['0h0m0s', 0],
  ])('%s is read as Go reads it', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '-', '5', '5 s', 's', '1.5', '1h-5m', '1d', '3e2s', '9999999999h', '.s', '1..5s', ' 1s'])(
    '%j is none',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it.each([
    [0, '0s'],
    [0.000001, '1ns'],
    [0.1, '100\u00b5s'],
    [1.5, '1.5ms'],
    [1500, '1.5s'],
    [60_000, '1m0s'],
    [3_600_000, '1h0m0s'],
    [5_400_001, '1h30m0.001s'],
    [-1000, '-1s'],
  ])('%d ms is printed as Go prints it: %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('come back from their printed form', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), (us) => {
        expect(parseDuration(formatDuration(us / 1000))).toBeCloseTo(us / 1000, 5);
      }),
    );
  });
});
