import type { Clock, Timer } from '@kontiki/std';

interface Wait {
  readonly deadlineMs: number;
  settled: boolean;
  readonly reject: (error: unknown) => void;
}

/**
 * Promises that may all wait for the same time. Because every wait is equally long, deadlines come in order of arrival
 * and one timer serves them all.
 * Invariants: a timer is armed while a wait is open; never more than one. (It may outlive the waits: arming and
 * cancelling it for each would cost more than one idle wake-up.)
 */
export class UniformTimeout {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #waits: Wait[] = [];
  #head = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Settles as `promise` does, or rejects with what `expired` makes once the time is over. */
  guard<T>(promise: Promise<T>, expired: () => Error): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const wait: Wait = {
        deadlineMs: this.#clock.monotonic() + this.#timeoutMs,
        settled: false,
        reject: () => reject(expired()),
      };
      this.#waits.push(wait);
      promise.then(
        (value) => {
          wait.settled = true;
          resolve(value);
          this.#forgetSettled();
        },
        (error: unknown) => {
          wait.settled = true;
          reject(error);
          this.#forgetSettled();
        },
      );
      if (this.#timer === undefined) this.#arm();
    });
  }

  /** Drops what is settled at the head, so that the queue is as long as the oldest open wait is old. */
  #forgetSettled(): void {
    while (this.#head < this.#waits.length && this.#waits[this.#head]!.settled) this.#head++;
    if (this.#head === this.#waits.length) {
      this.#waits = [];
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#waits.length) {
      this.#waits = this.#waits.slice(this.#head);
      this.#head = 0;
    }
  }

  #arm(): void {
    const first = this.#waits[this.#head]!;
    this.#timer = this.#clock.after(Math.max(0, first.deadlineMs - this.#clock.monotonic()), () => {
      this.#timer = undefined;
      const now = this.#clock.monotonic();
      while (this.#head < this.#waits.length) {
        const wait = this.#waits[this.#head]!;
        if (!wait.settled && wait.deadlineMs > now) break;
        if (!wait.settled) {
          wait.settled = true;
          wait.reject(undefined);
        }
        this.#head++;
      }
      this.#forgetSettled();
      if (this.#waits.length > 0 && this.#timer === undefined) this.#arm();
    });
  }
}
