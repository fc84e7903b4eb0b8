import { rpc } from '@kontiki/proto';
import { describe, expect, it } from 'vitest';
import { framedBytes } from './grpc-frame.js';
import { VALUE_BYTES } from './loads.js';
import { rangeProblem, readsProblem, writesProblem } from './measure.js';

describe('writes', () => {
  it('are right when every request made one revision', () => expect(writesProblem(1_000, 1_000)).toBeUndefined());
  it.each([999, 1_001, 0])('are wrong when 1,000 made %i', (revisions) =>
    expect(writesProblem(1_000, revisions)).toContain(`${revisions} revisions`),
  );
});

describe('reads', () => {
  it('hold as many keys as were asked for, each with its whole value', () => {
    const holding = (...sizes: number[]): rpc.RangeResponse =>
      rpc.RangeResponse.fromPartial({ kvs: sizes.map((size) => ({ value: new Uint8Array(size) })) });
    expect(rangeProblem(holding(VALUE_BYTES, VALUE_BYTES), 2)).toBeUndefined();
    expect(rangeProblem(holding(VALUE_BYTES), 2)).toContain('had 1 keys');
    expect(rangeProblem(holding(VALUE_BYTES, VALUE_BYTES - 1), 2)).toContain('1 whole values');
    expect(rangeProblem(holding(), 1)).toContain('had 0 keys');
  });

  const answers = { min: 300, max: 300 };
  it('are right when all answers are whole', () =>
    expect(readsProblem(10, 10 * framedBytes(300), answers)).toBeUndefined());
  it('are wrong when one of them has no body, or one byte too much', () => {
    expect(readsProblem(10, 9 * framedBytes(300), answers)).toMatch(/3050 bytes, but had 2745/);
    expect(readsProblem(10, 10 * framedBytes(300) + 1, answers)).toBeDefined();
  });
  it('may have any size between those probed', () =>
    expect(readsProblem(2, 2 * framedBytes(301), { min: 300, max: 302 })).toBeUndefined());
});
