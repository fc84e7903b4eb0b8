import type { ReadState } from './core/state.js';
import type { Message } from './message.js';
import type { Entry, HardState, Snapshot, SnapshotMeta, SoftState, Term } from './types.js';

/** One batch for the disk. Fields that did not change are absent. */
export interface Persist {
  readonly hardState?: HardState;
  /** Replace whatever the log holds from `entries[0].index` on. */
  readonly entries: readonly Entry[];
  /**
   * A snapshot received from the leader: covers and replaces everything up to its index, and everything after it.
   * Comes before `entries`. Must be recoverable with its data: the state machine is restored only afterwards.
   */
  readonly snapshot?: Snapshot;
  /**
   * The state up to `compacted.index` is durable outside the log: what is at or below that index may be dropped, and
   * recovery may start behind it. Entries above it must be kept. Set by the driver, never by a node.
   */
  readonly compacted?: SnapshotMeta;
  /** False when losing this batch breaks no promise (only the commit index rose). */
  readonly mustSync: boolean;
}

/** Everything a node wants done, in one bundle. Each thing is handed out once. */
export interface Ready {
  /** May leave at once. */
  readonly messages: readonly Message[];
  /**
   * For the disk; batches must reach it in the order they were handed out. When it is durable, bring it into the
   * LogReader and report it with `persisted`.
   */
  readonly persist?: Persist;
  /** May leave when `persist`, and every batch before it, is durable. */
  readonly messagesAfterPersist: readonly Message[];
  /** To be restored into the state machine; then report `applied(restore.meta.index)`. Nothing is committed beside it. */
  readonly restore?: Snapshot;
  /**
   * To be applied, in order; durable here already. Membership changes among them take effect by `applyChange`, in
   * their place. Then report `applied` with the last index. No more are handed out until then.
   */
  readonly committed: readonly Entry[];
  /** Reads of this node's callers that are confirmed. */
  readonly reads: readonly ReadState[];
  /** Present when leader, role or term changed. */
  readonly softState?: SoftState & { readonly term: Term };
  /**
   * A member needs entries the log has dropped: capture a snapshot and pass it to `provideSnapshot`, or call
   * `snapshotUnavailable`. Not asked again until then.
   */
  readonly snapshotWanted: boolean;
}
