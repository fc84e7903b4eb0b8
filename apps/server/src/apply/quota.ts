import type { rpc } from '@kontiki/proto';

/** etcd's default when `--quota-backend-bytes` is 0. */
export const DEFAULT_QUOTA_BYTES: number = 2 * 1024 ** 3;

/** What one key costs beyond its bytes. */
const KEY_OVERHEAD = 256;
const LEASE_COST = 64;

/** Bytes a request may add to the database: an estimate, etcd's. 0 for what only reads or frees. */
export function costOfPut(put: rpc.PutRequest): number {
  return KEY_OVERHEAD + put.key.length + put.value.length;
}

export function costOfLease(): number {
  return LEASE_COST;
}

/** Of the dearer branch, nested transactions included. */
export function costOfTxn(txn: rpc.TxnRequest): number {
  return Math.max(costOfOps(txn.success), costOfOps(txn.failure));
}

function costOfOps(ops: readonly rpc.RequestOp[]): number {
  let cost = 0;
  for (const { request } of ops) {
    if (request?.$case === 'requestPut') cost += costOfPut(request.value);
    else if (request?.$case === 'requestTxn') cost += costOfTxn(request.value);
  }
  return cost;
}

/** How large the database may grow on this member. */
export class Quota {
  readonly #sizeBytes: () => number;

  /** @param limitBytes undefined: no limit */
  constructor(
    readonly limitBytes: number | undefined,
    sizeBytes: () => number,
  ) {
    this.#sizeBytes = sizeBytes;
  }

  /** `--quota-backend-bytes` as etcd reads it: 0 is the default, below 0 no quota. */
  static fromFlag(flagBytes: number, sizeBytes: () => number): Quota {
    if (flagBytes < 0) return new Quota(undefined, sizeBytes);
    return new Quota(flagBytes === 0 ? DEFAULT_QUOTA_BYTES : flagBytes, sizeBytes);
  }

  /** Whether `cost` more bytes fit. */
  admits(cost: number): boolean {
    return this.limitBytes === undefined || this.#sizeBytes() + cost < this.limitBytes;
  }
}
