import type { LeaseId } from './types.js';

/**
 * Which keys hang on which lease.
 * Invariants: a key hangs on one lease at most; both maps say the same; no lease is listed without a key.
 */
export class Attachments {
  readonly #leaseOf = new Map<string, LeaseId>();
  /** A lone key without a set around it: most leases hold just one, and there may be very many of them. */
  readonly #keysOf = new Map<LeaseId, string | Set<string>>();

  leaseOf(key: string): LeaseId | undefined {
    return this.#leaseOf.get(key);
  }

  /** Unordered. Valid until the next change. */
  keysOf(id: LeaseId): Iterable<string> {
    const keys = this.#keysOf.get(id) ?? [];
    return typeof keys === 'string' ? [keys] : keys;
  }

  /** Hangs the key on the lease, taking it off the one it hung on. */
  attach(id: LeaseId, key: string): void {
    const old = this.#leaseOf.get(key);
    if (old === id) return;
    if (old !== undefined) this.#takeOff(old, key);
    this.#leaseOf.set(key, id);
    const keys = this.#keysOf.get(id);
    if (keys === undefined) this.#keysOf.set(id, key);
    else if (typeof keys === 'string') this.#keysOf.set(id, new Set([keys, key]));
    else keys.add(key);
  }

  /** Nothing happens when the key hangs on no lease. */
  detach(key: string): void {
    const id = this.#leaseOf.get(key);
    if (id === undefined) return;
    this.#leaseOf.delete(key);
    this.#takeOff(id, key);
  }

  /** Detaches every key of the lease. @returns them in byte order */
  detachAll(id: LeaseId): readonly string[] {
    // Code units are the bytes, and that is what the default order compares.
    const keys = [...this.keysOf(id)].sort();
    this.#keysOf.delete(id);
    for (const key of keys) this.#leaseOf.delete(key);
    return keys;
  }

  clear(): void {
    this.#leaseOf.clear();
    this.#keysOf.clear();
  }

  #takeOff(id: LeaseId, key: string): void {
    const keys = this.#keysOf.get(id)!;
    if (typeof keys !== 'string') keys.delete(key);
    if (typeof keys === 'string' || keys.size === 0) this.#keysOf.delete(id);
  }
}
