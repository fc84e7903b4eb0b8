import { assert } from '@kontiki/std';
import { type Entry, entryBytes, type LogIndex, type Term } from '../types.js';
import type { LogReader } from './log-reader.js';
import { limitBytes } from './log-reader.js';

/**
 * The durable log kept in memory: fed from recovery, then with every batch once it is on the disk.
 *
 * Invariants: entries[i].index = first + i; terms never fall; bytes is the sum over the entries.
 */
export class MemoryLog implements LogReader {
  #entries: Entry[];
  /** The entry before the first one held. */
  #base: { index: LogIndex; term: Term };
  #bytes = 0;

  constructor(
    base: { readonly index: LogIndex; readonly term: Term } = { index: 0, term: 0 },
    entries: readonly Entry[] = [],
  ) {
    this.#base = { index: base.index, term: base.term };
    this.#entries = [];
    this.append(entries);
  }

  get first(): LogIndex {
    return this.#base.index + 1;
  }

  get last(): LogIndex {
    return this.#base.index + this.#entries.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  term(index: LogIndex): Term | undefined {
    if (index === this.#base.index) return this.#base.term;
    return this.#entries[index - this.first]?.term;
  }

  entries(start: LogIndex, end: LogIndex, maxBytes: number): readonly Entry[] {
    assert(
      start >= this.first && end <= this.last + 1,
      `entries [${start}, ${end}) are not in [${this.first}, ${this.last}]`,
    );
    return limitBytes(this.#entries.slice(start - this.first, end - this.first), maxBytes, entryBytes);
  }

  /** Replaces everything from `entries[0].index` on. Entries at or below what was compacted are skipped. */
  append(entries: readonly Entry[]): void {
    let from = 0;
    while (from < entries.length && entries[from]!.index < this.first) from++;
    if (from === entries.length) return;
    const start = entries[from]!.index;
    assert(start <= this.last + 1, `entry ${start} would leave a gap after ${this.last}`);
    for (const cut of this.#entries.splice(start - this.first)) this.#bytes -= entryBytes(cut);
    for (; from < entries.length; from++) {
      const entry = entries[from]!;
      assert(entry.index === this.last + 1, `entry ${entry.index} does not follow ${this.last}`);
      assert(entry.term >= (this.term(this.last) ?? 0), `the term falls at entry ${entry.index}`);
      this.#entries.push(entry);
      this.#bytes += entryBytes(entry);
    }
  }

  /** A snapshot took the place of everything. */
  reset(base: { readonly index: LogIndex; readonly term: Term }): void {
    this.#base = { index: base.index, term: base.term };
    this.#entries = [];
    this.#bytes = 0;
  }

  /**
   * Drops entries up to `index`, but keeps the last `keepEntries` of them as long as they are no more than
   * `keepBytes`: members a little behind need no snapshot then.
   */
  compact(index: LogIndex, keepEntries = 0, keepBytes: number = Number.MAX_SAFE_INTEGER): void {
    assert(index <= this.last, `cannot compact up to ${index}: the log ends at ${this.last}`);
    let to = index;
    for (let kept = 0, bytes = 0; to > this.#base.index && kept < keepEntries; to--, kept++) {
      bytes += entryBytes(this.#entries[to - this.first]!);
      if (bytes > keepBytes) break;
    }
    if (to <= this.#base.index) return;
    const term = this.term(to)!;
    for (const dropped of this.#entries.splice(0, to - this.#base.index)) this.#bytes -= entryBytes(dropped);
    this.#base = { index: to, term };
  }
}
