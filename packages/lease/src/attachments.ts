import type { LeaseId } from './types.js';

/**
 * Which keys hang on which lease.
 * Invariants: a key hangs on one lease at most; both maps say the same; no lease is listed without a key.
 */
export class Attachments {
  readonly #leaseOf = new Map<string, LeaseId>();
  readonly #keysOf = new Map<LeaseId, Set<string>>();

  leaseOf(key: string): LeaseId | undefined {
    return this.#leaseOf.get(key);
  }

  /** Unordered. Valid until the next change. */
  keysOf(id: LeaseId): Iterable<string> {
    return this.#keysOf.get(id) ?? [];
  }

  /** Hangs the key on the lease, taking it off the one it hung on. */
  attach(id: LeaseId, key: string): void {
    const old = this.#leaseOf.get(key);
    if (old === id) return;
    if (old !== undefined) this.#takeOff(old, key);
    this.#leaseOf.set(key, id);
    const keys = this.#keysOf.get(id);
    if (keys === undefined) this.#keysOf.set(id, new Set([key]));
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
    const keys = this.#keysOf.get(id);
    if (keys === undefined) return [];
    this.#keysOf.delete(id);
    for (const key of keys) this.#leaseOf.delete(key);
    // Code units are the bytes, and that is what the default order compares.
    return [...keys].sort();
  }

  clear(): void {
    this.#leaseOf.clear();
    this.#keysOf.clear();
  }

  #takeOff(id: LeaseId, key: string): void {
    const keys = this.#keysOf.get(id)!;
    keys.delete(key);
    if (keys.size === 0) this.#keysOf.delete(id);
  }
}
