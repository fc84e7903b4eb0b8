import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssertionError } from './assert.js';
import { IntervalTree } from './interval-tree.js';

interface Interval {
  readonly start: string;
  readonly end: string | undefined;
  readonly value: number;
}

/** Few letters and short, the lowest and the highest byte among them: bounds meet, nest and touch. */
const point = fc.string({ unit: fc.constantFrom('\0', 'a', 'b', '\xff'), maxLength: 3 });
const interval = fc
  .record({ start: point, end: fc.option(point, { nil: undefined, freq: 4 }), value: fc.nat(2) })
  .filter(({ start, end }) => end === undefined || start < end);

/** The naive twin: a list, looked through. */
class IntervalList {
  list: Interval[] = [];

  at({ start, end, value }: Interval): number {
    return this.list.findIndex((one) => one.start === start && one.end === end && one.value === value);
  }

  stab(point: string): number[] {
    return this.list
      .filter(({ start, end }) => start <= point && (end === undefined || point < end))
      .map((i) => i.value);
  }

  overlapping(start: string, end: string | undefined): number[] {
    if (end !== undefined && end <= start) return [];
    return this.list
      .filter((one) => (end === undefined || one.start < end) && (one.end === undefined || start < one.end))
      .map((one) => one.value);
  }
}

const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b);

describe('IntervalTree', () => {
  it('answers like a list that is looked through', () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: interval.map((one) => ({ kind: 'add' as const, one })) },
      { weight: 2, arbitrary: interval.map((one) => ({ kind: 'delete' as const, one })) },
      { weight: 3, arbitrary: fc.nat().map((which) => ({ kind: 'deleteHeld' as const, which })) },
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80 }),
        fc.array(fc.tuple(point, fc.option(point, { nil: undefined }))),
        (steps, asked) => {
          const tree = new IntervalTree<number>();
          const twin = new IntervalList();
          for (const step of steps) {
            if (step.kind === 'add') {
              if (twin.at(step.one) >= 0) continue;
              twin.list.push(step.one);
              tree.add(step.one.start, step.one.end, step.one.value);
            } else {
              const at =
                step.kind === 'delete'
                  ? twin.at(step.one)
                  : twin.list.length === 0
                    ? -1
                    : step.which % twin.list.length;
              const one = step.kind === 'delete' ? step.one : twin.list[at];
              if (one === undefined) continue;
              expect(tree.delete(one.start, one.end, one.value)).toBe(at >= 0);
              if (at >= 0) twin.list.splice(at, 1);
            }
            expect(tree.size).toBe(twin.list.length);
          }
          for (const [start, end] of asked) {
            expect(sorted(tree.stab(start))).toEqual(sorted(twin.stab(start)));
            expect(sorted(tree.overlapping(start, end))).toEqual(sorted(twin.overlapping(start, end)));
            const visited: number[] = [];
            tree.forEachAt(start, (value) => visited.push(value));
            expect(visited).toEqual([...tree.stab(start)]);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('holds its shape in large: ranges added and deleted in order, which a lopsided tree could not recurse through', () => {
    const tree = new IntervalTree<number>();
    const count = 30_000;
    const prefix = (i: number) => `/watched/${String(i).padStart(6, '0')}/`;
    for (let i = 0; i < count; i++) tree.add(prefix(i), prefix(i).replace(/\/$/, '0'), i);
    tree.add('/', undefined, -1);
    expect(tree.size).toBe(count + 1);
    for (let i = 0; i < count; i += 97) expect([...tree.stab(`${prefix(i)}key`)]).toEqual([-1, i]);
    for (let i = 0; i < count; i += 2) expect(tree.delete(prefix(i), prefix(i).replace(/\/$/, '0'), i)).toBe(true);
    for (let i = 0; i < count; i += 97) expect([...tree.stab(`${prefix(i)}key`)]).toEqual(i % 2 === 0 ? [-1] : [-1, i]);
    expect([...tree.overlapping(prefix(10), prefix(20))]).toEqual([-1, 11, 13, 15, 17, 19]);
    for (let i = count - 1; i > 0; i -= 2) expect(tree.delete(prefix(i), prefix(i).replace(/\/$/, '0'), i)).toBe(true);
    expect([...tree.overlapping('', undefined)]).toEqual([-1]);
  });

  it('orders what it finds by start, then by end', () => {
    const tree = new IntervalTree<string>();
    tree.add('a', undefined, 'a..');
    tree.add('b', 'd', 'b..d');
    tree.add('a', 'c', 'a..c');
    tree.add('', 'z', '..z');
    expect([...tree.stab('b')]).toEqual(['..z', 'a..c', 'a..', 'b..d']);
  });

  it('lets the caller change it while looking at what was found', () => {
    const tree = new IntervalTree<number>();
    for (let i = 0; i < 10; i++) tree.add('a', 'b', i);
    for (const value of tree.stab('a')) tree.delete('a', 'b', value);
    expect(tree.size).toBe(0);
  });

  it('refuses an empty range, and the same value twice on one range', () => {
    const tree = new IntervalTree<number>();
    expect(() => tree.add('b', 'b', 1)).toThrow(AssertionError);
    expect(() => tree.add('b', 'a', 1)).toThrow(AssertionError);
    tree.add('a', 'b', 1);
    expect(() => tree.add('a', 'b', 1)).toThrow(AssertionError);
    tree.add('a', 'b', 2);
    expect(() => tree.add('a', 'b', 2)).toThrow(AssertionError);
    expect(tree.size).toBe(2);
  });
});
