import type { Entry, LogIndex, Term } from '../types.js';

/**
 * The durable part of the log, read synchronously.
 * - Must show exactly what was last persisted: whoever calls `RawNode.persisted` brings it here first.
 * - `first` may rise when older entries are dropped; `term(first - 1)` must stay known (0 at index 0).
 */
export interface LogReader {
  /** Index of the first entry held; `last + 1` when there is none. */
  readonly first: LogIndex;
  /** Index of the last entry held; `first - 1` when there is none. */
  readonly last: LogIndex;
  /** Undefined outside of `[first - 1, last]`. */
  term(index: LogIndex): Term | undefined;
  /**
   * Entries of `[start, end)`, cut off before `maxBytes` (see `entryBytes`) are exceeded, but never before the first.
   * `first ≤ start ≤ end ≤ last + 1`.
   */
  entries(start: LogIndex, end: LogIndex, maxBytes: number): readonly Entry[];
}

/** As many entries from the front as fit into `maxBytes`, at least one. */
export function limitBytes(
  entries: readonly Entry[],
  maxBytes: number,
  bytesOf: (entry: Entry) => number,
): readonly Entry[] {
  let bytes = 0;
  for (let count = 0; count < entries.length; count++) {
    bytes += bytesOf(entries[count]!);
    if (bytes > maxBytes && count > 0) return entries.slice(0, count);
  }
  return entries;
}
