import type { Clock, Timer } from '@kontiki/std';

interface Waiting {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Time that stands still until it is told to pass. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  #waiting: Waiting[] = [];

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const waiting = { dueMs: this.#nowMs + delayMs, order: this.#order++, callback };
    this.#waiting.push(waiting);
    return {
      cancel: () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
      },
    };
  }

  every(periodMs: number, callback: () => void): Timer {
    let timer = this.after(periodMs, again.bind(this));
    function again(this: ManualClock): void {
      timer = this.after(periodMs, again.bind(this));
      callback();
    }
    return { cancel: () => timer.cancel() };
  }

  /** Lets time pass; what falls due is called in the order in which it does. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    while (true) {
      let first: Waiting | undefined;
      for (const one of this.#waiting) {
        const sooner =
          first === undefined || one.dueMs < first.dueMs || (one.dueMs === first.dueMs && one.order < first.order);
        if (one.dueMs <= untilMs && sooner) first = one;
      }
      if (first === undefined) break;
      const next = first;
      this.#waiting = this.#waiting.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
    }
    this.#nowMs = untilMs;
  }

  /** Lets time pass until the promise is settled; answers as it does. */
  async until<T>(promise: Promise<T>, stepMs = 5): Promise<T> {
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    promise.then(done, done);
    while (!settled) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (!settled) this.advance(stepMs);
    }
    return promise;
  }
}
