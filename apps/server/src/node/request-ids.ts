/** 2^32 */
const WORD = 0x1_0000_0000;

/**
 * Ids for requests and leases, unique across members and restarts: 2 bytes of the member id, 5 bytes of start time in
 * milliseconds, then a counter that carries into the time (etcd's layout, so that ids never collide with those an
 * earlier process of the same member gave).
 */
export class RequestIds {
  /** The two halves of the last id, lower one first, and the id. */
  readonly #half = new Uint32Array(2);
  readonly #whole = new BigUint64Array(this.#half.buffer);
  readonly #prefix: number;
  /** The lower 6 bytes. */
  #suffix: number;

  constructor(memberId: bigint, startedMs: number) {
    this.#prefix = Number(BigInt.asUintN(16, memberId));
    this.#suffix = (Math.floor(startedMs) % 2 ** 40) * 0x100;
  }

  next(): bigint {
    this.#suffix = (this.#suffix + 1) % 2 ** 48;
    this.#half[0] = this.#suffix % WORD;
    this.#half[1] = this.#prefix * 0x1_0000 + Math.floor(this.#suffix / WORD);
    return this.#whole[0]!;
  }

  /** A positive 63-bit id, never 0. */
  nextLease(): bigint {
    return BigInt.asUintN(63, this.next());
  }
}
