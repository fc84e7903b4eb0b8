/** Memory blocks that small byte strings are cut from. */
const BLOCK = 64 * 1024;

/** From here on a string gets memory of its own, so that a block is mostly full. */
const LARGE = BLOCK / 8;

/**
 * Many small byte strings in few blocks: one allocation for hundreds of them.
 * A block lives as long as any of its pieces, so pieces cut one after the other should be forgotten together.
 */
export class Slabs {
  #block = new ArrayBuffer(0);
  #used = 0;

  /** Zeroed or fresh memory of that length; nobody else's. */
  allocate(length: number): Uint8Array {
    if (length >= LARGE) return new Uint8Array(length);
    if (this.#used + length > this.#block.byteLength) {
      this.#block = new ArrayBuffer(BLOCK);
      this.#used = 0;
    }
    const piece = new Uint8Array(this.#block, this.#used, length);
    this.#used += length;
    return piece;
  }
}
