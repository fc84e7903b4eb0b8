import { deserialize, serialize } from 'node:v8';
import type { Entry, HardState, LogWriter, Persist, RecoveredLog, Snapshot, SnapshotMeta } from '@kontiki/raft';
import { nodeFileSystem, systemClock } from '@kontiki/std/node';
import { Wal, type WalRecord } from '@kontiki/wal';

// The types of our records. 4 is the log's own.
const ENTRY = 1;
const STATE = 2;
const SNAPSHOT = 3;
const MARK = 5;

const record = (type: number, part: unknown): WalRecord => ({ type, data: serialize(part) });

/** Raft's stable storage on a write-ahead log. */
export class WalLog implements LogWriter {
  readonly #wal: Wal;
  #last = 0;
  /** What every file begins with: files before the mark are dropped. */
  #mark: SnapshotMeta | undefined;
  #state: HardState | undefined;
  /** What was in the log when it was opened, and the last snapshot from a leader, if it came after the last mark. */
  recovered: RecoveredLog = { entries: [] };
  received: Snapshot | undefined;

  private constructor(wal: Wal) {
    this.#wal = wal;
  }

  static async open(directory: string, segmentBytes: number): Promise<WalLog> {
    // The first head is written before there is a log to ask.
    let log: WalLog | undefined;
    const head = (): WalRecord[] => log?.head() ?? [];
    const options = { fileSystem: nodeFileSystem, clock: systemClock, directory, segmentBytes, head };
    if (!(await nodeFileSystem.exists(directory))) {
      log = new WalLog(await Wal.create(options));
    } else {
      const { wal, records } = await Wal.open(options);
      log = new WalLog(wal);
      await log.#recover(records);
    }
    return log;
  }

  head(): WalRecord[] {
    return [
      ...(this.#mark === undefined ? [] : [record(MARK, this.#mark)]),
      ...(this.#state === undefined ? [] : [record(STATE, this.#state)]),
    ];
  }

  async #recover(records: AsyncIterable<WalRecord>): Promise<void> {
    const entries: Entry[] = [];
    for await (const { type, data } of records) {
      const part: unknown = deserialize(data);
      if (type === STATE) this.#state = part as HardState;
      if (type === MARK) this.#mark = part as SnapshotMeta;
      if (type === ENTRY) {
        // It replaces whatever has its index or a higher one.
        const { index } = part as Entry;
        while (entries.length > 0 && entries.at(-1)!.index >= index) entries.pop();
        entries.push(part as Entry);
      }
      if (type === SNAPSHOT) {
        this.received = part as Snapshot;
        this.#mark = this.received.meta;
        entries.length = 0;
      }
    }
    const from = this.#mark?.index ?? 0;
    const kept = entries.filter(({ index }) => index > from);
    this.#last = kept.at(-1)?.index ?? from;
    this.recovered = {
      entries: kept,
      ...(this.#state !== undefined && { hardState: this.#state }),
      ...(this.#mark !== undefined && { snapshot: this.#mark }),
    };
  }

  async append({ snapshot, entries, hardState, compacted, mustSync }: Persist): Promise<void> {
    const records = entries.map((entry) => record(ENTRY, entry));
    if (snapshot !== undefined) records.unshift(record(SNAPSHOT, snapshot));
    if (hardState !== undefined) records.push(record(STATE, hardState));
    if (compacted !== undefined) records.push(record(MARK, compacted));
    this.#mark = compacted ?? snapshot?.meta ?? this.#mark;
    this.#state = hardState ?? this.#state;
    this.#last = entries.at(-1)?.index ?? snapshot?.meta.index ?? this.#last;
    await this.#wal.append(records, { sync: mustSync, nextPosition: this.#last + 1 });
    // Only a mark says that the state itself is on the disk.
    if (compacted !== undefined) await this.#wal.releaseBefore(compacted.index + 1);
  }

  close(): Promise<void> {
    return this.#wal.close();
  }
}
