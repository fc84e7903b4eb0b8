/**
 * Raft as a pure state machine, a driver that runs it, and the ports to fill.
 *
 * @packageDocumentation
 */

export { type Bootstrap, bootstrap } from './bootstrap.js';
export type { Refusal } from './core/leader.js';
export type { ReadState, StateOptions as RawNodeOptions } from './core/state.js';
export { RaftDriver } from './driver/driver.js';
export type { RaftDriverOptions } from './driver/options.js';
export type {
  Applied,
  LogWriter,
  RecoveredLog,
  Scheduler,
  SnapshotStore,
  StateMachine,
  Transport,
} from './driver/ports.js';
export { eventLoop } from './driver/scheduler.js';
export { RaftError, type RaftErrorCode } from './errors.js';
export type { LogReader } from './log/log-reader.js';
export { MemoryLog } from './log/memory-log.js';
export {
  type ChangeStep,
  type MembershipChange,
  type MultiChange,
  type SingleChange,
  stepsOf,
} from './membership/change.js';
export { decodeChange, encodeChange } from './membership/codec.js';
export type {
  AppendMessage,
  AppendReplyMessage,
  HeartbeatMessage,
  HeartbeatReplyMessage,
  Message,
  PreVoteMessage,
  PreVoteReplyMessage,
  ProposedEntry,
  ProposeMessage,
  ReadIndexMessage,
  ReadIndexReplyMessage,
  SnapshotMessage,
  TimeoutNowMessage,
  TransferLeaderMessage,
  VoteMessage,
  VoteReplyMessage,
} from './message.js';
export type { RaftOptions } from './options.js';
export { type Proposed, RawNode } from './raw-node.js';
export type { Persist, Ready } from './ready.js';
export type { FollowerStatus, RaftStatus } from './status.js';
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
