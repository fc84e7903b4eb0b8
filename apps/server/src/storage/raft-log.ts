import type { Entry, HardState, LogWriter, Persist, RecoveredLog } from '@kontiki/raft';
import type { Wal, WalRecord } from '@kontiki/wal';
import {
  decodeEntry,
  decodeHardState,
  decodeMetadata,
  decodeSnapshotMark,
  ENTRY,
  encodeEntry,
  encodeHardState,
  encodeSnapshotMark,
  METADATA,
  type Metadata,
  SNAPSHOT,
  type SnapshotMark,
  STATE,
} from './raft-records.js';

/** A log that cannot be what was written: the message says what is missing and what to do. */
export class RaftLogError extends Error {
  override readonly name = 'RaftLogError';
}

/** What the records of a log add up to. */
export interface RecoveredRaftLog extends RecoveredLog {
  readonly metadata: Metadata;
}

/**
 * Puts the records of a log together, in the order they were written: a later entry replaces the earlier ones from its
 * index on (a new leader overwrote them), a snapshot from the leader replaces all of them, the last hard state and the
 * last snapshot mark hold.
 *
 * @throws RaftLogError when entries are missing between two that are there, or there is no metadata
 */
export async function recoverRaftLog(
  records: AsyncIterable<WalRecord> | Iterable<WalRecord>,
): Promise<RecoveredRaftLog> {
  let metadata: Metadata | undefined;
  let hardState: HardState | undefined;
  let mark: SnapshotMark | undefined;
  let entries: Entry[] = [];
  for await (const { type, data } of records) {
    switch (type) {
      case METADATA:
        metadata = decodeMetadata(data);
        break;
      case STATE:
        hardState = decodeHardState(data);
        break;
      case SNAPSHOT:
        mark = decodeSnapshotMark(data);
        if (isForeign(mark, entries)) entries = [];
        break;
      case ENTRY: {
        const entry = decodeEntry(data);
        const first = entries[0]?.index ?? entry.index;
        const next = first + entries.length;
        if (entry.index > next) {
          throw new RaftLogError(
            `the log goes from entry ${next - 1} to entry ${entry.index}: entries between them are missing. ` +
              'Restore the data directory from a backup, or remove the member and add it anew',
          );
        }
        if (entry.index < first) entries = [entry];
        else {
          entries.length = entry.index - first;
          entries.push(entry);
        }
        break;
      }
      default:
        throw new RaftLogError(`the log holds a record of type ${type}, which this version does not know`);
    }
  }
  if (metadata === undefined) throw new RaftLogError('the log does not say whose it is: it holds no metadata record');
  const from = mark?.index ?? 0;
  const kept = entries.filter((entry) => entry.index > from);
  if (kept.length > 0 && kept[0]!.index !== from + 1) {
    throw new RaftLogError(
      `the log begins at entry ${kept[0]!.index}, but the last snapshot ends at ${from}: a log segment is missing. ` +
        'Restore the data directory from a backup, or remove the member and add it anew',
    );
  }
  return {
    metadata,
    entries: kept,
    ...(hardState !== undefined && { hardState }),
    ...(mark !== undefined && { snapshot: mark }),
  };
}

/**
 * Whether a mark stands for a snapshot from the leader, which replaced the log, and not for a point the tables have
 * reached by applying it: then the entry it names is in the log, or was in a segment that is released. A snapshot is
 * only taken that goes beyond what was committed, and so is never behind the entries that are left.
 */
function isForeign({ index, term }: SnapshotMark, entries: readonly Entry[]): boolean {
  const first = entries[0]?.index ?? 0;
  return index >= first && entries[index - first]?.term !== term;
}

/** Raft's stable storage on a write-ahead log, in etcd's records. */
export class RaftLog implements LogWriter {
  readonly #wal: Wal;
  readonly #maxSegments: number;
  readonly #onState: (state: HardState) => void;
  #last: number;

  /**
   * @param last index of the last entry the log holds
   * @param maxSegments segments kept although a snapshot covers them; 0 keeps all
   * @param onState hears every hard state written: a new segment begins with the latest
   */
  constructor(wal: Wal, options: { last: number; maxSegments: number; onState: (state: HardState) => void }) {
    this.#wal = wal;
    this.#last = options.last;
    this.#maxSegments = options.maxSegments;
    this.#onState = options.onState;
  }

  async append(batch: Persist): Promise<void> {
    const records: WalRecord[] = batch.entries.map(encodeEntry);
    if (batch.snapshot !== undefined) {
      // The state itself is on the disk since the snapshot was taken in.
      records.unshift(encodeSnapshotMark(batch.snapshot.meta));
      this.#last = batch.snapshot.meta.index;
    }
    this.#last = batch.entries.at(-1)?.index ?? this.#last;
    if (batch.hardState !== undefined) {
      records.push(encodeHardState(batch.hardState));
      this.#onState(batch.hardState);
    }
    if (batch.compacted !== undefined) records.push(encodeSnapshotMark(batch.compacted));
    await this.#wal.append(records, { sync: batch.mustSync, nextPosition: this.#last + 1 });
    const covered = batch.compacted?.index ?? batch.snapshot?.meta.index;
    if (covered !== undefined && this.#maxSegments > 0) {
      await this.#wal.releaseBefore(covered + 1, { segments: this.#maxSegments });
    }
  }
}
