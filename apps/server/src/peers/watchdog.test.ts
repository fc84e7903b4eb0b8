import type { Clock, Timer } from '@kontiki/std';
import { expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { Watchdog } from './watchdog.js';

it('calls once when it was not fed, and not before', async () => {
  const clock = new ManualClock();
  let calls = 0;
  const dog = new Watchdog(clock, 1000, () => calls++);
  dog.start();
  for (let i = 0; i < 5; i++) {
    await clock.advance(999);
    dog.feed();
  }
  await clock.advance(999);
  expect(calls).toBe(0);
  await clock.advance(1);
  expect(calls).toBe(1);
  await clock.advance(5000);
  expect([calls, clock.pending]).toEqual([1, 0]);
});

it('can be stopped and started again', async () => {
  const clock = new ManualClock();
  let calls = 0;
  const dog = new Watchdog(clock, 1000, () => calls++);
  dog.start();
  await clock.advance(900);
  dog.stop();
  expect(clock.pending).toBe(0);
  await clock.advance(5000);
  dog.start();
  await clock.advance(999);
  expect(calls).toBe(0);
  await clock.advance(1);
  expect(calls).toBe(1);
});

it('takes a process that slept for no silence of the other side', () => {
  let nowMs = 0;
  let due: (() => void) | undefined;
  const timer: Timer = {
    cancel: () => {
      due = undefined;
    },
  };
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    after(_, callback) {
      due = callback;
      return timer;
    },
    every: () => timer,
  };
  const fire = (atMs: number): void => {
    nowMs = atMs;
    due?.();
  };
  let calls = 0;
  const dog = new Watchdog(clock, 1000, () => calls++);
  dog.start();
  fire(60_000);
  expect(calls).toBe(0);
  // What lay in the socket is read now.
  dog.feed();
  fire(60_250);
  expect(calls).toBe(0);
  fire(61_000);
  expect(calls).toBe(1);
  // Where nothing lay there it is silence after all.
  dog.start();
  fire(120_000);
  expect(calls).toBe(1);
  fire(120_250);
  expect(calls).toBe(2);
});
