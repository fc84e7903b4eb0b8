import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from './system-clock.js';

const LONGEST = 2 ** 31 - 1;

describe('timers', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** When the callbacks ran, in milliseconds since the start. */
  function record(start: (ring: () => void) => unknown): number[] {
    const startMs = Date.now();
    const rung: number[] = [];
    start(() => rung.push(Date.now() - startMs));
    return rung;
  }

  it.each([0, 1, 5000, LONGEST, LONGEST + 1, 3 * LONGEST + 7])('fire once, %d ms later', (delayMs) => {
    const rung = record((ring) => systemClock.after(delayMs, ring));
    vi.advanceTimersByTime(Math.max(0, delayMs - 1));
    if (delayMs > 0) expect(rung).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(rung).toHaveLength(1);
    expect(rung[0]).toBeGreaterThanOrEqual(delayMs);
    vi.advanceTimersByTime(2 * LONGEST);
    expect(rung).toHaveLength(1);
  });

  it('never fire inside the call, not even for a time that is past', () => {
    const rung = record((ring) => systemClock.after(-5, ring));
    expect(rung).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(rung).toHaveLength(1);
  });

  it.each([100, LONGEST, LONGEST + 1000])('fire every %d ms', (periodMs) => {
    const rung = record((ring) => systemClock.every(periodMs, ring));
    vi.advanceTimersByTime(3 * periodMs);
    expect(rung).toEqual([periodMs, 2 * periodMs, 3 * periodMs]);
  });

  it.each([100, LONGEST + 1000])('of %d ms stay quiet once cancelled, half-way or from within', (ms) => {
    const rung = record((ring) => {
      const once = systemClock.after(ms, ring);
      vi.advanceTimersByTime(ms - 1);
      once.cancel();
      once.cancel();
      const often = systemClock.every(ms, () => {
        ring();
        often.cancel();
      });
    });
    vi.advanceTimersByTime(4 * ms);
    expect(rung).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('the clock', () => {
  it('does not keep the process alive', () => {
    const held = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = held();
    const timers = [
      systemClock.after(1e6, () => {}),
      systemClock.every(1e6, () => {}),
      systemClock.every(1e12, () => {}),
    ];
    expect(held()).toBe(before);
    for (const timer of timers) timer.cancel();
  });

  it('tells wall time, and a monotonic time that is another and never falls', () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(10_000);
    const readings = Array.from({ length: 100 }, () => systemClock.monotonic());
    expect(readings).toEqual([...readings].sort((a, b) => a - b));
    vi.useFakeTimers({ now: 0, toFake: ['Date'] });
    const before = systemClock.monotonic();
    vi.setSystemTime(-1e9);
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(before);
    vi.useRealTimers();
  });
});
