import { assert } from '@kontiki/std';
import type { LogIndex } from '../types.js';

/**
 * Appends sent to one follower and not acknowledged yet, oldest first: a ring that grows up to its limit.
 *
 * Invariants: 0 ≤ count ≤ maxMessages; last indexes rise from oldest to newest; bytes is the sum over the ring.
 * The byte limit may be crossed by the one message that reaches it.
 */
export class Inflights {
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  #lasts: LogIndex[] = [];
  #sizes: number[] = [];
  #start = 0;
  #count = 0;
  #bytes = 0;

  constructor(maxMessages: number, maxBytes: number) {
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get full(): boolean {
    return this.#count === this.#maxMessages || this.#bytes >= this.#maxBytes;
  }

  /** Notes a message whose last entry is `last`. Must not be full. */
  add(last: LogIndex, bytes: number): void {
    assert(!this.full, 'an append was sent although the window is full');
    if (this.#count === this.#lasts.length) this.#grow();
    const at = (this.#start + this.#count) % this.#lasts.length;
    this.#lasts[at] = last;
    this.#sizes[at] = bytes;
    this.#count++;
    this.#bytes += bytes;
  }

  /** Everything up to `index` arrived. */
  free(index: LogIndex): void {
    while (this.#count > 0 && this.#lasts[this.#start]! <= index) {
      this.#bytes -= this.#sizes[this.#start]!;
      this.#start = (this.#start + 1) % this.#lasts.length;
      this.#count--;
    }
  }

  clear(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytes = 0;
  }

  #grow(): void {
    const order = [...this.#lasts.keys()].map((i) => (this.#start + i) % this.#lasts.length);
    const length = Math.min(this.#maxMessages, Math.max(8, this.#lasts.length * 2));
    const fill = new Array<number>(length - this.#lasts.length).fill(0);
    this.#sizes = [...order.map((at) => this.#sizes[at]!), ...fill];
    this.#lasts = [...order.map((at) => this.#lasts[at]!), ...fill];
    this.#start = 0;
  }
}
