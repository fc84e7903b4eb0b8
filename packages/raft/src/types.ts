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
  readonly kind: EntryKind;
  readonly data: Uint8Array;
}

/**
 * `normal` carries the application's bytes (empty: a new leader's own entry, §8).
 * `change` and `changeV2` carry an encoded membership change: raftpb's ConfChange and ConfChangeV2.
 */
export type EntryKind = 'normal' | 'change' | 'changeV2';

/** What must survive a crash before a promise based on it leaves the member (§5.1, figure 2). */
export interface HardState {
  readonly term: Term;
  /** Whom this member voted for in `term`; {@link NOBODY} when it has not. */
  readonly vote: NodeId;
  readonly commit: LogIndex;
}

/** What may be forgotten in a crash. */
export interface SoftState {
  /** {@link NOBODY} while no leader of the current term is known. */
  readonly leader: NodeId;
  readonly role: Role;
}

/** `preCandidate` asks whether it could win before it raises the term (dissertation §9.6). */
export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader';

/** Who votes and who only listens, as of one log index. */
export interface ConfState {
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
  /** Present in a joint configuration (§6): the voters that are being left behind, whose majority is still needed. */
  readonly votersOutgoing?: readonly NodeId[];
  /** Present in a joint configuration: voters of the outgoing half that become learners once it is left. */
  readonly learnersNext?: readonly NodeId[];
  /** True in a joint configuration that the leader leaves by itself. */
  readonly autoLeave?: boolean;
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

/** Bytes one entry counts for in every limit: its data and a flat charge for what surrounds it. */
export function entryBytes(entry: { readonly data: Uint8Array }): number {
  return entry.data.length + 24;
}
