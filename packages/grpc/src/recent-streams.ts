const REMEMBERED = 128;

/** How the last few calls of a connection ended: some frames that come late are to be expected, others an error. */
export class RecentStreams {
  /** A ring. An id is negative when we or the client reset it. */
  readonly #ids: Int32Array = new Int32Array(REMEMBERED);
  #next = 0;

  add(id: number, reset: boolean): void {
    this.#ids[this.#next] = reset ? -id : id;
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  /** @returns undefined: not known any more, or never was */
  how(id: number): 'ended' | 'reset' | undefined {
    if (this.#ids.includes(id)) return 'ended';
    return this.#ids.includes(-id) ? 'reset' : undefined;
  }
}
