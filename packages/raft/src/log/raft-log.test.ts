import { SeededRandom } from '@kontiki/std';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Entry, Snapshot } from '../types.js';
import { MemoryLog } from './memory-log.js';
import { RaftLog } from './raft-log.js';

const ALL = Number.MAX_SAFE_INTEGER;
const entry = (index: number, term: number): Entry => ({
  index,
  term,
  kind: 'normal',
  data: Uint8Array.of(index, term),
});
const snapshotAt = (index: number, term: number): Snapshot => ({
  meta: { index, term, confState: { voters: [1n], learners: [] } },
  data: new Uint8Array(0),
});

/** An entry is known by index and term; a matcher for each comparison would be slow. */
function same(actual: readonly Entry[], expected: readonly Entry[], what: string): void {
  const equal =
    actual.length === expected.length &&
    actual.every(({ index, term }, i) => index === expected[i]!.index && term === expected[i]!.term);
  if (!equal) expect(actual, what).toEqual(expected);
}

/**
 * A follower's log driven at random, beside the naive twin: an array of everything, and a disk that gets the batches
 * one after another. What is called durable must be on that disk for good.
 */
class Twins {
  readonly reader = new MemoryLog();
  readonly log = new RaftLog(this.reader, { committed: 0, applied: 0 });
  readonly random: SeededRandom;
  base = { index: 0, term: 0 };
  list: Entry[] = [];
  committed = 0;
  term = 1;
  readonly flights: { entries: readonly Entry[]; snapshot: Snapshot | undefined }[] = [];
  disk: { base: { index: number; term: number }; list: Entry[] } = { base: this.base, list: [] };

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  get last(): number {
    return this.base.index + this.list.length;
  }

  at(index: number): Entry | undefined {
    return this.list[index - this.base.index - 1];
  }

  step(): void {
    const { random, log } = this;
    const dice = random.int(100);
    if (dice < 35) this.append();
    else if (dice < 55 && log.unstable.hasUnhanded) this.flights.push(log.unstable.take());
    else if (dice < 75) this.land();
    else if (dice < 85) {
      this.committed += random.int(this.last - this.committed + 1);
      log.commitTo(this.committed);
    } else if (dice < 95) this.apply();
    else if (dice < 97 && log.applied > 0 && !log.restoring)
      this.reader.compact(Math.min(this.reader.last, log.applied));
    else if (dice < 98) this.restore();
    this.check();
  }

  append(): void {
    const { random } = this;
    if (random.int(3) === 0) this.term++;
    const start = this.committed + 1 + random.int(this.last - this.committed + 1);
    const before = start - 1 === this.base.index ? this.base.term : this.at(start - 1)!.term;
    // A leader of this term: what it repeats agrees with us, what is new carries its term.
    const repeated = this.list.slice(start - this.base.index - 1).slice(0, random.int(3));
    const from = start + repeated.length;
    const entries = [...repeated, ...Array.from({ length: random.int(4) }, (_, i) => entry(from + i, this.term))];
    const conflict = entries.find((each) => this.at(each.index)?.term !== each.term);
    expect(this.log.tryAppend(start - 1, before, entries)).toBe(start - 1 + entries.length);
    expect(this.log.tryAppend(start - 1, before + 1, entries)).toBeUndefined();
    if (conflict !== undefined) {
      this.list = [
        ...this.list.slice(0, conflict.index - this.base.index - 1),
        ...entries.slice(conflict.index - start),
      ];
    }
  }

  land(): void {
    const flight = this.flights.shift();
    if (flight === undefined) return;
    if (flight.snapshot !== undefined) {
      this.disk = { base: flight.snapshot.meta, list: [] };
      this.reader.reset(flight.snapshot.meta);
    }
    const first = flight.entries[0]?.index;
    if (first !== undefined) {
      this.disk.list = [...this.disk.list.slice(0, first - this.disk.base.index - 1), ...flight.entries];
    }
    this.reader.append(flight.entries);
    this.log.landed();
  }

  apply(): void {
    const restore = this.log.takeRestore();
    if (restore !== undefined) {
      this.log.appliedTo(restore.meta.index);
      return;
    }
    const before = this.log.applied;
    const entries = this.log.takeCommitted(200);
    if (entries.length === 0) return;
    expect(entries).toEqual(entries.map((_, i) => this.at(before + 1 + i)));
    this.log.appliedTo(entries.at(-1)!.index);
  }

  restore(): void {
    const snapshot = snapshotAt(this.last + 1 + this.random.int(3), this.term);
    this.log.restore(snapshot);
    this.base = snapshot.meta;
    this.list = [];
    this.committed = this.base.index;
  }

  check(): void {
    const { log } = this;
    expect(log.last).toBe(this.last);
    expect(log.committed).toBe(this.committed);
    const shown = log.entries(log.first, log.last + 1, ALL);
    same(shown, this.list.slice(log.first - this.base.index - 1), 'the log');
    for (const { index, term } of shown) if (log.term(index) !== term) expect.fail(`the term of ${index} is ${term}`);
    if (log.durable > this.base.index) {
      // Whatever is still in flight may arrive: what is durable must survive that.
      let { base, list } = this.disk;
      for (const { entries, snapshot } of [{ entries: [], snapshot: undefined }, ...this.flights]) {
        if (snapshot !== undefined) ({ base, list } = { base: snapshot.meta, list: [] });
        const first = entries[0]?.index;
        if (first !== undefined) list = [...list.slice(0, first - base.index - 1), ...entries];
        if (base.index < this.base.index) continue;
        const durable = log.durable - this.base.index;
        same(
          list.slice(this.base.index - base.index).slice(0, durable),
          this.list.slice(0, durable),
          'what is durable',
        );
      }
    }
  }
}

describe('the two halves of the log as one', () => {
  it('answer like one array, and call durable only what no batch in flight takes back', () =>
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const twins = new Twins(seed);
        for (let i = 0; i < 200; i++) twins.step();
      }),
      { numRuns: 100 },
    ));

  it('an entry overtaken on its way to the disk is not durable when its batch lands, even if an equal one follows', () => {
    const reader = new MemoryLog();
    const log = new RaftLog(reader, { committed: 0, applied: 0 });
    log.tryAppend(0, 0, [entry(1, 1), entry(2, 1)]);
    const first = log.unstable.take();
    log.tryAppend(1, 1, [entry(2, 2)]);
    const second = log.unstable.take();
    log.tryAppend(1, 1, [entry(2, 1)]);
    const third = log.unstable.take();
    reader.append(first.entries);
    log.landed();
    expect(log.durable).toBe(1);
    reader.append(second.entries);
    log.landed();
    expect(log.durable).toBe(1);
    reader.append(third.entries);
    log.landed();
    expect(log.durable).toBe(2);
  });

  it.each([
    { index: 9, term: 5, meets: { index: 8, term: 5 } },
    { index: 8, term: 4, meets: { index: 5, term: 4 } },
    { index: 8, term: 3, meets: { index: 3, term: 1 } },
    { index: 2, term: 9, meets: { index: 2, term: 1 } },
    { index: 8, term: 0, meets: { index: 0, term: 0 } },
  ])('logs may meet at or below $index with term $term', ({ index, term, meets }) => {
    const terms = [1, 1, 1, 4, 4, 5, 5, 5];
    const reader = new MemoryLog(
      undefined,
      terms.map((each, i) => entry(i + 1, each)),
    );
    const log = new RaftLog(reader, { committed: 0, applied: 0 });
    expect(log.meetingPoint(Math.min(index, log.last), term)).toEqual(meets);
  });

  it('does not know where logs meet behind what was dropped', () => {
    const reader = new MemoryLog({ index: 3, term: 2 }, [entry(4, 3)]);
    const log = new RaftLog(reader, { committed: 3, applied: 3 });
    expect(log.meetingPoint(4, 2)).toEqual({ index: 3, term: 2 });
    expect(log.meetingPoint(4, 1)).toEqual({ index: 2, term: 0 });
  });

  it('stops rather than replace what is committed', () => {
    const log = new RaftLog(new MemoryLog(), { committed: 0, applied: 0 });
    log.tryAppend(0, 0, [entry(1, 1), entry(2, 1)]);
    log.commitTo(2);
    expect(() => log.tryAppend(1, 1, [entry(2, 2)])).toThrow('entry 2 is committed');
    expect(() => log.commitTo(3)).toThrow('cannot be committed');
    expect(() => log.appliedTo(1)).toThrow('was not handed out');
    expect(() => log.restore(snapshotAt(2, 2))).toThrow('take back');
    expect(() => log.append([entry(7, 2)])).toThrow('only appends');
  });
});
