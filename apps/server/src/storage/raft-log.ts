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
 * index on (a new leader overwrote them), the last hard state and the last snapshot mark hold.
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
    if (batch.snapshot !== undefined) {
      throw new RaftLogError('a member of a cluster of one cannot be sent a snapshot');
    }
    const records: WalRecord[] = batch.entries.map(encodeEntry);
    this.#last = batch.entries.at(-1)?.index ?? this.#last;
    if (batch.hardState !== undefined) {
      records.push(encodeHardState(batch.hardState));
      this.#onState(batch.hardState);
    }
    if (batch.compacted !== undefined) records.push(encodeSnapshotMark(batch.compacted));
    await this.#wal.append(records, { sync: batch.mustSync, nextPosition: this.#last + 1 });
    if (batch.compacted !== undefined && this.#maxSegments > 0) {
      await this.#wal.releaseBefore(batch.compacted.index + 1, { segments: this.#maxSegments });
    }
  }
}
