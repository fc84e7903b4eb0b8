import type { Clock, Timer } from '@kontiki/std';
import { expect, it } from 'vitest';
import { run } from '../src/main.js';

/** Time that passes only in `sleep`. */
function handDriven(): { clock: Clock; sleep(ms: number): Promise<void> } {
  let now = 0;
  const every: { atMs: number; periodMs: number; callback: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    after: () => {
      throw new Error('not needed here');
    },
    every(periodMs, callback): Timer {
      const timer = { atMs: now + periodMs, periodMs, callback };
      every.push(timer);
      return { cancel: () => every.splice(every.indexOf(timer), 1) };
    },
  };
  return {
    clock,
    async sleep(ms) {
      for (const until = now + ms; now < until; now += 10) {
        for (const timer of every) {
          if (timer.atMs > now) continue;
          timer.atMs += timer.periodMs;
          timer.callback();
        }
        await new Promise(setImmediate);
      }
    },
  };
}

it('ends the session nobody heard of, with everything in it, and no other', async () => {
  const { clock, sleep } = handDriven();
  const lines: string[] = [];
  await run(clock, sleep, (line) => lines.push(line));
  expect(lines).toEqual(['gone: basket of bob, draft of bob', 'ann is still here']);
});
