import type { Message } from '../message.js';
import type { Entry, HardState, LogIndex, Snapshot } from '../types.js';

/** One batch for the disk. Fields that did not change are absent. */
export interface Persist {
  readonly hardState?: HardState;
  /** Replace whatever the log holds from `entries[0].index` on. */
  readonly entries: readonly Entry[];
  /** A snapshot received from the leader: covers and replaces everything up to its index. */
  readonly snapshot?: Snapshot;
  /** False when losing this batch breaks no promise (only the commit index rose). */
  readonly mustSync: boolean;
}

/**
 * Stable storage for the log.
 * - Must write batches in the order of the calls.
 * - Must resolve only when the batch, and all before it, survive a power cut (unless `mustSync` is false).
 * - Must reject for good after the first failure: what a failed fsync left on the disk is unknown.
 * - Should let batches that wait together share one fsync.
 */
export interface LogWriter {
  append(batch: Persist): Promise<void>;
}

/**
 * The way to the other members.
 * - Must not block and must not throw: a message that cannot be delivered is dropped; Raft sends it again.
 * - Must not change a message. Order and exactly-once are not needed.
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
 * - `apply` gets committed entries in index order, each exactly once per life of the process, only after they are
 *   durable on this member. Must be deterministic and synchronous. A throw stops the member: there is no way to skip
 *   an entry.
 * - After a restart entries are applied again from the driver's `applied` option + 1.
 */
export interface StateMachine<Outcome> {
  apply(entries: readonly Entry[]): readonly Applied<Outcome>[];
  /** Replaces the whole state by a snapshot from the leader, durably; `apply` goes on after `snapshot.meta.index`. */
  restore(snapshot: Snapshot): Promise<void>;
}

/** Where snapshots for slow members, and for dropping the log, come from. */
export interface SnapshotStore {
  /**
   * Makes the state up to `applied` (or later) durable outside the log, and describes it.
   * The log at or below the answered index may be dropped once this resolves.
   */
  save(applied: LogIndex): Promise<Snapshot>;
}
