import { equals } from '@kontiki/std';
import { expect } from 'vitest';
import { contains } from '../../src/range.js';
import type { Event, KeyValue } from '../../src/types.js';
import type { WatchBatch, Watcher, WatchOptions } from '../../src/watch/watcher.js';
import type { Fact, ScriptedHistory } from './scripted-history.js';

/**
 * - `eager`: takes all there is whenever it is told.
 * - `sparing`: takes one batch each time it is told.
 * - `slow`: takes only when the test says so.
 * - `reader`: iterates.
 */
export type Habit = 'eager' | 'sparing' | 'slow' | 'reader';

export interface WitnessOptions extends Omit<WatchOptions, 'onReadable'> {
  readonly habit: Habit;
  readonly batchMaxRevisions: number;
}

/** Calls into the code under test that are going on: nobody may be told anything inside one. */
export let inside = 0;

export function call<T>(what: () => T): T {
  inside++;
  try {
    return what();
  } finally {
    inside--;
  }
}

/** One watcher with its consumer, and the naive twin: the filtered list of everything that happened since its start. */
export class Witness {
  readonly watcher: Watcher;
  readonly received: Event[] = [];
  compactRevision: number | undefined;
  isCancelled = false;
  isDone = false;
  /** What went wrong where nobody could be told. */
  failure: unknown;
  readonly #history: ScriptedHistory;
  readonly #options: WitnessOptions;
  readonly #start: number;
  readonly #compactedAtStart: number;
  #told = false;
  #last = 0;
  /** Everything below it was taken, or known not to be for it. */
  #seenBelow = 0;

  constructor(subject: { watch(options: WatchOptions): Watcher }, history: ScriptedHistory, options: WitnessOptions) {
    this.#history = history;
    this.#options = options;
    this.#start = options.startRevision || history.revision + 1;
    this.#compactedAtStart = history.compactedRevision;
    this.watcher = call(() => subject.watch({ ...options, onReadable: () => this.#onReadable() }));
    if (options.habit === 'reader') void this.#read();
  }

  get habit(): Habit {
    return this.#options.habit;
  }

  /** What it should get, of what has happened so far. */
  get expected(): readonly Fact[] {
    const { range, filters = [] } = this.#options;
    return this.#history.facts.filter(
      ({ revision, key, type }) => revision >= this.#start && contains(range, key) && !filters.includes(type),
    );
  }

  take(): WatchBatch | undefined {
    this.#told = false;
    const before = call(() => this.watcher.nextRevision);
    const batch = call(() => this.watcher.take());
    if (this.isCancelled) expect(batch).toBeUndefined();
    if (batch !== undefined) this.#accept(batch, before);
    return batch;
  }

  cancel(): void {
    call(() => this.watcher.cancel());
    this.isCancelled = true;
    expect(this.watcher.ended).toBe(true);
  }

  /** What must hold at any moment between two calls. */
  checkNow(): void {
    if (this.failure !== undefined) throw this.failure;
    const { watcher, received, expected } = this;
    const { nextRevision } = watcher;
    // A reader gets its batches a little after they were taken.
    if (this.habit !== 'reader') {
      const below = expected.filter(({ revision }) => revision < nextRevision).length;
      // What was received is a beginning of what is expected, so counting it is enough.
      if (received.length !== below && !this.#wasTooLate) expect(received).toHaveLength(below);
    }
    if (!watcher.synced) return;
    this.#seenBelow = Math.max(this.#start, this.#history.revision + 1);
    expect(watcher.ended).toBe(false);
    expect(this.#options.startRevision ?? 0).toBeLessThanOrEqual(this.#history.revision);
    expect(nextRevision).toBe(Math.max(this.#history.revision + 1, this.#start));
    if (this.habit !== 'reader') expect(received).toHaveLength(expected.length);
  }

  /** What must hold once all is quiet and everything was taken. */
  checkEnd(): void {
    if (this.failure !== undefined) throw this.failure;
    const { watcher, expected, received } = this;
    const compacted = this.compactRevision !== undefined;
    expect(this.isDone).toBe(this.habit === 'reader' && (compacted || this.isCancelled));
    expect(watcher.ended).toBe(compacted || this.isCancelled);
    if (watcher.ended) return;
    expect(received).toHaveLength(expected.length);
    expect(watcher.nextRevision).toBe(Math.max(this.#history.revision + 1, this.#start));
    expect(watcher.synced).toBe((this.#options.startRevision ?? 0) <= this.#history.revision);
  }

  get #wasTooLate(): boolean {
    return this.#start < this.#compactedAtStart;
  }

  #onReadable(): void {
    try {
      this.#hear();
    } catch (error) {
      this.failure ??= error;
    }
  }

  #hear(): void {
    expect(inside, 'told inside a call').toBe(0);
    expect(this.#told, 'told twice').toBe(false);
    expect(this.isCancelled, 'told after the end').toBe(false);
    // Iterating takes, so it may be told again.
    this.#told = this.habit !== 'reader';
    if (this.habit === 'eager' || this.habit === 'sparing') expect(this.take(), 'told in vain').toBeDefined();
    if (this.habit === 'eager') while (this.take() !== undefined);
  }

  async #read(): Promise<void> {
    try {
      for await (const batch of this.watcher) this.#accept(batch, undefined);
      this.isDone = true;
    } catch (error) {
      this.failure ??= error;
    }
  }

  /** @param before  where the watcher stood before it gave the batch, when known */
  #accept(batch: WatchBatch, before: number | undefined): void {
    const { revision, compactedRevision } = this.#history;
    expect(this.compactRevision, 'something after the end').toBeUndefined();
    if (batch.kind === 'compacted') {
      expect(batch.compactRevision).toBeLessThanOrEqual(compactedRevision);
      if (before !== undefined) expect(before).toBeLessThan(batch.compactRevision);
      expect(Math.max(this.#start, this.#last + 1, this.#seenBelow)).toBeLessThan(batch.compactRevision);
      this.compactRevision = batch.compactRevision;
      return;
    }
    expect(this.#wasTooLate, 'events from before what was kept').toBe(false);
    const { events } = batch;
    expect(events.length).toBeGreaterThan(0);
    const revisions = new Set(events.map(({ kv }) => kv.modRevision));
    const first = events[0]!.kv.modRevision;
    const last = events[events.length - 1]!.kv.modRevision;
    expect(first, 'a revision split, or a step back').toBeGreaterThan(this.#last);
    this.#last = last;
    expect(revisions.size).toBeLessThanOrEqual(this.#options.batchMaxRevisions);
    expect(batch.revision).toBeGreaterThanOrEqual(last);
    if (before !== undefined && !(revisions.size === 1 && batch.revision === last))
      expect(batch.revision).toBe(revision);

    const from = this.received.length;
    this.received.push(...events);
    const facts = this.expected.slice(from, this.received.length);
    expect(facts).toHaveLength(events.length);
    for (const [i, event] of events.entries()) this.#compare(event, facts[i]!, before !== undefined);
    // The whole of its last revision.
    expect(this.expected[this.received.length]?.revision).not.toBe(last);
  }

  #compare(event: Event, fact: Fact, isNow: boolean): void {
    if (event.type !== fact.type || !isSame(event.kv, fact.kv)) expect(event).toEqual(fact);
    const isKept = fact.revision - 1 >= this.#history.compactedRevision;
    const previous = this.#options.prevKv === true && isKept ? fact.previous : undefined;
    if ((isNow || isKept) && !isSame(event.prevKv, previous)) expect(event.prevKv).toEqual(previous);
    if ('encodedPrevKv' in event !== (event.prevKv !== undefined)) expect(event).not.toHaveProperty('encodedPrevKv');
  }
}

/** Cheaper than `toEqual`, which says more but is only needed once they differ. */
function isSame(a: KeyValue | undefined, b: KeyValue | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    equals(a.key, b.key) &&
    equals(a.value, b.value) &&
    a.createRevision === b.createRevision &&
    a.modRevision === b.modRevision &&
    a.version === b.version &&
    a.lease === b.lease
  );
}
