import type { Backend } from '@kontiki/mvcc';
import { lease } from '@kontiki/proto';

const TABLE = 'lease';

/** The `lease` table: a `leasepb.Lease` under its id, 8 bytes big-endian. Which keys it holds is written with the keys. */
export class LeasesTable {
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async load(): Promise<readonly lease.Lease[]> {
    const leases: lease.Lease[] = [];
    for await (const chunk of this.#backend.scan(TABLE)) {
      for (const [, value] of chunk) leases.push(lease.Lease.decode(value));
    }
    return leases;
  }

  /** @param remainingTtl seconds left as of the last checkpoint; 0 = the full TTL */
  save(id: bigint, ttlSeconds: number, remainingTtl = 0): void {
    this.#backend.put(
      TABLE,
      keyOf(id),
      lease.Lease.encode({ ID: id, TTL: ttlSeconds, RemainingTTL: remainingTtl }).finish(),
    );
  }

  remove(id: bigint): void {
    this.#backend.delete(TABLE, keyOf(id));
  }
}

function keyOf(id: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, id);
  return bytes;
}
