import type { Clock, Timer } from '@kontiki/std';
import type { Life } from './life.js';

/** 2025-01-01, when every world begins. */
const EPOCH_MS = 1_735_689_600_000;

/**
 * The clock of one process. It may run fast or slow, its wall time may jump; it stops with its process.
 */
export class SimClock implements Clock {
  readonly #life: Life;
  #rate = 1;
  /** Where the clock stood, by itself and by the world, when its rate last changed. */
  #base = { own: 0, world: 0 };
  #offsetMs = 0;

  /** @param startMs what `monotonic` answers now: that of a machine begins when it is switched on */
  constructor(life: Life, startMs = 0) {
    this.#life = life;
    this.#base = { own: startMs, world: life.timeline.nowMs };
  }

  now(): number {
    return EPOCH_MS + Math.floor(this.#life.timeline.nowMs + this.#offsetMs);
  }

  monotonic(): number {
    return this.#base.own + (this.#life.timeline.nowMs - this.#base.world) * this.#rate;
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#life.after(delayMs / this.#rate, callback);
  }

  every(periodMs: number, callback: () => void): Timer {
    let timer: Timer;
    const next = (): void => {
      // Before the callback, which may cancel.
      timer = this.#life.after(periodMs / this.#rate, next);
      callback();
    };
    timer = this.#life.after(periodMs / this.#rate, next);
    return { cancel: () => timer.cancel() };
  }

  /** From now on `rate` of its seconds pass in a second of the world. Timers under way stay as they are. */
  drift(rate: number): void {
    this.#base = { own: this.monotonic(), world: this.#life.timeline.nowMs };
    this.#rate = rate;
  }

  /** Moves the wall time; `monotonic` goes on. */
  jump(byMs: number): void {
    this.#offsetMs += byMs;
  }
}
