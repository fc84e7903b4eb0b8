import type { Attempt, HashReading, Read } from '../evidence.js';

export interface KnownLease {
  readonly id: bigint;
  readonly ttl: number;
  status: 'acked' | 'revoked' | 'maybe';
}

/** What the clients of a run saw, over all its rounds. */
export class Recorder {
  readonly attempts: Attempt[] = [];
  readonly reads: Read[] = [];
  readonly hashes: HashReading[] = [];
  readonly leases = new Map<bigint, KnownLease>();
  /** The highest revision anybody was told of. */
  highestSeen = 1;

  /** One clock for all clients: they are in one process. */
  now(): number {
    return performance.now();
  }

  see(revision: number): void {
    this.highestSeen = Math.max(this.highestSeen, revision);
  }

  count(kind: Attempt['outcome']['kind']): number {
    return this.attempts.filter(({ outcome }) => outcome.kind === kind).length;
  }
}
