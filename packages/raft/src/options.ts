import { RaftError } from './errors.js';
import { NOBODY, type NodeId } from './types.js';

/** Settings of one member. Times are in ticks: whoever calls `tick()` says how long one is. */
export interface RaftOptions {
  readonly id: NodeId;
  /** Ticks without a leader before a follower campaigns; each waits this long and up to as much again (§5.2, §9.3). Default 10. */
  readonly electionTicks?: number;
  /** Ticks between heartbeats; well below `electionTicks`. Default 1. */
  readonly heartbeatTicks?: number;
  /** Bytes of entries in one append or forwarded proposal (one entry always fits). Default 1 MiB. */
  readonly maxMessageBytes?: number;
  /** Appends to one follower that may be unanswered at once. Default 256. */
  readonly maxInflightMessages?: number;
  /** Bytes of entries to one follower that may be unanswered at once. Default 16 MiB. */
  readonly maxInflightBytes?: number;
  /** Bytes of proposals a leader keeps that are not committed yet; more are refused. Default 64 MiB. */
  readonly maxUncommittedBytes?: number;
  /** Bytes of committed entries handed out at once: how long applying may hold the thread. Default 512 KiB. */
  readonly maxApplyBytes?: number;
  /** Linearizable reads a leader keeps waiting for confirmation; more are dropped. Default 4096. */
  readonly maxPendingReads?: number;
  /** Ask before raising the term, so that a member coming back does not disturb (dissertation §9.6). Default true. */
  readonly preVote?: boolean;
  /**
   * A leader that heard from no majority for `electionTicks` steps down, and members that heard a leader within
   * `electionTicks` ignore candidates (dissertation §6.2, §4.2.3). Default true.
   */
  readonly checkQuorum?: boolean;
}

export type ResolvedOptions = Required<RaftOptions>;

const MIB = 1024 * 1024;

/** Fills in defaults. Throws RaftError INVALID_OPTIONS, naming the field. */
export function resolveOptions(options: RaftOptions): ResolvedOptions {
  const resolved: ResolvedOptions = {
    electionTicks: 10,
    heartbeatTicks: 1,
    maxMessageBytes: MIB,
    maxInflightMessages: 256,
    maxInflightBytes: 16 * MIB,
    maxUncommittedBytes: 64 * MIB,
    maxApplyBytes: MIB / 2,
    maxPendingReads: 4096,
    preVote: true,
    checkQuorum: true,
    ...options,
  };
  if (resolved.id === NOBODY) throw invalid('id must not be 0');
  for (const field of [
    'electionTicks',
    'heartbeatTicks',
    'maxMessageBytes',
    'maxInflightMessages',
    'maxInflightBytes',
    'maxUncommittedBytes',
    'maxApplyBytes',
    'maxPendingReads',
  ] as const) {
    const value = resolved[field];
    if (!Number.isSafeInteger(value) || value < 1)
      throw invalid(`${field} must be a whole number above 0, is ${value}`);
  }
  if (resolved.electionTicks <= resolved.heartbeatTicks) {
    throw invalid(
      `electionTicks (${resolved.electionTicks}) must be above heartbeatTicks (${resolved.heartbeatTicks})`,
    );
  }
  if (resolved.maxInflightBytes < resolved.maxMessageBytes) {
    throw invalid('maxInflightBytes must be at least maxMessageBytes');
  }
  return resolved;
}

function invalid(message: string): RaftError {
  return new RaftError('INVALID_OPTIONS', message);
}
