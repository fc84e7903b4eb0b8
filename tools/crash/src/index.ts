/**
 * What other tools use of this one: the model of a store, the evidence of a history, its check, and how both are read
 * from a server.
 *
 * @packageDocumentation
 */
export { checkHistory } from './check-history.js';
export { bytes, changeOf, endOf, entryOf } from './driver/convert.js';
export { currentRevision, readLog, readSnapshot } from './driver/read-back.js';
export type { Attempt, Commit, Evidence, Read, Snapshot, Violation } from './evidence.js';
export { type Change, type Entry, printChange, type Write } from './store.js';
