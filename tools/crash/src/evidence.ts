/** What a run saw, as data: the checker needs nothing else, and its tests make it by hand. */
import type { Change, Entry, Write } from './store.js';

/**
 * One write and what is known of it. Times are of one clock, in any unit; an outcome nobody got has `returnedAt`
 * infinite, because the write may still happen.
 */
export interface Attempt {
  readonly write: Write;
  readonly calledAt: number;
  readonly returnedAt: number;
  /**
   * `acked`: the server said it is done, at that header revision; `changed` says whether it made that revision, where
   * the answer tells (that of a revocation does not).
   * `unknown`: the answer never came. `refused`: a definite error; nothing may have happened.
   */
  readonly outcome:
    | { readonly kind: 'acked'; readonly revision: number; readonly changed?: boolean }
    | { readonly kind: 'unknown' }
    | { readonly kind: 'refused' };
}

/** A linearizable read of one key or of a prefix. */
export interface Read {
  readonly calledAt: number;
  readonly returnedAt: number;
  /** Header revision. */
  readonly revision: number;
  readonly prefix: string;
  readonly single: boolean;
  readonly entries: ReadonlyMap<string, Entry>;
}

/** All keys as they were at a past revision, read afterwards. */
export interface Snapshot {
  readonly revision: number;
  readonly entries: ReadonlyMap<string, Entry>;
}

/** All changes of one revision, in order. */
export interface Commit {
  readonly revision: number;
  readonly changes: readonly Change[];
}

/** What one watcher got over all its lives, each resumed one revision after the last event. */
export interface WatcherTrace {
  readonly name: string;
  readonly prefix: string;
  readonly single: boolean;
  /** First revision it asked for, ever. */
  readonly start: number;
  /** Each response with events, in the order it came. */
  readonly responses: readonly { readonly headerRevision: number; readonly changes: readonly Change[] }[];
  /** It must have got everything up to here. */
  readonly completeTo: number;
}

export interface HashReading {
  readonly revision: number;
  readonly compactRevision: number;
  readonly hash: number;
}

/** A lease the server said it granted, and what it says of it after a restart. */
export interface LeaseReading {
  readonly id: bigint;
  readonly grantedTtl: number;
  /** -1: there is no such lease. */
  readonly ttl: number;
  /** Keys it names, sorted; read at `revision`. */
  readonly keys: readonly string[];
  readonly revision: number;
  readonly expectedTtl: number;
  /** `acked`: must exist; `revoked`: must not; `maybe`: an unknown grant or revoke was last. */
  readonly status: 'acked' | 'revoked' | 'maybe';
}

/** The first answer of a server that was started again. */
export interface Restart {
  readonly revision: number;
  /** The highest revision anybody had seen before. */
  readonly highestSeen: number;
}

export interface Evidence {
  readonly attempts: readonly Attempt[];
  readonly reads: readonly Read[];
  /** Serializable reads: each is the state at its revision, however old that is. */
  readonly serializable?: readonly Read[];
  /** All keys before the history begins, and at which revision; absent: none, at revision 1. */
  readonly base?: Snapshot;
  /** The history the server tells in the end, from the revision behind `base` on. */
  readonly log: readonly Commit[];
  readonly snapshots: readonly Snapshot[];
  readonly watchers: readonly WatcherTrace[];
  readonly hashes: readonly HashReading[];
  readonly leases: readonly LeaseReading[];
  readonly restarts: readonly Restart[];
}

/** A promise that was broken. */
export interface Violation {
  readonly rule: string;
  readonly text: string;
}
