import type { Clock, Timer } from '@kontiki/std';

/** Calls back, once, when it was not fed for `limitMs`. Feeding it costs no timer: it may be done with every byte. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #onSilence: () => void;
  #fedMs = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, limitMs: number, onSilence: () => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#onSilence = onSilence;
  }

  /** Begins to watch; again after `stop`, too. */
  start(): void {
    this.feed();
    this.#timer ??= this.#arm(this.#limitMs);
  }

  feed(): void {
    this.#fedMs = this.#clock.monotonic();
  }

  /** Idempotent. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(delayMs: number): Timer {
    return this.#clock.after(delayMs, () => {
      const leftMs = this.#fedMs + this.#limitMs - this.#clock.monotonic();
      // Timers may come a little early.
      if (leftMs > 0) {
        this.#timer = this.#arm(Math.ceil(leftMs));
        return;
      }
      this.#timer = undefined;
      this.#onSilence();
    });
  }
}
