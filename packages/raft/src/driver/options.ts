import type { Clock, Logger, Random } from '@kontiki/std';
import type { RaftOptions } from '../options.js';
import type { ConfState, LogIndex, SoftState, Term } from '../types.js';
import type { LogWriter, RecoveredLog, Scheduler, SnapshotStore, StateMachine, Transport } from './ports.js';

/** What a {@link RaftDriver} is started with. */
export interface RaftDriverOptions<Outcome> {
  readonly raft: RaftOptions;
  /** Who is a member, as of `applied`. */
  readonly confState: ConfState;
  /** What recovery read back; `{ entries: [] }` for a new member. */
  readonly log: RecoveredLog;
  /**
   * Up to where the state machine has applied already, durably or by having loaded the snapshot.
   * At least `log.snapshot.index`, at most the last entry.
   */
  readonly applied: LogIndex;
  /** Length of a tick. Default 100. */
  readonly tickMs?: number;
  readonly writer: LogWriter;
  readonly transport: Transport;
  readonly stateMachine: StateMachine<Outcome>;
  readonly snapshots: SnapshotStore;
  /** Save a snapshot, and let go of the log behind it, every so many applied entries. Default 10,000. */
  readonly snapshotEveryEntries?: number;
  /** Entries behind a snapshot that stay in memory for members that are a little behind. Default 5,000. */
  readonly catchUpEntries?: number;
  /** The same limit in bytes: whichever is reached first. Default 64 MiB. */
  readonly catchUpBytes?: number;
  /** Proposals that may wait at once; more are refused with TOO_MANY_WAITING. Default 65,536. */
  readonly maxWaitingProposals?: number;
  /** Bytes of proposals that no leader has taken yet; more are refused with TOO_MANY_WAITING. Default 64 MiB. */
  readonly maxWaitingBytes?: number;
  /** Reads that may wait at once; more are refused with TOO_MANY_WAITING. Default 65,536. */
  readonly maxWaitingReads?: number;
  /** Ticks until a proposal or a read that got no answer fails. Default 7 × `electionTicks`. */
  readonly waitTicks?: number;
  /** Ticks after which an unanswered round of reads is asked again. Default half of `electionTicks`. */
  readonly readRetryTicks?: number;
  /** Batches handed to the writer that may be unfinished; further work is joined into the next one. Default 16. */
  readonly maxWritesInFlight?: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Default: Node's event loop; everything that arrives in one turn of it is handled together. */
  readonly scheduler?: Scheduler;
  readonly logger?: Logger;
  /** Called when leader, role or term changed, before anything that follows from it. */
  readonly onState?: (state: SoftState & { readonly term: Term }) => void;
  /**
   * Called once, when the member must stop: a write failed, an entry could not be applied, the log is broken, or our
   * own code is. The driver has stopped itself; the process should end.
   */
  readonly onFatal: (error: unknown) => void;
}
