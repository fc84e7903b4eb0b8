import { describe, expect, it } from 'vitest';
import { AssertionError, assert, unreachable } from './assert.js';

describe('assert', () => {
  it('lets pass what holds and throws what does not, with its message', () => {
    assert(true, 'never said');
    expect(() => assert(false, 'committed is not above last')).toThrow(AssertionError);
    expect(() => assert(false, 'committed is not above last')).toThrow('committed is not above last');
  });

  it('narrows for the compiler', () => {
    const value = 'x' as string | undefined;
    assert(value !== undefined, 'there');
    expect(value.length).toBe(1);
  });
});

describe('unreachable', () => {
  it('names the value that data smuggled in', () => {
    expect(() => unreachable('purple' as never)).toThrow(new AssertionError('unreachable: purple'));
    expect(() => unreachable(7 as never, 'kind')).toThrow('kind: 7');
  });
});
