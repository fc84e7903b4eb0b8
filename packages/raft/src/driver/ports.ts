import type { MembershipChange } from '../membership/change.js';
import type { Message } from '../message.js';
import type { Persist } from '../ready.js';
import type { ConfState, Entry, HardState, Snapshot, SnapshotMeta } from '../types.js';

/** What a {@link LogWriter} gave back after a restart. */
export interface RecoveredLog {
  /** As last written; absent in an empty log. */
  readonly hardState?: HardState;
  /** The latest `snapshot` or `compacted` mark; absent when there never was one. */
  readonly snapshot?: SnapshotMeta;
  /** Everything after `snapshot.index` (from 1 when there is none), without gaps. */
  readonly entries: readonly Entry[];
}

/**
 * Stable storage for the log.
 * - Must write batches in the order of the calls.
 * - Must resolve only when the batch, and all before it, survive a power cut (unless `mustSync` is false).
 * - Must reject for good after the first failure: what a failed fsync left on the disk is unknown.
 * - After a crash an unfinished batch may be missing wholly, or from some point on in the order `snapshot`, `entries`,
 *   `hardState`, `compacted`; never a part in the middle.
 * - Should let batches that wait together share one fsync.
 */
export interface LogWriter {
  append(batch: Persist): Promise<void>;
}

/**
 * The way to the other members.
 * - Must not block and must not throw: a message that cannot be delivered is dropped; Raft sends it again.
 * - Must not change a message, and must not deliver a `propose` twice: it would be proposed twice. Otherwise order and
 *   exactly-once are not needed, though order makes it faster.
 * - May call the driver's `reportGone` when it can tell that a member's process has ended.
 * - Should call the driver's `reportUnreachable` when messages to a member get lost, and must call `reportSnapshot`
 *   when a `snapshot` message was handed over or failed: until then, or until that member answers, it gets no entries.
 */
export interface Transport {
  send(messages: readonly Message[]): void;
}

/** What an applied entry came to, for whoever proposed it. */
export interface Applied<Outcome> {
  /** The id under which it was proposed; absent for entries nobody waits for. */
  readonly id: bigint | undefined;
  readonly outcome: Outcome;
}

/**
 * What the log is for.
 * - All methods get committed entries in index order, each exactly once per life of the process, only after they are
 *   durable on this member. Must be deterministic and synchronous. A throw stops the member: there is no way to skip
 *   an entry.
 * - After a restart entries are applied again from the driver's `applied` option + 1.
 */
export interface StateMachine<Outcome> {
  /** Entries of kind `normal`. Empty `data`: a new leader's own entry, nobody waits for it. */
  apply(entries: readonly Entry[]): readonly Applied<Outcome>[];
  /**
   * Whether a committed membership change shall take effect. Must be deterministic. Absent: always.
   * Changes that Raft cannot make (the last voter removed, say) never take effect and are not asked about.
   */
  admits?(change: MembershipChange): boolean;
  /**
   * A committed membership change in its place among the entries, and the configuration that holds after it.
   * `effective` is false when it was not admitted or cannot be made; then `confState` is as before.
   * Must be there when the member set ever changes; absent, a change is only made in Raft.
   */
  applyChange?(entry: Entry, change: MembershipChange, confState: ConfState, effective: boolean): Applied<Outcome>;
  /** Replaces the whole state by a snapshot from the leader, durably; `apply` goes on after `snapshot.meta.index`. */
  restore(snapshot: Snapshot): Promise<void>;
}

/** Where snapshots for slow members, and for dropping the log, come from. Both are called between two applies. */
export interface SnapshotStore {
  /**
   * Makes the state as of this call (exactly up to `meta.index`), and `meta`, durable outside the log.
   * The log at or below that index may be dropped once this resolves. A rejection stops the member.
   */
  save(meta: SnapshotMeta): Promise<void>;
  /**
   * The state as of this call (exactly up to `meta.index`) as bytes for another member: what its
   * {@link StateMachine.restore} gets. May be a name under which the transport finds a stream. A rejection is logged,
   * and asked for again when a member still needs one.
   */
  capture(meta: SnapshotMeta): Promise<Uint8Array>;
}

/**
 * When the driver does its work: everything that arrives before the callback runs is handled together.
 * - Must call back asynchronously, each callback once, in the order of the calls.
 */
export interface Scheduler {
  soon(callback: () => void): void;
}
