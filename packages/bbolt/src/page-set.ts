/** A set of pages, one bit each. */
export class PageSet {
  readonly #bits: Uint8Array;

  constructor(readonly pageCount: number) {
    this.#bits = new Uint8Array(Math.ceil(pageCount / 8));
  }

  has(id: number): boolean {
    return (this.#bits[id >>> 3]! & (1 << (id & 7))) !== 0;
  }

  /** @returns whether it was not there yet */
  add(id: number): boolean {
    if (this.has(id)) return false;
    this.#bits[id >>> 3]! |= 1 << (id & 7);
    return true;
  }
}
