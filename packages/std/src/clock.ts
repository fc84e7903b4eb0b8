/** Something scheduled that can still be called off. */
export interface Timer {
  /** Idempotent; after it returns the callback does not run. */
  cancel(): void;
}

/**
 * Time, as a port. A driver or an adapter asks it; a core gets ticks or a `nowMs` argument.
 *
 * - Must call back asynchronously, never inside `after` or `every`.
 * - Must accept any delay up to 2^53 ms: an implementation over 32-bit timers re-arms.
 */
export interface Clock {
  /** Wall time, milliseconds since 1970 UTC. May jump either way: only for people and for tokens. */
  now(): number;
  /** Milliseconds since an arbitrary start. Never falls; leases and timeouts use this. */
  monotonic(): number;
  after(delayMs: number, callback: () => void): Timer;
  every(periodMs: number, callback: () => void): Timer;
}
