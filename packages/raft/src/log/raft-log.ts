import { assert } from '@kontiki/std';
import { type Entry, entryBytes, type LogIndex, type Snapshot, type Term } from '../types.js';
import { type LogReader, limitBytes } from './log-reader.js';
import { Unstable } from './unstable.js';

/**
 * The durable half (a reader) and the tail not yet on disk as one log, with the cursors that move over it.
 *
 * Invariants:
 * - applied ≤ applying ≤ committed ≤ last
 * - applying ≤ durable ≤ last: only what is on this member's disk is applied
 * - committed never falls, and no entry at or below it is ever replaced (§5.3, §5.4)
 */
export class RaftLog {
  readonly #reader: LogReader;
  readonly #unstable: Unstable;
  #committed: LogIndex;
  #applying: LogIndex;
  #applied: LogIndex;
  /** Durable, and to be restored before anything else is applied. */
  #restoring: Snapshot | undefined;

  constructor(reader: LogReader, cursors: { readonly committed: LogIndex; readonly applied: LogIndex }) {
    this.#reader = reader;
    this.#unstable = new Unstable(reader.last + 1);
    this.#committed = cursors.committed;
    this.#applying = cursors.applied;
    this.#applied = cursors.applied;
    this.#check();
  }

  get first(): LogIndex {
    return this.#unstable.snapshot === undefined ? this.#reader.first : this.#unstable.offset;
  }

  get last(): LogIndex {
    return this.#unstable.last;
  }

  get lastTerm(): Term {
    const term = this.term(this.last);
    assert(term !== undefined, 'the term of the last entry is unknown');
    return term;
  }

  get committed(): LogIndex {
    return this.#committed;
  }

  get applying(): LogIndex {
    return this.#applying;
  }

  get applied(): LogIndex {
    return this.#applied;
  }

  /** Everything up to here is on this member's disk. */
  get durable(): LogIndex {
    return this.#unstable.snapshot === undefined ? this.#unstable.offset - 1 : this.#applying;
  }

  get unstable(): Unstable {
    return this.#unstable;
  }

  /** A snapshot was accepted and is not restored yet. */
  get restoring(): boolean {
    return this.#unstable.snapshot !== undefined || this.#restoring !== undefined;
  }

  /** Undefined when the index is beyond the end, or before what is still known. */
  term(index: LogIndex): Term | undefined {
    if (index >= this.#unstable.offset || this.#unstable.snapshot !== undefined) return this.#unstable.term(index);
    return this.#reader.term(index);
  }

  /** Entries of `[start, end)`, at least one, cut off before `maxBytes` are exceeded. `first ≤ start`. */
  entries(start: LogIndex, end: LogIndex, maxBytes: number): readonly Entry[] {
    if (start >= end) return [];
    const offset = this.#unstable.offset;
    if (start >= offset) return limitBytes(this.#unstable.slice(start, end), maxBytes, entryBytes);
    const durable = this.#reader.entries(start, Math.min(end, offset), maxBytes);
    if (end <= offset || durable.length < offset - start) return durable;
    return limitBytes([...durable, ...this.#unstable.slice(offset, end)], maxBytes, entryBytes);
  }

  /** §5.4.1: whether a log that ends so is at least as complete as this one. */
  isUpToDate(lastIndex: LogIndex, lastTerm: Term): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.last);
  }

  /** A leader's own entries, right after the last. */
  append(entries: readonly Entry[]): void {
    assert(entries[0]?.index === this.last + 1, 'a leader only appends (§5.3)');
    this.#unstable.append(entries);
  }

  /**
   * AppendEntries at the receiver (§5.3): takes over what is new when the entry before it matches.
   *
   * @returns the last index that now agrees with the leader; undefined when the logs do not match at `prevIndex`
   */
  tryAppend(prevIndex: LogIndex, prevTerm: Term, entries: readonly Entry[]): LogIndex | undefined {
    if (this.term(prevIndex) !== prevTerm) return undefined;
    const conflict = entries.findIndex((entry) => this.term(entry.index) !== entry.term);
    if (conflict >= 0) {
      const index = entries[conflict]!.index;
      assert(index > this.#committed, `entry ${index} is committed (up to ${this.#committed}) and would be replaced`);
      this.#unstable.append(conflict === 0 ? entries : entries.slice(conflict));
      this.#check();
    }
    return prevIndex + entries.length;
  }

  /**
   * The highest index at or below `index` whose entry has at most `term`, and that entry's term: where two logs may
   * still agree, given the other has `term` at `index`. Terms never rise going back, so whole terms are skipped.
   * The term is 0 where it is not known any more.
   */
  meetingPoint(index: LogIndex, term: Term): { readonly index: LogIndex; readonly term: Term } {
    for (let at = index; ; at--) {
      const here = this.term(at);
      if (here === undefined) return { index: at, term: 0 };
      if (here <= term) return { index: at, term: here };
    }
  }

  /** Everything up to `index` is committed; a lower index is no news. */
  commitTo(index: LogIndex): boolean {
    if (index <= this.#committed) return false;
    assert(index <= this.last, `${index} cannot be committed: the log ends at ${this.last}`);
    this.#committed = index;
    return true;
  }

  /** A snapshot beyond the committed index replaces the whole log. */
  restore(snapshot: Snapshot): void {
    assert(snapshot.meta.index > this.#committed, 'a snapshot must not take back what is committed');
    this.#unstable.restore(snapshot);
    this.#committed = snapshot.meta.index;
    this.#check();
  }

  /** The oldest batch taken from the unstable half is durable and visible through the reader. */
  landed(): void {
    const snapshot = this.#unstable.landed();
    if (snapshot !== undefined) this.#restoring = snapshot;
    this.#check();
  }

  /** The next entries to apply: committed, durable, and only when everything handed out before is applied. */
  takeCommitted(maxBytes: number): readonly Entry[] {
    if (!this.#hasCommitted()) return [];
    const entries = this.entries(this.#applying + 1, Math.min(this.#committed, this.durable) + 1, maxBytes);
    this.#applying = entries.at(-1)!.index;
    this.#check();
    return entries;
  }

  get hasCommitted(): boolean {
    return this.#hasCommitted() || this.#canRestore();
  }

  /** The snapshot to restore before anything else is applied. */
  takeRestore(): Snapshot | undefined {
    if (!this.#canRestore()) return undefined;
    const snapshot = this.#restoring!;
    this.#applying = snapshot.meta.index;
    this.#check();
    return snapshot;
  }

  /** Everything up to `index` is applied. Answers the snapshot when that was done by restoring one. */
  appliedTo(index: LogIndex): Snapshot | undefined {
    assert(index > this.#applied && index <= this.#applying, `${index} is applied but was not handed out`);
    this.#applied = index;
    const restored = this.#restoring?.meta.index === index ? this.#restoring : undefined;
    if (restored !== undefined) this.#restoring = undefined;
    this.#check();
    return restored;
  }

  #canRestore(): boolean {
    return (
      this.#restoring !== undefined && this.#applied === this.#applying && this.#restoring.meta.index > this.#applying
    );
  }

  #hasCommitted(): boolean {
    return (
      this.#applied === this.#applying && !this.restoring && Math.min(this.#committed, this.durable) > this.#applying
    );
  }

  #check(): void {
    const { first, last, durable } = this;
    assert(this.#applied <= this.#applying, `applied ${this.#applied} > applying ${this.#applying}`);
    assert(this.#applying <= this.#committed, `applying ${this.#applying} > committed ${this.#committed}`);
    assert(this.#committed <= last, `committed ${this.#committed} > last ${last}`);
    assert(this.#applying <= durable, `applying ${this.#applying} > durable ${durable}`);
    assert(durable <= last, `durable ${durable} > last ${last}`);
    assert(
      this.#applied >= first - 1 || this.restoring,
      `entries after ${this.#applied} are gone: the log starts at ${first}`,
    );
  }
}
