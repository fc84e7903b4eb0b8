import { type Clock, Heap, type Timer } from '@kontiki/std';

/** A {@link Clock} that stands still until it is told to advance. */
export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Heap<() => void>();

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = (): void => callback();
    this.#timers.set(timer, this.#nowMs + delayMs);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  every(periodMs: number, callback: () => void): Timer {
    const timer = (): void => {
      this.#timers.set(timer, this.#nowMs + periodMs);
      callback();
    };
    this.#timers.set(timer, this.#nowMs + periodMs);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Timers still set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Fires, in order and each at its own time, what is due within the next `ms`; lets promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#nowMs + ms;
    await settle();
    for (let next = this.#timers.peek(); next !== undefined && next.priority <= end; next = this.#timers.peek()) {
      this.#timers.delete(next.key);
      this.#nowMs = Math.max(this.#nowMs, next.priority);
      next.key();
      await settle();
    }
    this.#nowMs = end;
  }

  /** As a process that stands still sees it: `ms` pass at once, then timers fire late. */
  async stall(ms: number): Promise<void> {
    this.#nowMs += ms;
    await this.advance(0);
  }
}

/** Lets every promise that can settle do so: the event loop comes round only after them. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
