import type { Key, StoredChange } from '../types.js';

/** What a store lets its watchers see of the past: the port between the two. */
export interface History {
  readonly revision: number;
  /** -1 when never compacted. */
  readonly compactedRevision: number;
  /** Every change with `from <= main revision <= to`, in order; a chunk holds whole main revisions. A compaction that comes in between may thin it out: check afterwards. */
  scan(fromRevision: number, toRevision: number): AsyncIterable<readonly StoredChange[]>;
  /** Stored bytes of the key as it was right after `revision`; undefined when it did not exist or that is compacted. */
  at(key: Key, revision: number): Uint8Array | undefined;
}
