import type { LogWriter, RecoveredLog } from '../driver/ports.js';
import type { Persist } from '../ready.js';
import type { Entry, HardState, Snapshot, SnapshotMeta } from '../types.js';

/** A disk in memory that holds one member's log and its latest snapshot: the shortest {@link LogWriter} there is. */
export class MemoryDisk implements LogWriter {
  #hardState: HardState | undefined;
  #mark: SnapshotMeta | undefined;
  #entries: Entry[] = [];
  /** The latest snapshot, received or saved: what the state machine is loaded from after a restart. */
  snapshot: Snapshot | undefined;

  async append(batch: Persist): Promise<void> {
    this.store(batch);
  }

  /** Writes a batch, or of its entries only the first `count` and then nothing behind them: a torn write. */
  store({ snapshot, entries, hardState, compacted }: Persist, count: number = entries.length): void {
    if (snapshot !== undefined) {
      this.snapshot = snapshot;
      this.#mark = snapshot.meta;
      this.#entries = [];
    }
    for (const entry of entries.slice(0, count)) {
      if (entry.index <= (this.#mark?.index ?? 0)) continue;
      this.#entries.length = Math.min(this.#entries.length, entry.index - 1 - (this.#mark?.index ?? 0));
      this.#entries.push(entry);
    }
    if (count < entries.length) return;
    if (hardState !== undefined) this.#hardState = hardState;
    if (compacted !== undefined) {
      this.#mark = compacted;
      this.#entries = this.#entries.filter(({ index }) => index > compacted.index);
    }
  }

  /** What a new process finds. */
  recover(): RecoveredLog {
    return {
      ...(this.#hardState && { hardState: this.#hardState }),
      ...(this.#mark && { snapshot: this.#mark }),
      entries: [...this.#entries],
    };
  }
}
