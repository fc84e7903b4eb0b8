import type { Entry, HardState, LogIndex, Persist, RecoveredLog, SnapshotMeta, Term } from '@kontiki/raft';

/** One thing that stands in a log; a batch is several of them in this order. */
export type LogItem =
  | { readonly kind: 'snapshot'; readonly meta: SnapshotMeta }
  | { readonly kind: 'entry'; readonly entry: Entry }
  | { readonly kind: 'hardState'; readonly hardState: HardState }
  | { readonly kind: 'compacted'; readonly meta: SnapshotMeta };

export function itemsOf({ snapshot, entries, hardState, compacted }: Persist): readonly LogItem[] {
  return [
    ...(snapshot === undefined ? [] : [{ kind: 'snapshot', meta: snapshot.meta } as const]),
    ...entries.map((entry) => ({ kind: 'entry', entry }) as const),
    ...(hardState === undefined ? [] : [{ kind: 'hardState', hardState } as const]),
    ...(compacted === undefined ? [] : [{ kind: 'compacted', meta: compacted } as const]),
  ];
}

/** What a log holds, written the naive way. */
export class LogImage {
  /** The last entry before the first one held. */
  base: { readonly index: LogIndex; readonly term: Term } = { index: 0, term: 0 };
  entries: Entry[] = [];
  hardState: HardState = { term: 0, vote: 0n, commit: 0 };

  static of(log: RecoveredLog): LogImage {
    const image = new LogImage();
    if (log.snapshot !== undefined) image.base = { index: log.snapshot.index, term: log.snapshot.term };
    image.entries = [...log.entries];
    if (log.hardState !== undefined) image.hardState = log.hardState;
    return image;
  }

  copy(): LogImage {
    const copy = new LogImage();
    copy.base = this.base;
    copy.entries = [...this.entries];
    copy.hardState = this.hardState;
    return copy;
  }

  get last(): LogIndex {
    return this.base.index + this.entries.length;
  }

  /** Undefined outside of `[base.index, last]`. */
  termAt(index: LogIndex): Term | undefined {
    return index === this.base.index ? this.base.term : this.entries[index - this.base.index - 1]?.term;
  }

  entry(index: LogIndex): Entry | undefined {
    return this.entries[index - this.base.index - 1];
  }

  add(item: LogItem): void {
    switch (item.kind) {
      case 'snapshot':
        this.entries = [];
        this.base = { index: item.meta.index, term: item.meta.term };
        break;
      case 'entry': {
        const { entry } = item;
        if (entry.index <= this.base.index) break;
        this.entries.length = Math.min(this.entries.length, entry.index - this.base.index - 1);
        this.entries.push(entry);
        break;
      }
      case 'hardState':
        this.hardState = item.hardState;
        break;
      case 'compacted': {
        const { index, term } = item.meta;
        if (index <= this.base.index) break;
        this.entries = this.entries.slice(index - this.base.index);
        this.base = { index, term };
        break;
      }
    }
  }

  /** Equal for logs that hold the same. */
  summary(): string {
    const { base, entries, hardState } = this;
    const terms = entries.map(({ term }) => term).join();
    return `${base.index}/${base.term} [${terms}] term ${hardState.term} vote ${hardState.vote} commit ${hardState.commit}`;
  }
}
