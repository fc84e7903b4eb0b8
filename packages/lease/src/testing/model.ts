import { LeaseError } from '../errors.js';
import type { Lease, LeaseCheckpoint, LeaseId } from '../types.js';

interface Row {
  readonly id: LeaseId;
  readonly ttlSeconds: number;
  remainingSeconds: number;
  /** On a primary: when it ends, when to hand it out (again), when to checkpoint it; infinite elsewhere. */
  deadlineMs: number;
  dueMs: number;
  checkpointMs: number;
  /** Order among equal `dueMs` and equal `checkpointMs`. */
  dueTurn: number;
  checkpointTurn: number;
  handedOut: boolean;
}

export interface NaiveOptions {
  readonly minTtlSeconds: number;
  readonly retryMs: number;
  readonly checkpointMs: number;
  readonly expiriesPerSecond: number;
}

/**
 * The naive twin of the lease table: rows in a list, a list of (key, lease) pairs, and every question answered by
 * looking at all of them. Where time was forgiven it rewrites every row.
 */
export class NaiveLeases {
  readonly #options: NaiveOptions;
  #rows: Row[] = [];
  #keys: { key: string; id: LeaseId }[] = [];
  #turn = 0;
  primary = false;

  constructor(options: NaiveOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#rows.length;
  }

  grant(id: LeaseId, ttlSeconds: number, nowMs: number): Lease {
    if (id === 0n || BigInt.asIntN(64, id) !== id) throw new LeaseError('INVALID_ID', 'model');
    if (ttlSeconds > 9_000_000_000) throw new LeaseError('TTL_TOO_LARGE', 'model');
    if (this.#rows.some((row) => row.id === id)) throw new LeaseError('EXISTS', 'model');
    const row = emptyRow(id, Math.max(ttlSeconds, this.#options.minTtlSeconds));
    this.#rows.push(row);
    if (this.primary) this.#start(row, nowMs + row.ttlSeconds * 1000, nowMs);
    return toLease(row);
  }

  revoke(id: LeaseId): string[] {
    const row = this.#row(id);
    this.#rows = this.#rows.filter((other) => other !== row);
    const keys = this.keys(id);
    this.#keys = this.#keys.filter((pair) => pair.id !== id);
    return keys;
  }

  attach(id: LeaseId, key: string): void {
    this.#row(id);
    this.detach(key);
    this.#keys.push({ key, id });
  }

  detach(key: string): void {
    this.#keys = this.#keys.filter((pair) => pair.key !== key);
  }

  leaseOf(key: string): LeaseId | undefined {
    return this.#keys.find((pair) => pair.key === key)?.id;
  }

  /** In byte order. */
  keys(id: LeaseId): string[] {
    const keys = this.#keys.filter((pair) => pair.id === id).map(({ key }) => Buffer.from(key, 'latin1'));
    return keys.sort(Buffer.compare).map((key) => key.toString('latin1'));
  }

  renew(id: LeaseId, nowMs: number): number {
    this.#mustBePrimary();
    const row = this.#row(id);
    if (this.expired(id, nowMs)) throw new LeaseError('EXPIRED', 'model');
    row.remainingSeconds = 0;
    this.#start(row, nowMs + row.ttlSeconds * 1000, nowMs);
    return row.ttlSeconds;
  }

  checkpoint(id: LeaseId, remainingSeconds: number): void {
    this.#row(id).remainingSeconds = remainingSeconds;
  }

  remainingSeconds(id: LeaseId, nowMs: number): number {
    this.#mustBePrimary();
    return Math.floor((this.#row(id).deadlineMs - nowMs) / 1000);
  }

  expired(id: LeaseId, nowMs: number): boolean {
    this.#mustBePrimary();
    const row = this.#row(id);
    return row.handedOut || row.deadlineMs <= nowMs;
  }

  promote(nowMs: number, extendMs: number): void {
    this.primary = true;
    const ends = this.#rows.map((row) => ({ row, ms: nowMs + left(row) * 1000 + extendMs }));
    const placed: number[] = [];
    for (const { row, ms } of ends.sort((a, b) => a.ms - b.ms)) {
      // The earliest moment, no sooner than its own, whose last second has room: its own, or where a second ends.
      const moments = [ms, ...placed.map((other) => other + 1000)].filter((at) => at >= ms).sort((a, b) => a - b);
      const crowd = (at: number): number => placed.filter((other) => other > at - 1000 && other <= at).length;
      const at = moments.find((moment) => crowd(moment) < this.#options.expiriesPerSecond)!;
      placed.push(at);
      this.#start(row, at, nowMs);
    }
  }

  demote(): void {
    this.primary = false;
  }

  get nextDueMs(): number {
    return this.primary ? Math.min(...this.#rows.map((row) => row.dueMs)) : Number.POSITIVE_INFINITY;
  }

  due(nowMs: number, limit: number): LeaseId[] {
    if (!this.primary) return [];
    const due = this.#rows.filter((row) => row.dueMs <= nowMs);
    due.sort((a, b) => a.dueMs - b.dueMs || a.dueTurn - b.dueTurn);
    for (const row of due.slice(0, limit)) {
      row.handedOut = true;
      row.dueMs = nowMs + this.#options.retryMs;
      row.dueTurn = this.#turn++;
    }
    return due.slice(0, limit).map((row) => row.id);
  }

  dueCheckpoints(nowMs: number, limit: number): LeaseCheckpoint[] {
    if (!this.primary) return [];
    const every = this.#options.checkpointMs;
    const due = this.#rows.filter((row) => row.checkpointMs <= nowMs);
    due.sort((a, b) => a.checkpointMs - b.checkpointMs || a.checkpointTurn - b.checkpointTurn);
    const listed: LeaseCheckpoint[] = [];
    let looked = 0;
    for (const row of due) {
      const goesOn = row.deadlineMs - nowMs > every;
      if (looked === limit) break;
      if (goesOn) looked++;
      row.checkpointMs = goesOn ? nowMs + every : Number.POSITIVE_INFINITY;
      row.checkpointTurn = this.#turn++;
      const remainingSeconds = Math.ceil((row.deadlineMs - nowMs) / 1000);
      if (goesOn && remainingSeconds < left(row)) listed.push({ id: row.id, remainingSeconds });
    }
    return listed;
  }

  forgive(ms: number): void {
    for (const row of this.#rows) {
      row.deadlineMs += ms;
      row.dueMs += ms;
      row.checkpointMs += ms;
    }
  }

  list(nowMs: number): Lease[] {
    const end = (row: Row): number => (this.primary ? row.deadlineMs - nowMs : 0);
    return [...this.#rows].sort((a, b) => end(a) - end(b) || Number(a.id - b.id)).map(toLease);
  }

  restore(leases: readonly Lease[]): void {
    this.#keys = [];
    this.#rows = leases.map((lease) => ({
      ...emptyRow(lease.id, lease.ttlSeconds),
      remainingSeconds: lease.remainingSeconds ?? 0,
    }));
  }

  #start(row: Row, deadlineMs: number, nowMs: number): void {
    row.deadlineMs = row.dueMs = deadlineMs;
    row.checkpointMs = nowMs + this.#options.checkpointMs;
    row.dueTurn = row.checkpointTurn = this.#turn++;
    row.handedOut = false;
  }

  #row(id: LeaseId): Row {
    const row = this.#rows.find((other) => other.id === id);
    if (row === undefined) throw new LeaseError('NOT_FOUND', 'model');
    return row;
  }

  #mustBePrimary(): void {
    if (!this.primary) throw new LeaseError('NOT_PRIMARY', 'model');
  }
}

function emptyRow(id: LeaseId, ttlSeconds: number): Row {
  const never = Number.POSITIVE_INFINITY;
  return {
    id,
    ttlSeconds,
    remainingSeconds: 0,
    deadlineMs: never,
    dueMs: never,
    checkpointMs: never,
    dueTurn: 0,
    checkpointTurn: 0,
    handedOut: false,
  };
}

function toLease({ id, ttlSeconds, remainingSeconds }: Row): Lease {
  return remainingSeconds === 0 ? { id, ttlSeconds } : { id, ttlSeconds, remainingSeconds };
}

function left(row: Row): number {
  return row.remainingSeconds === 0 ? row.ttlSeconds : row.remainingSeconds;
}
