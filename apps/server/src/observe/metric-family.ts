import type { Counter, Gauge, Histogram } from '@kontiki/std';
import { assert } from '@kontiki/std';

export interface MetricSpec {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: readonly string[];
  /** Upper bounds, ascending; the one without limit is not listed. */
  readonly buckets?: readonly number[];
  /** Why it stays at 0, or without series, on this server: nothing feeds it. Absent: it is fed. */
  readonly idle?: string;
}

/** `count` bounds from `start`, each `factor` times the one before. */
export function exponential(start: number, factor: number, count: number): readonly number[] {
  const bounds: number[] = [];
  for (let bound = start; bounds.length < count; bound *= factor) bounds.push(bound);
  return bounds;
}

/** A number that can be moved, set, or read where it lives when somebody asks. */
export class Value implements Counter, Gauge {
  #value = 0;
  #source: (() => number) | undefined;

  add(amount = 1): void {
    this.#value += amount;
  }

  set(value: number): void {
    this.#value = value;
  }

  /** From now on the number is asked for at every scrape: nothing to be done where it changes. */
  readFrom(source: () => number): void {
    this.#source = source;
  }

  get value(): number {
    return this.#source === undefined ? this.#value : this.#source();
  }
}

/** Counts per bucket. Observing is a search among a few numbers and three additions. */
export class Buckets implements Histogram {
  readonly bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    let low = 0;
    let high = this.bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value <= this.bounds[middle]!) high = middle;
      else low = middle + 1;
    }
    this.#counts[low]!++;
    this.#sum += value;
  }

  get sum(): number {
    return this.#sum;
  }

  /** Per bound, those at or below it; the last is all of them. */
  cumulative(): readonly number[] {
    let total = 0;
    return this.#counts.map((count) => (total += count));
  }
}

/** Label names to values, by name in the order Go's library prints them. */
export type Labels = Readonly<Record<string, string>>;

interface Series {
  readonly labels: Labels;
  readonly cell: Value | Buckets;
}

/**
 * One metric with all its series. A metric without labels has its one series from the start, at 0; one with labels has a
 * series from the moment it is asked for by `of`.
 */
export class Family {
  readonly spec: MetricSpec;
  readonly #names: readonly string[];
  /** By label values, in the order of the spec's labels. */
  readonly #series = new Map<string, Series>();

  constructor(spec: MetricSpec) {
    assert((spec.type === 'histogram') === (spec.buckets !== undefined), `${spec.name}: buckets belong to histograms`);
    this.spec = spec;
    this.#names = spec.labels ?? [];
    if (this.#names.length === 0) this.#find([]);
  }

  /**
   * The series of these label values, the same object every time: keep it where it is used often.
   * @param values one for each of the spec's labels, in their order
   */
  value(...values: readonly string[]): Value {
    const series = this.#find(values);
    assert(series instanceof Value, `${this.spec.name} is a histogram`);
    return series;
  }

  buckets(...values: readonly string[]): Buckets {
    const series = this.#find(values);
    assert(series instanceof Buckets, `${this.spec.name} is no histogram`);
    return series;
  }

  /** Forgets every labelled series, for one that names what is so at present. */
  clear(): void {
    if (this.#names.length > 0) this.#series.clear();
  }

  /** Sorted by their label values, those of the label first by name before the others. */
  series(): readonly Series[] {
    const sorted = [...this.#series.values()].map((series) => ({ series, values: Object.values(series.labels) }));
    return sorted.sort((a, b) => compareLists(a.values, b.values)).map(({ series }) => series);
  }

  #find(values: readonly string[]): Value | Buckets {
    assert(this.#names.length === values.length, `labels ${this.#names.join()} need as many values`);
    const key = JSON.stringify(values);
    let series = this.#series.get(key);
    if (series === undefined) {
      const pairs = this.#names.map((name, i) => [name, values[i]!] as const);
      series = { labels: Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1))), cell: this.#make() };
      this.#series.set(key, series);
    }
    return series.cell;
  }

  #make(): Value | Buckets {
    return this.spec.buckets === undefined ? new Value() : new Buckets(this.spec.buckets);
  }
}

function compareLists(a: readonly string[], b: readonly string[]): number {
  for (const [i, value] of a.entries()) {
    if (value !== b[i]!) return value < b[i]! ? -1 : 1;
  }
  return 0;
}

/** `make` of a name, made once per name: for series that are looked up on the way of every request. */
export function remembered<T>(make: (name: string) => T): (name: string) => T {
  const made = new Map<string, T>();
  return (name) => {
    let one = made.get(name);
    if (one === undefined) {
      one = make(name);
      made.set(name, one);
    }
    return one;
  };
}
