import { expect, it } from 'vitest';
import { WallTime } from './wall-time.js';

const START = Date.UTC(2026, 10, 24, 23, 31, 1);

it('prints microseconds that the wall clock does not have', () => {
  let monotonic = 100;
  let wall = START;
  const time = new WallTime(
    () => wall,
    () => monotonic,
  );
  expect(time.now()).toBe('2026-11-24T23:31:01.000000Z');
  monotonic += 0.25;
  expect(time.now()).toBe('2026-11-24T23:31:01.000250Z');
  monotonic += 998.75;
  wall += 999;
  expect(time.now()).toBe('2026-11-24T23:31:01.999000Z');
  monotonic += 1;
  wall += 1;
  expect(time.now()).toBe('2026-11-24T23:31:02.000000Z');
});

it('follows a wall clock that is set, forth and back', () => {
  let wall = START;
  const time = new WallTime(
    () => wall,
    () => 0,
  );
  wall += 3_600_000;
  expect(time.now()).toBe('2026-11-25T00:31:01.000000Z');
  wall -= 7_200_000;
  expect(time.now()).toBe('2026-11-24T22:31:01.000000Z');
});
