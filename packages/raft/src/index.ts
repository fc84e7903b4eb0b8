/**
 * Raft as a pure state machine, a driver that runs it, and the ports to fill.
 *
 * @packageDocumentation
 */

export type { RaftDriverOptions } from './driver/options.js';
export type {
  Applied,
  FollowerStatus,
  LogWriter,
  Persist,
  RaftStatus,
  RecoveredLog,
  Scheduler,
  SnapshotStore,
  StateMachine,
  Transport,
} from './driver/ports.js';
export { RaftError, type RaftErrorCode } from './errors.js';
export {
  type ChangeStep,
  type MembershipChange,
  type MultiChange,
  type SingleChange,
  stepsOf,
} from './membership/change.js';
export type { RaftOptions } from './options.js';
export {
  type ConfState,
  type Entry,
  type EntryKind,
  entryBytes,
  type HardState,
  type LogIndex,
  NOBODY,
  type NodeId,
  type Role,
  type Snapshot,
  type SnapshotMeta,
  type SoftState,
  type Term,
} from './types.js';
