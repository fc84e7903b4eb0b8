import { decodeKeyValue, withoutValue } from '../codec.js';
import type { Hits } from '../index/key-index.js';
import type { Slices } from '../slices.js';
import type { EncodedRangeResult, KeyRange, RangeOptions, RangeResult } from '../types.js';
import { cut, type Plan, planRange } from './plan.js';
import { type Entry, KEPT_ENTRIES, type Source, withoutKvValue } from './view.js';

/** Entries handled between two looks at the clock. */
const STRIDE = 64;

/** Keys of the index passed between two looks at the clock. */
const INDEX_STRIDE = 4096;

/** As many entries as are sorted without a pause. */
const SORTED = 1024;

/**
 * The reads of a {@link View}, for whoever only serves: with pauses in which the store moves on. What is read is the
 * state at the beginning all the same: versions do not change, and a compaction that takes some of them away is noticed.
 */
export class SlicedView {
  readonly #source: Source;
  readonly #revision: number;
  readonly #slices: Slices;
  readonly #check: () => void;

  /** @param check  called after every pause; may throw to end the read */
  constructor(source: Source, revision: number, slices: Slices, check: () => void) {
    this.#source = source;
    this.#revision = revision;
    this.#slices = slices;
    this.#check = check;
  }

  async range(range: KeyRange, options: RangeOptions): Promise<RangeResult> {
    const plan = planRange(options, this.#revision, this.#source.compactedRevision);
    const { count, more, kept } = await this.#read(plan, range);
    const kvs = await this.#map(plan, kept, (one) => {
      const kv = one instanceof Uint8Array ? decodeKeyValue(one) : one.kv;
      return plan.keysOnly ? withoutKvValue(kv) : kv;
    });
    return { revision: this.#revision, kvs, more, count };
  }

  async rangeEncoded(range: KeyRange, options: RangeOptions): Promise<EncodedRangeResult> {
    const plan = planRange(options, this.#revision, this.#source.compactedRevision);
    const { count, more, kept } = await this.#read(plan, range);
    const kvs = await this.#map(plan, kept, (one) => {
      const bytes = one instanceof Uint8Array ? one : one.bytes;
      return plan.keysOnly ? withoutValue(bytes) : bytes;
    });
    return { revision: this.#revision, kvs, more, count };
  }

  async #read(
    plan: Plan,
    range: KeyRange,
  ): Promise<{ count: number; more: boolean; kept: readonly (Uint8Array | Entry)[] }> {
    const hits: Hits = { mains: [], subs: [] };
    if (!plan.countOnly) await this.#collect(plan, range, hits);
    const complete = !plan.countOnly && hits.mains.length < plan.read;
    const count = complete ? hits.mains.length : await this.#count(plan, range);
    const { filter, sort } = plan;
    const asRead = filter === undefined && sort === undefined;
    const bytes = await this.#load(plan, hits, asRead ? plan.answer : plan.read);
    if (asRead) return { count, more: hits.mains.length > bytes.length, kept: bytes };
    const entries: Entry[] = [];
    await this.#map(plan, bytes, (one) => {
      const kv = decodeKeyValue(one);
      if (filter === undefined || filter(kv)) entries.push({ kv, bytes: one });
    });
    const sorted = sort === undefined ? entries : await this.#sort(plan, entries, (a, b) => sort(a.kv, b.kv));
    return { count, ...cut(plan, sorted) };
  }

  async #collect(plan: Plan, range: KeyRange, hits: Hits): Promise<void> {
    const { index } = this.#source;
    let rest: KeyRange | null = range;
    while (true) {
      rest = index.collectStep(rest, plan.at, plan.read, plan.backwards, hits, INDEX_STRIDE);
      if (rest === null) return;
      await this.#breathe(plan);
    }
  }

  async #count(plan: Plan, range: KeyRange): Promise<number> {
    let count = 0;
    let rest: KeyRange | null = range;
    while (true) {
      const step = this.#source.index.countStep(rest, plan.at, INDEX_STRIDE);
      count += step.count;
      rest = step.rest;
      if (rest === null) return count;
      await this.#breathe(plan);
    }
  }

  async #load(plan: Plan, hits: Hits, limit: number): Promise<Uint8Array[]> {
    const length = Math.min(hits.mains.length, limit);
    const loaded: Uint8Array[] = [];
    for (let i = 0; i < length; i++) {
      loaded.push(this.#source.load(hits.mains[i]!, hits.subs[i]!, length <= KEPT_ENTRIES));
      if (i % STRIDE === STRIDE - 1) await this.#breathe(plan);
    }
    return loaded;
  }

  async #map<A, B>(plan: Plan, list: readonly A[], change: (one: A) => B): Promise<B[]> {
    const changed: B[] = [];
    for (let i = 0; i < list.length; i++) {
      changed.push(change(list[i]!));
      if (i % STRIDE === STRIDE - 1) await this.#breathe(plan);
    }
    return changed;
  }

  /** A stable merge sort, bottom up. */
  async #sort(plan: Plan, list: readonly Entry[], order: (a: Entry, b: Entry) => number): Promise<Entry[]> {
    let runs: Entry[][] = [];
    for (let at = 0; at < list.length; at += SORTED) {
      runs.push(list.slice(at, at + SORTED).sort(order));
      await this.#breathe(plan);
    }
    while (runs.length > 1) {
      const merged: Entry[][] = [];
      for (let at = 0; at < runs.length; at += 2)
        merged.push(await this.#merge(plan, runs[at]!, runs[at + 1] ?? [], order));
      runs = merged;
    }
    return runs[0] ?? [];
  }

  async #merge(plan: Plan, a: Entry[], b: Entry[], order: (a: Entry, b: Entry) => number): Promise<Entry[]> {
    const merged: Entry[] = [];
    let i = 0;
    let j = 0;
    while (i < a.length || j < b.length) {
      const first = j >= b.length || (i < a.length && order(a[i]!, b[j]!) <= 0);
      merged.push(first ? a[i++]! : b[j++]!);
      if (merged.length % SORTED === 0) await this.#breathe(plan);
    }
    return merged;
  }

  /** A pause when one is due; throws when what is being read has gone meanwhile. */
  async #breathe(plan: Plan): Promise<void> {
    if (!this.#slices.due) return;
    await this.#slices.next();
    this.#check();
    // throws COMPACTED
    planRange({ revision: plan.at }, this.#revision, this.#source.compactedRevision);
  }
}
