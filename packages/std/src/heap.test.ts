import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Heap } from './heap.js';

/** The naive twin: everything in a list, sorted again each time it is asked. */
class SortedList {
  #entries: { key: number; priority: number; turn: number }[] = [];
  #turn = 0;

  get size(): number {
    return this.#entries.length;
  }

  set(key: number, priority: number): void {
    this.delete(key);
    this.#entries.push({ key, priority, turn: this.#turn++ });
  }

  priority(key: number): number | undefined {
    return this.#entries.find((entry) => entry.key === key)?.priority;
  }

  delete(key: number): boolean {
    const before = this.#entries.length;
    this.#entries = this.#entries.filter((entry) => entry.key !== key);
    return this.#entries.length < before;
  }

  peek(): { key: number; priority: number } | undefined {
    const [first] = [...this.#entries].sort((a, b) => a.priority - b.priority || a.turn - b.turn);
    return first === undefined ? undefined : { key: first.key, priority: first.priority };
  }

  pop(): { key: number; priority: number } | undefined {
    const first = this.peek();
    if (first !== undefined) this.delete(first.key);
    return first;
  }
}

const key = fc.nat(12);
const action = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.constant('set' as const), key, fc.oneof(fc.nat(5), fc.double({ noNaN: true }))) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('delete' as const), key) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('pop' as const)) },
);

describe('Heap', () => {
  it('answers like a list that is sorted every time', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const heap = new Heap<number>();
        const list = new SortedList();
        for (const [kind, ...rest] of actions) {
          if (kind === 'set') {
            heap.set(rest[0]!, rest[1]!);
            list.set(rest[0]!, rest[1]!);
          } else if (kind === 'delete') expect(heap.delete(rest[0]!)).toBe(list.delete(rest[0]!));
          else expect(heap.pop()).toEqual(list.pop());
          expect(heap.size).toBe(list.size);
          expect(heap.peek()).toEqual(list.peek());
          for (let k = 0; k <= 12; k++) {
            expect(heap.priority(k)).toBe(list.priority(k));
            expect(heap.has(k)).toBe(list.priority(k) !== undefined);
          }
        }
        while (list.size > 0) expect(heap.pop()).toEqual(list.pop());
        expect(heap.pop()).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it('lets equal priorities leave in the order they were set, a key set again last', () => {
    const heap = new Heap<string>();
    for (const name of ['a', 'b', 'c', 'd', 'e']) heap.set(name, 1);
    heap.set('b', 1);
    const left: string[] = [];
    for (let next = heap.pop(); next !== undefined; next = heap.pop()) left.push(next.key);
    expect(left.join('')).toBe('acdeb');
  });

  it('takes infinite priorities: never comes last', () => {
    const heap = new Heap<string>();
    heap.set('never', Number.POSITIVE_INFINITY);
    heap.set('soon', 5);
    expect(heap.pop()).toEqual({ key: 'soon', priority: 5 });
    expect(heap.pop()).toEqual({ key: 'never', priority: Number.POSITIVE_INFINITY });
  });

  it('is empty after clear and can be used again', () => {
    const heap = new Heap<string>();
    heap.set('a', 1);
    heap.clear();
    expect(heap.size).toBe(0);
    expect(heap.has('a')).toBe(false);
    heap.set('b', 2);
    expect(heap.peek()).toEqual({ key: 'b', priority: 2 });
  });
});
