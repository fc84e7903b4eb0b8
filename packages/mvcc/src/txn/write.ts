/*
 * One main revision in the making: every change gets the next sub revision, later reads see it, and nothing but the
 * index knows of it until `finish`.
 *
 * Invariants: `changes[i].revision` is (base + 1, i); the index holds exactly the changes in `changes` above `base`.
 */
import { encodePut, encodeTombstone } from '../codec.js';
import type { Undo } from '../index/key-index.js';
import type { Key, KeyRange, RangeOptions, RangeResult, StoredChange } from '../types.js';
import { type Source, View } from './view.js';

/** What a write changed, in order: for whoever keeps leases. */
export type Change =
  | { readonly kind: 'put'; readonly key: Key; readonly lease: bigint }
  | { readonly kind: 'delete'; readonly key: Key };

/** Where a write stores what it changed. */
export interface Sink {
  /** Memory for an encoded KeyValue. */
  allocate(length: number): Uint8Array;
  /** Called once per change, in order, when all of them are known to be good. */
  store(change: StoredChange): void;
}

export class Write {
  readonly #source: Source;
  readonly #sink: Sink;
  /** The revision before. */
  readonly #base: number;
  readonly #undo: Undo[] = [];
  readonly stored: StoredChange[] = [];
  readonly changes: Change[] = [];

  constructor(source: Source, sink: Sink, base: number) {
    this.#source = source;
    this.#sink = sink;
    this.#base = base;
  }

  /** That of the state now: the one before, until something changed. */
  get revision(): number {
    return this.stored.length === 0 ? this.#base : this.#base + 1;
  }

  put(key: Key, value: Uint8Array, lease: bigint): void {
    const main = this.#base + 1;
    const sub = this.stored.length;
    const { createRevision, version, undo } = this.#source.index.put(key, main, sub);
    this.#undo.push(undo);
    const encoded = encodePut(key, createRevision, main, version, value, lease, this.#sink.allocate);
    this.stored.push({ key, type: 'put', encoded, revision: { main, sub } });
    this.changes.push({ kind: 'put', key, lease });
  }

  /** Deletes what exists in the range, in key order; answers how many keys that were. */
  deleteRange(range: KeyRange): number {
    const { index } = this.#source;
    const keys: Key[] = [];
    if (range.single) {
      if (index.head(range.start) !== undefined) keys.push(range.start);
    } else {
      index.forEachHead(range, (key) => {
        keys.push(key);
        return true;
      });
    }
    const main = this.#base + 1;
    for (const key of keys) {
      const sub = this.stored.length;
      this.#undo.push(index.tombstone(key, main, sub));
      const encoded = encodeTombstone(key, this.#sink.allocate);
      this.stored.push({ key, type: 'delete', encoded, revision: { main, sub } });
      this.changes.push({ kind: 'delete', key });
    }
    return keys.length;
  }

  range(range: KeyRange, options: RangeOptions): RangeResult {
    return new View(this, this.revision).range(range, options);
  }

  /** The stored bytes of a key, as it is now. */
  current(key: Key): Uint8Array | undefined {
    const head = this.#source.index.head(key);
    return head && this.load(head.main, head.sub, true);
  }

  /** As a {@link Source}: what this write changed is there too. */
  get index(): Source['index'] {
    return this.#source.index;
  }

  get compactedRevision(): number {
    return this.#source.compactedRevision;
  }

  load(main: number, sub: number, keep: boolean): Uint8Array {
    return main > this.#base ? this.stored[sub]!.encoded : this.#source.load(main, sub, keep);
  }

  /** Hands every change to the sink. The first one may be refused, by a throw; then nothing has happened yet. */
  finish(): void {
    for (const change of this.stored) this.#sink.store(change);
  }

  /** Takes everything back. */
  rollback(): void {
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) this.#source.index.revert(undo);
    this.stored.length = 0;
    this.changes.length = 0;
  }
}
