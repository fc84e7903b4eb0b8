import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseInteger } from './integer.js';

const ALL = { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER };

describe('whole numbers', () => {
  it.each([
    ['0', 0],
    ['-0', 0],
    ['10', 10],
    ['+10', 10],
    ['-10', -10],
    ['0x1F', 31],
    ['0b101', 5],
    ['0o17', 15],
    ['017', 15],
    ['1_000', 1000],
    ['0x_ff', 255],
  ])('%s is read as Go reads it', (text, value) => {
    expect(parseInteger(text, ALL)).toEqual({ value });
  });

  it.each(['', ' 1', '1 ', '08', '0x', '0b2', '1__0', '_1', '1_', '1.0', '1e3', 'x', '--1', '0x-1', '\u0661'])(
    '%j is none',
    (text) => {
      expect(parseInteger(text, ALL)).toEqual({ problem: 'expected a whole number' });
    },
  );

  it('stay inside their range, both ends included', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.integer(), (value, a, b) => {
        const [min, max] = a < b ? [a, b] : [b, a];
        const inside = value >= min && value <= max;
        expect('value' in parseInteger(String(value), { min, max })).toBe(inside);
      }),
    );
    expect(parseInteger('99999999999999999999', ALL)).toHaveProperty('problem');
  });
});
