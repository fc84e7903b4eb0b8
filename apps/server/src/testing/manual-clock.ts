import type { Clock, Timer } from '@kontiki/std';

/** A clock that moves only when told to; callbacks run in order of their time. */
export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ atMs: number; order: number; everyMs: number | undefined; callback: () => void }>();
  #order = 0;

  now(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#schedule(delayMs, undefined, callback);
  }

  every(periodMs: number, callback: () => void): Timer {
    return this.#schedule(periodMs, periodMs, callback);
  }

  /** Timers still to come. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves time, running what comes due; promises settle between two callbacks. */
  async advance(byMs: number): Promise<void> {
    const until = this.#nowMs + byMs;
    for (;;) {
      await new Promise(setImmediate);
      const next = [...this.#timers].sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
      if (next === undefined || next.atMs > until) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      if (next.everyMs === undefined) this.#timers.delete(next);
      else next.atMs += next.everyMs;
      next.callback();
    }
    this.#nowMs = until;
    await new Promise(setImmediate);
  }

  #schedule(delayMs: number, everyMs: number | undefined, callback: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, order: this.#order++, everyMs, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }
}
