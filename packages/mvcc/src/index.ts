/**
 * A multi-version key-value store over any ordered store of bytes, with transactions, compaction and watch.
 * A backend on a `level` database is behind `@kontiki/mvcc/level`; `@kontiki/mvcc/testing` has the tools to test others.
 *
 * @packageDocumentation
 */

// for those who write a backend, or read and write what a store keeps
export type { Backend, Records, ScanOptions } from './backend/backend.js';
export {
  type CompactionMarks,
  KEY_TABLE,
  META_TABLE,
  markFinished,
  markScheduled,
  readMarks,
} from './backend/layout.js';
export { decodeKeyValue, encodeKeyValue, withoutValue } from './codec.js';
export { MvccError, type MvccErrorCode } from './errors.js';
export type { HistoryHash } from './hash.js';
export type { MvccMetrics } from './metrics.js';
export type { MvccOptions, ReplaceOptions } from './options.js';
export { all, between, contains, from, fromEtcd, isEmpty, prefix, single } from './range.js';
export { decodeRevision, encodeRevision, isTombstone, revisionBound } from './revision.js';
// for users
export { MvccStore } from './store.js';
export type { Compare } from './txn/compare.js';
export {
  type DeleteOp,
  isReadOnly,
  type Op,
  type OpResult,
  type PutOp,
  type RangeOp,
  type Txn,
  type TxnCheck,
  type TxnOp,
  type TxnResult,
} from './txn/txn.js';
export type { Change } from './txn/write.js';
export type {
  EncodedRangeResult,
  Event,
  Key,
  KeyRange,
  KeyValue,
  RangeOptions,
  RangeResult,
  Revision,
  SortOrder,
  SortTarget,
} from './types.js';
export type { HubOptions, WatchStatus } from './watch/hub.js';
export type { WatchBatch, Watcher, WatchOptions } from './watch/watcher.js';
