import { assert } from '@kontiki/std';
import { Attachments } from './attachments.js';
import { Deadlines } from './deadlines.js';
import { LeaseError } from './errors.js';
import { spread } from './spread.js';
import type { Lease, LeaseCheckpoint, LeaseId } from './types.js';

/** The longest TTL, in seconds: about 285 years. */
export const MAX_TTL_SECONDS = 9_000_000_000;

const MAX_ID = 2n ** 63n - 1n;
const MIN_ID = -(2n ** 63n);

export interface LeaseTableOptions {
  /** Shorter TTLs are raised to this; whole seconds, default 1. Must be the same on every member. */
  readonly minTtlSeconds?: number;
  /** After how long an expired lease that still exists is handed out again; default 7000. */
  readonly retryMs?: number;
  /** How often to record what is left of long leases; absent: never. */
  readonly checkpointMs?: number;
  /** At most so many leases may end within one second after a promotion; default 750. */
  readonly expiriesPerSecond?: number;
}

/**
 * Leases, and the keys that hang on them.
 *
 * The replicated half (grant, revoke, attach, detach, checkpoint, restore) is a function of its inputs alone: members
 * that see the same calls agree. The other half counts time and exists on the primary only; its deadlines are never
 * shared. `nowMs` is always a reading of one monotonic clock, in milliseconds.
 *
 * Invariants: a key hangs on one lease at most, and only on a lease that exists; on a primary every lease has a
 * deadline, elsewhere none has; a lease that was handed out as due is never renewed.
 */
export class LeaseTable {
  readonly #minTtlSeconds: number;
  readonly #retryMs: number;
  readonly #checkpointMs: number;
  readonly #expiriesPerSecond: number;
  #leases = new Map<LeaseId, Lease>();
  readonly #attachments = new Attachments();
  readonly #goneListeners = new Set<(id: LeaseId) => void>();
  /** Present exactly on a primary. */
  #deadlines: Deadlines | undefined;

  constructor(options: LeaseTableOptions = {}) {
    const { minTtlSeconds = 1, retryMs = 7000, checkpointMs, expiriesPerSecond = 750 } = options;
    assert(Number.isSafeInteger(minTtlSeconds) && minTtlSeconds >= 1, 'minTtlSeconds is a whole number above 0');
    assert(retryMs > 0, 'retryMs is above 0');
    assert(checkpointMs === undefined || checkpointMs > 0, 'checkpointMs is above 0');
    assert(Number.isSafeInteger(expiriesPerSecond) && expiriesPerSecond >= 1, 'expiriesPerSecond is a whole number');
    this.#minTtlSeconds = minTtlSeconds;
    this.#retryMs = retryMs;
    this.#checkpointMs = checkpointMs ?? Number.POSITIVE_INFINITY;
    this.#expiriesPerSecond = expiriesPerSecond;
  }

  get size(): number {
    return this.#leases.size;
  }

  get primary(): boolean {
    return this.#deadlines !== undefined;
  }

  /** Whether checkpoints are asked for, so that somebody must record them. */
  get checkpoints(): boolean {
    return this.#checkpointMs !== Number.POSITIVE_INFINITY;
  }

  has(id: LeaseId): boolean {
    return this.#leases.has(id);
  }

  get(id: LeaseId): Lease | undefined {
    return this.#leases.get(id);
  }

  leaseOf(key: string): LeaseId | undefined {
    return this.#attachments.leaseOf(key);
  }

  /** The keys on a lease, in no order; none when there is no such lease. Valid until the next change. */
  keys(id: LeaseId): Iterable<string> {
    return this.#attachments.keysOf(id);
  }

  /**
   * A new lease without keys. A TTL below the minimum, negative ones included, is raised to it.
   * @throws LeaseError INVALID_ID, TTL_TOO_LARGE, EXISTS
   */
  grant(id: LeaseId, ttlSeconds: number, nowMs: number): Lease {
    mustBeGrantable(id, ttlSeconds, this.#leases);
    const lease: Lease = { id, ttlSeconds: Math.max(ttlSeconds, this.#minTtlSeconds) };
    this.#leases.set(id, lease);
    this.#deadlines?.start(id, nowMs + lease.ttlSeconds * 1000, nowMs);
    return lease;
  }

  /**
   * Ends a lease, on purpose or because it was due.
   * @returns the keys that hung on it, in byte order; they hang on nothing now, deleting them is the caller's
   * @throws LeaseError NOT_FOUND
   */
  revoke(id: LeaseId): readonly string[] {
    this.#mustGet(id);
    this.#leases.delete(id);
    this.#deadlines?.end(id);
    const keys = this.#attachments.detachAll(id);
    for (const listener of this.#goneListeners) listener(id);
    return keys;
  }

  /** Hangs the key on the lease, taking it off the one it hung on. @throws LeaseError NOT_FOUND */
  attach(id: LeaseId, key: string): void {
    this.#mustGet(id);
    this.#attachments.attach(id, key);
  }

  /** Takes the key off its lease, if it hangs on one. */
  detach(key: string): void {
    this.#attachments.detach(key);
  }

  /**
   * Starts the full TTL again and forgets the checkpoint. Where leases are replicated, others must have forgotten it
   * before: a next primary that has not would end the lease too early ({@link Lessor} sees to that).
   * @returns the TTL in seconds
   * @throws LeaseError NOT_PRIMARY, NOT_FOUND, EXPIRED
   */
  renew(id: LeaseId, nowMs: number): number {
    const deadlines = this.#mustBePrimary();
    const { ttlSeconds } = this.#mustGet(id);
    if (deadlines.expired(id, nowMs)) throw new LeaseError('EXPIRED', `lease ${id} expired and is being revoked`);
    this.checkpoint(id, 0);
    deadlines.start(id, nowMs + ttlSeconds * 1000, nowMs);
    return ttlSeconds;
  }

  /** Remembers what was left, for the next promotion; 0 forgets it. @throws LeaseError NOT_FOUND */
  checkpoint(id: LeaseId, remainingSeconds: number): void {
    const lease = this.#mustGet(id);
    if (remainingSeconds !== (lease.remainingSeconds ?? 0))
      this.#leases.set(id, withRemaining(lease, remainingSeconds));
  }

  /** Whole seconds until the lease expires, rounded down: negative after. @throws LeaseError NOT_PRIMARY, NOT_FOUND */
  remainingSeconds(id: LeaseId, nowMs: number): number {
    const deadlines = this.#mustBePrimary();
    this.#mustGet(id);
    return Math.floor(deadlines.remainingMs(id, nowMs) / 1000);
  }

  /** Whether its time is over and it can only be revoked. @throws LeaseError NOT_PRIMARY, NOT_FOUND */
  expired(id: LeaseId, nowMs: number): boolean {
    const deadlines = this.#mustBePrimary();
    this.#mustGet(id);
    return deadlines.expired(id, nowMs);
  }

  /**
   * Time starts to count here. Every lease gets its last checkpoint, or else its full TTL, plus `extendMs` for the time
   * its holder could not reach a primary; then expiries are spread. When it was primary already, all start anew.
   */
  promote(nowMs: number, extendMs: number): void {
    const deadlines = new Deadlines(this.#retryMs, this.#checkpointMs);
    const ending = [...this.#leases.values()]
      .map((lease) => ({ id: lease.id, ms: nowMs + leftSeconds(lease) * 1000 + extendMs }))
      .sort((a, b) => a.ms - b.ms);
    const moved = spread(
      ending.map(({ ms }) => ms),
      this.#expiriesPerSecond,
    );
    for (const [i, { id }] of ending.entries()) deadlines.start(id, moved[i]!, nowMs);
    this.#deadlines = deadlines;
  }

  /** Time stops to count here; deadlines are forgotten. */
  demote(): void {
    this.#deadlines = undefined;
  }

  /** The earliest `nowMs` at which {@link due} hands out something; infinite when nothing will expire here. */
  get nextDueMs(): number {
    return this.#deadlines?.nextDueMs ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Leases to revoke, at most `limit`, earliest deadline first: expired and not handed out before, or handed out
   * `retryMs` ago and still here. None where this member is not primary.
   */
  due(nowMs: number, limit: number): readonly LeaseId[] {
    return this.#deadlines?.due(nowMs, limit) ?? [];
  }

  /**
   * Checkpoints to record, at most `limit`: leases that ran for `checkpointMs` since they were started or last listed
   * here, have longer than that to go, and less than the other members believe. Seconds are rounded up, so that nobody
   * loses time.
   */
  dueCheckpoints(nowMs: number, limit: number): readonly LeaseCheckpoint[] {
    const due = this.#deadlines?.dueCheckpoints(nowMs, limit) ?? [];
    return due
      .map(({ id, remainingMs }) => ({ id, remainingSeconds: Math.ceil(remainingMs / 1000) }))
      .filter(({ id, remainingSeconds }) => remainingSeconds < leftSeconds(this.#leases.get(id)!));
  }

  /**
   * The last `ms` milliseconds count for no lease: for a primary that could not hear renewals meanwhile. Leases already
   * handed out stay expired. No effect where this member is not primary.
   */
  forgive(ms: number): void {
    assert(ms >= 0, 'time forgiven is not negative');
    this.#deadlines?.forgive(ms);
  }

  /** Every lease: soonest to expire first on a primary, elsewhere and among equals by id. */
  list(nowMs: number): readonly Lease[] {
    const remaining = (id: LeaseId): number => this.#deadlines?.remainingMs(id, nowMs) ?? 0;
    return [...this.#leases.values()]
      .map((lease) => ({ lease, ms: remaining(lease.id) }))
      .sort((a, b) => a.ms - b.ms || (a.lease.id < b.lease.id ? -1 : 1))
      .map(({ lease }) => lease);
  }

  /**
   * Replaces everything by what was saved; keys hang on nothing until they are attached again. Only where this member
   * is not primary. TTLs are taken as they are: they were raised when granted.
   * @throws LeaseError INVALID_ID, TTL_TOO_LARGE, EXISTS (one id twice); nothing has changed then
   */
  restore(leases: Iterable<Lease>): void {
    assert(!this.primary, 'a primary is not restored');
    const restored = new Map<LeaseId, Lease>();
    for (const lease of leases) {
      mustBeGrantable(lease.id, lease.ttlSeconds, restored);
      restored.set(lease.id, withRemaining(lease, lease.remainingSeconds ?? 0));
    }
    const before = this.#leases;
    this.#leases = restored;
    this.#attachments.clear();
    for (const id of before.keys()) {
      if (!restored.has(id)) for (const listener of this.#goneListeners) listener(id);
    }
  }

  /** Calls `listener` after a lease is gone, by {@link revoke} or {@link restore}. @returns takes the listener off */
  onGone(listener: (id: LeaseId) => void): () => void {
    this.#goneListeners.add(listener);
    return () => void this.#goneListeners.delete(listener);
  }

  #mustGet(id: LeaseId): Lease {
    const lease = this.#leases.get(id);
    if (lease === undefined) throw new LeaseError('NOT_FOUND', `there is no lease ${id}`);
    return lease;
  }

  #mustBePrimary(): Deadlines {
    if (this.#deadlines === undefined) throw new LeaseError('NOT_PRIMARY', 'only the primary counts time');
    return this.#deadlines;
  }
}

function mustBeGrantable(id: LeaseId, ttlSeconds: number, existing: ReadonlyMap<LeaseId, Lease>): void {
  assert(Number.isInteger(ttlSeconds), 'a TTL is whole seconds');
  if (id === 0n || id < MIN_ID || id > MAX_ID) throw new LeaseError('INVALID_ID', `${id} cannot name a lease`);
  if (ttlSeconds > MAX_TTL_SECONDS) {
    throw new LeaseError('TTL_TOO_LARGE', `a TTL of ${ttlSeconds} s is above ${MAX_TTL_SECONDS} s`);
  }
  if (existing.has(id)) throw new LeaseError('EXISTS', `lease ${id} already exists`);
}

function withRemaining({ id, ttlSeconds }: Lease, remainingSeconds: number): Lease {
  assert(Number.isSafeInteger(remainingSeconds) && remainingSeconds >= 0, 'a remainder is whole seconds');
  return remainingSeconds === 0 ? { id, ttlSeconds } : { id, ttlSeconds, remainingSeconds };
}

/** What a new primary starts from. */
function leftSeconds(lease: Lease): number {
  return lease.remainingSeconds ?? lease.ttlSeconds;
}
