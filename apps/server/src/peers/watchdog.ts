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
    const dueMs = this.#clock.monotonic() + delayMs;
    return this.#clock.after(delayMs, () => {
      const nowMs = this.#clock.monotonic();
      const leftMs = this.#fedMs + this.#limitMs - nowMs;
      const graceMs = this.#limitMs / 4;
      // Timers may come a little early. One that comes late shows that this process was held up: what came meanwhile
      // is heard first.
      if (leftMs > 0) this.#timer = this.#arm(Math.ceil(leftMs));
      else if (nowMs - dueMs > graceMs) this.#timer = this.#arm(graceMs);
      else {
        this.#timer = undefined;
        this.#onSilence();
      }
    });
  }
}
