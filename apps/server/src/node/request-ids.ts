/**
 * Ids for requests and leases, unique across members and restarts: 2 bytes of the member id, 5 bytes of start time in
 * milliseconds, then a counter that carries into the time (etcd's layout, so that ids never collide with those an
 * earlier process of the same member gave).
 */
export class RequestIds {
  readonly #prefix: bigint;
  #suffix: bigint;

  constructor(memberId: bigint, startedMs: number) {
    this.#prefix = BigInt.asUintN(16, memberId) << 48n;
    this.#suffix = BigInt.asUintN(40, BigInt(Math.floor(startedMs))) << 8n;
  }

  next(): bigint {
    this.#suffix = BigInt.asUintN(48, this.#suffix + 1n);
    return this.#prefix | this.#suffix;
  }

  /** A positive 63-bit id, never 0. */
  nextLease(): bigint {
    return BigInt.asUintN(63, this.next());
  }
}
