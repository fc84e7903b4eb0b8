import type { Key, StoredChange } from '../types.js';

/**
 * What a store lets its watchers see of the past: the port between the two. A store may exchange the whole of it for a longer one, and must
 * then call `Hub.replaced` in the same turn.
 */
export interface History {
  readonly revision: number;
  /** -1 when never compacted. */
  readonly compactedRevision: number;
  /**
   * Every change with `from <= main revision <= to`, in order.
   * - A chunk must hold whole main revisions, and should hold little more than a MiB unless one revision does: it is kept in memory whole.
   * - A compaction that comes in between may thin it out, or make it throw `COMPACTED`: who reads it checks afterwards.
   * - Others should get to run between two chunks. It may be left midway, and must then let go of what it holds.
   */
  scan(fromRevision: number, toRevision: number): AsyncIterable<readonly StoredChange[]>;
  /** Stored bytes of the key as it was right after `revision`; undefined when it did not exist or that is compacted. */
  at(key: Key, revision: number): Uint8Array | undefined;
}
