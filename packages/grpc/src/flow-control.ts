import { LARGEST_WINDOW_BYTES } from './frame.js';

/**
 * What we may still send. May be negative: the peer can lower the initial window of streams that have used it.
 * @see RFC 9113 §6.9
 */
export class SendWindow {
  available: number;

  constructor(available: number) {
    this.available = available;
  }

  /** @returns false: beyond what a window may be, which is the peer's error */
  grow(bytes: number): boolean {
    this.available += bytes;
    return this.available <= LARGEST_WINDOW_BYTES;
  }
}

/**
 * What the peer may still send. Given back in large pieces: once half of it was used up and released.
 *
 * Invariant: `available + unreleased + released = size`, where `unreleased` is what was received and not yet let go.
 */
export class ReceiveWindow {
  readonly size: number;
  #available: number;
  #released = 0;

  constructor(size: number) {
    this.size = size;
    this.#available = size;
  }

  get available(): number {
    return this.#available;
  }

  /** @returns false: the peer sent more than it may */
  take(bytes: number): boolean {
    this.#available -= bytes;
    return this.#available >= 0;
  }

  /** Lets received bytes go. @returns by how much to let the peer send more, now; often 0 */
  release(bytes: number): number {
    this.#released += bytes;
    if (this.#released * 2 < this.size) return 0;
    const increment = this.#released;
    this.#released = 0;
    this.#available += increment;
    return increment;
  }
}
