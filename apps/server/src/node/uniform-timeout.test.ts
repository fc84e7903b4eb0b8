import { Deferred } from '@kontiki/std';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { UniformTimeout } from './uniform-timeout.js';

describe('UniformTimeout', () => {
  it('settles as the promise does when that comes in time', async () => {
    const clock = new ManualClock();
    const timeout = new UniformTimeout(clock, 100);
    const value = new Deferred<number>();
    const failure = new Deferred<number>();
    const both = Promise.allSettled([
      timeout.guard(value.promise, () => new Error('late')),
      timeout.guard(failure.promise, () => new Error('late')),
    ]);
    value.resolve(1);
    failure.reject(new Error('no'));
    expect(await both).toMatchObject([
      { status: 'fulfilled', value: 1 },
      { status: 'rejected', reason: { message: 'no' } },
    ]);
  });

  it('rejects each wait at its own deadline with one timer for all', async () => {
    const clock = new ManualClock();
    const timeout = new UniformTimeout(clock, 100);
    const outcomes: string[] = [];
    const wait = (name: string): void => {
      timeout.guard(new Promise(() => {}), () => new Error(name)).catch((error: Error) => outcomes.push(error.message));
    };
    wait('a');
    await clock.advance(40);
    wait('b');
    expect(clock.pending).toBe(1);
    await clock.advance(59);
    expect(outcomes).toEqual([]);
    await clock.advance(1);
    expect(outcomes).toEqual(['a']);
    await clock.advance(40);
    expect(outcomes).toEqual(['a', 'b']);
  });

  it('passes over settled waits and stays silent afterwards', async () => {
    const clock = new ManualClock();
    const timeout = new UniformTimeout(clock, 100);
    for (let i = 0; i < 5000; i++) {
      expect(await timeout.guard(Promise.resolve(i), () => new Error('late'))).toBe(i);
    }
    await clock.advance(1000);
    expect(clock.pending).toBe(0);
  });
});
