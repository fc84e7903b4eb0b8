import { EMPTY } from '@kontiki/std';
import { decodeKeyValue, withoutValue } from '../codec.js';
import type { Hits, KeyIndex } from '../index/key-index.js';
import type { EncodedRangeResult, KeyRange, KeyValue, RangeOptions, RangeResult } from '../types.js';
import { cut, type Plan, planRange } from './plan.js';

/** What is read from: where versions are, and their bytes. */
export interface Source {
  readonly index: KeyIndex;
  /** The oldest revision that can be read. */
  readonly compactedRevision: number;
  /** Stored bytes of a version the index knows. Throws `CORRUPT` when they are gone. `keep`: they may be wanted again. */
  load(main: number, sub: number, keep: boolean): Uint8Array;
}

/** Reads of more entries than this leave alone what is cached. */
export const KEPT_ENTRIES = 10_000;

/** An entry that had to be looked into. */
export interface Entry {
  readonly kv: KeyValue;
  readonly bytes: Uint8Array;
}

/** As a range with `keysOnly` shows an entry. */
export function withoutKvValue(kv: KeyValue): KeyValue {
  return { ...kv, value: EMPTY };
}

/**
 * Synchronous reads of the state right after `revision`: for whoever decides.
 * Everything throws `COMPACTED` and `FUTURE_REVISION` for revisions that cannot be read.
 */
export class View {
  readonly #source: Source;
  readonly #revision: number;

  /** @param revision  the newest there is: what answers carry in their header */
  constructor(source: Source, revision: number) {
    this.#source = source;
    this.#revision = revision;
  }

  range(range: KeyRange, options: RangeOptions): RangeResult {
    const plan = planRange(options, this.#revision, this.#source.compactedRevision);
    const { count, more, kept } = this.#read(plan, range);
    const kvs = kept.map((one) => (one instanceof Uint8Array ? decodeKeyValue(one) : one.kv));
    return { revision: this.#revision, kvs: plan.keysOnly ? kvs.map(withoutKvValue) : kvs, more, count };
  }

  rangeEncoded(range: KeyRange, options: RangeOptions): EncodedRangeResult {
    const plan = planRange(options, this.#revision, this.#source.compactedRevision);
    const { count, more, kept } = this.#read(plan, range);
    const kvs = kept.map((one) => (one instanceof Uint8Array ? one : one.bytes));
    return { revision: this.#revision, kvs: plan.keysOnly ? kvs.map(withoutValue) : kvs, more, count };
  }

  #read(plan: Plan, range: KeyRange): { count: number; more: boolean; kept: readonly (Uint8Array | Entry)[] } {
    const { index } = this.#source;
    const hits: Hits = { mains: [], subs: [] };
    if (!plan.countOnly) index.collect(range, plan.at, plan.read, plan.backwards, hits);
    // Fewer than asked for are all there are.
    const complete = !plan.countOnly && hits.mains.length < plan.read;
    const count = complete ? hits.mains.length : index.count(range, plan.at);
    const bytes = this.#load(hits, plan.filter === undefined && plan.sort === undefined ? plan.answer : plan.read);
    if (plan.filter === undefined && plan.sort === undefined) {
      return { count, more: hits.mains.length > bytes.length, kept: bytes };
    }
    let entries: Entry[] = bytes.map((one) => ({ kv: decodeKeyValue(one), bytes: one }));
    const { filter, sort } = plan;
    if (filter !== undefined) entries = entries.filter(({ kv }) => filter(kv));
    if (sort !== undefined) entries.sort((a, b) => sort(a.kv, b.kv));
    return { count, ...cut(plan, entries) };
  }

  /** The stored bytes of the first `limit` hits. */
  #load(hits: Hits, limit: number): Uint8Array[] {
    const length = Math.min(hits.mains.length, limit);
    const loaded = new Array<Uint8Array>(length);
    for (let i = 0; i < length; i++) {
      loaded[i] = this.#source.load(hits.mains[i]!, hits.subs[i]!, length <= KEPT_ENTRIES);
    }
    return loaded;
  }
}
