/** The nouns of Raft as plain, cloneable data. */

/** Names a member. Never counted with, so `bigint`; 0n means nobody. */
export type NodeId = bigint;
/** Logical time: rises by one with every election (§5.1). */
export type Term = number;
/** Position in the log; the first entry has index 1, 0 is before it. */
export type LogIndex = number;

export const NOBODY: NodeId = 0n;

export interface Entry {
  readonly index: LogIndex;
  readonly term: Term;
  /** `normal` carries the application's bytes (empty: a new leader's own entry, §8); `membership` a change of the member set. */
  readonly kind: EntryKind;
  readonly data: Uint8Array;
}

export type EntryKind = 'normal' | 'membership';

/** What must survive a crash before a promise based on it leaves the member (§5.1, figure 2). */
export interface HardState {
  readonly term: Term;
  /** Whom this member voted for in `term`; {@link NOBODY} when it has not. */
  readonly vote: NodeId;
  readonly commit: LogIndex;
}

/** What may be forgotten in a crash. */
export interface SoftState {
  readonly leader: NodeId;
  readonly role: Role;
}

export type Role = 'follower' | 'candidate' | 'leader';

/** Who votes and who only listens, as of one log index. */
export interface ConfState {
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
}

export interface SnapshotMeta {
  /** The last entry the snapshot covers. */
  readonly index: LogIndex;
  readonly term: Term;
  readonly confState: ConfState;
}

/** State machine contents up to `meta.index`; `data` is the application's, opaque here. */
export interface Snapshot {
  readonly meta: SnapshotMeta;
  readonly data: Uint8Array;
}
