import { describe, expect, it } from 'vitest';
import { makeSegment, parseSegment, segmentOf } from './segment-name.js';

describe('a segment name', () => {
  it('is sequence and position, each in 16 hexadecimal digits', () => {
    expect(makeSegment(10, 0xabcdef).name).toBe('000000000000000a-0000000000abcdef.wal');
    expect(parseSegment('000000000000000a-0000000000abcdef.wal')).toEqual(makeSegment(10, 0xabcdef));
  });

  it.each([
    '0.tmp',
    '000000000000000a-0000000000abcdef.wal.tmp',
    '000000000000000a-0000000000abcdef.wal.broken',
    '00000000000000A0-0000000000000000.wal',
    '0-0.wal',
    'ffffffffffffffff-0000000000000000.wal',
  ])('is not %s', (name) => {
    expect(parseSegment(name)).toBeUndefined();
  });
});

describe('the segment of a position', () => {
  const at = (...positions: number[]) => positions.map((position, sequence) => makeSegment(sequence, position));

  it('is the last named at or below it', () => {
    expect(segmentOf(at(0, 10, 20), 0)).toBe(0);
    expect(segmentOf(at(0, 10, 20), 9)).toBe(0);
    expect(segmentOf(at(0, 10, 20), 10)).toBe(1);
    expect(segmentOf(at(0, 10, 20), 99)).toBe(2);
  });

  it('is none when the oldest starts later', () => {
    expect(segmentOf(at(5, 10), 4)).toBe(-1);
  });

  it('is the later one when positions fell: what an older file says from there on is overwritten', () => {
    expect(segmentOf(at(0, 100, 97), 98)).toBe(2);
    expect(segmentOf(at(0, 100, 97), 96)).toBe(0);
  });
});
