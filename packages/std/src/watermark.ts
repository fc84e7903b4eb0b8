import { Deferred } from './deferred.js';

/**
 * A number that only rises, and those who wait for it.
 * Invariant: every waiter waits for a value above `value`.
 */
export class Watermark {
  #value: number;
  /** Sorted by target; ties in order of arrival. */
  readonly #waiters: { target: number; deferred: Deferred<void> }[] = [];
  #failure: { readonly error: unknown } | undefined;

  constructor(value = 0) {
    this.#value = value;
  }

  get value(): number {
    return this.#value;
  }

  /** Raises the mark; a lower value is ignored. Wakes, in order of target, whoever waited for it. */
  raise(value: number): void {
    if (value <= this.#value) return;
    this.#value = value;
    let woken = 0;
    while (woken < this.#waiters.length && this.#waiters[woken]!.target <= value) woken++;
    for (const { deferred } of this.#waiters.splice(0, woken)) deferred.resolve();
  }

  /** Resolves when the mark is at `target` or above; rejects when {@link fail} comes first. */
  reached(target: number): Promise<void> {
    if (target <= this.#value) return Promise.resolve();
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    const deferred = new Deferred<void>();
    let at = this.#waiters.length;
    while (at > 0 && this.#waiters[at - 1]!.target > target) at--;
    this.#waiters.splice(at, 0, { target, deferred });
    return deferred.promise;
  }

  /** No rise will come: whoever waits, and whoever asks later, is told why. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    for (const { deferred } of this.#waiters.splice(0)) deferred.reject(error);
  }
}
