/**
 * What simulations run of the server: its raft log on a write-ahead log, as the server opens and writes it.
 *
 * @packageDocumentation
 */
export { type BootstrapOptions, type Bootstrapped, bootstrap, type Founding } from '../storage/bootstrap.js';
export { DataDirError } from '../storage/data-dir.js';
export { RaftLog, RaftLogError, type RecoveredRaftLog, recoverRaftLog } from '../storage/raft-log.js';
export { checkRecord, type Metadata, type SnapshotMark } from '../storage/raft-records.js';
export { ManualClock } from './manual-clock.js';
