import type { Clock } from '@kontiki/std';

/** How long work that could wait may hold the thread. */
const SLICE_MS = 4;

/** Resolves after `delayMs`: everything else that is due runs in between. */
export function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}

/** Cuts long work into slices of a few milliseconds. */
export class Slices {
  readonly #clock: Clock;
  #began: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#began = clock.monotonic();
  }

  /** This slice is over. */
  get due(): boolean {
    return this.#clock.monotonic() - this.#began >= SLICE_MS;
  }

  /** Lets others run, then begins the next slice. */
  async next(delayMs = 0): Promise<void> {
    await pause(this.#clock, delayMs);
    this.#began = this.#clock.monotonic();
  }
}
