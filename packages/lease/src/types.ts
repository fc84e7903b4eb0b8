/** Names a lease; any 64-bit signed integer but 0, negative ones included (clients choose them). */
export type LeaseId = bigint;

/** One lease, as every member knows it: a snapshot, it does not change under its holder. */
export interface Lease {
  readonly id: LeaseId;
  /** Granted, after raising to the minimum; whole seconds. */
  readonly ttlSeconds: number;
  /**
   * What was left at the last checkpoint, whole seconds above 0. Absent when there was none since the last renewal:
   * a new primary then starts from the full TTL.
   */
  readonly remainingSeconds?: number;
}

/** What a primary tells the others about a lease, so that the next primary does not start from the full TTL. */
export interface LeaseCheckpoint {
  readonly id: LeaseId;
  /** Whole seconds left; 0 takes an earlier checkpoint back. */
  readonly remainingSeconds: number;
}
