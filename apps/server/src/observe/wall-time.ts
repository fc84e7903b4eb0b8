/**
 * Wall time in microseconds, which `Date.now()` does not have: milliseconds counted from a monotonic clock, set right
 * whenever somebody moves the wall clock.
 */
export class WallTime {
  readonly #wallMs: () => number;
  readonly #monotonicMs: () => number;
  #offsetMs: number;
  #second = Number.NaN;
  #prefix = '';

  constructor(wallMs: () => number = Date.now, monotonicMs: () => number = () => performance.now()) {
    this.#wallMs = wallMs;
    this.#monotonicMs = monotonicMs;
    this.#offsetMs = wallMs() - monotonicMs();
  }

  /** `2026-11-24T23:31:01.992517Z` */
  now(): string {
    const wallMs = this.#wallMs();
    let ms = this.#monotonicMs() + this.#offsetMs;
    if (Math.abs(ms - wallMs) > 2) {
      this.#offsetMs += wallMs - ms;
      ms = wallMs;
    }
    const micros = Math.floor(ms * 1000);
    const second = Math.floor(micros / 1e6);
    if (second !== this.#second) {
      this.#second = second;
      this.#prefix = new Date(second * 1000).toISOString().slice(0, 20);
    }
    return `${this.#prefix}${String(micros - second * 1e6).padStart(6, '0')}Z`;
  }
}
