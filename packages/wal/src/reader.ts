import type { File, FileSystem } from '@kontiki/std';
import { join } from './directory.js';
import { corrupt } from './errors.js';
import type { WalRecord } from './frame.js';
import type { Segment } from './segment-name.js';
import { readSegment, type SegmentEnd } from './segment-reader.js';
import { Window } from './window.js';

export interface LogRange {
  /** Consecutive, at least one. */
  readonly segments: readonly Segment[];
  /** Where reading ends in the last of them: the end of a record. */
  readonly end: number;
}

/** What was read, counted. */
export interface LogCount {
  readonly segments: number;
  /** The log's own records not counted. */
  readonly records: number;
  /** Framing, heads and marks included, zeros at the ends not. */
  readonly bytes: number;
}

/**
 * Reads whole files, one window of memory at a time however large they are, and finds all damage: where the log ends
 * is given, so nothing here can be a torn tail.
 *
 * @param collect  false: only check, hand out nothing
 * @param check    @see WalOptions.check
 * @returns the records in arrays of what fitted into the window, each with bytes of its own
 * @throws WalError `WAL_CORRUPT`
 */
export async function* readLog(
  fileSystem: FileSystem,
  directory: string,
  range: LogRange,
  collect: boolean,
  check?: (record: WalRecord) => string | undefined,
): AsyncGenerator<readonly WalRecord[], LogCount, undefined> {
  let chain: number | undefined;
  let records = 0;
  let bytes = 0;
  for (const segment of range.segments) {
    const limit = segment === range.segments.at(-1) ? range.end : undefined;
    const path = join(directory, segment.name);
    const file = await fileSystem.open(path, 'read');
    try {
      const end = yield* readSegment(file, { chain, collect, check, ...(limit !== undefined && { limit }) });
      await requireEnd(file, path, end, limit);
      chain = end.chain;
      records += end.records;
      bytes += end.offset;
    } finally {
      await file.close();
    }
  }
  return { segments: range.segments.length, records, bytes };
}

/** A file may end in zeros, kept for records that went into the next one; nothing may follow them. */
async function requireEnd(file: File, path: string, end: SegmentEnd, limit: number | undefined): Promise<void> {
  if (end.kind === 'damage') throw corrupt(path, end.offset, end.reason);
  if (end.offset === 0) throw corrupt(path, 0, 'it has no head');
  const contentEnd = limit ?? (await new Window(file).contentEnd(end.offset, await file.size()));
  if (end.offset < contentEnd) throw corrupt(path, end.offset, 'a record is gone');
}
