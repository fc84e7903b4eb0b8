import { assert } from '@kontiki/std';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Branch, BTree, type Leaf, type Node, WIDTH } from './btree.js';
import { CODE, CREATED, codeOf, isTombstoneCode, MAIN, type Older, ROW, VERSION } from './generations.js';

/** The twin's entry: its versions, the head last, each [main, code]; and the head's other two numbers. */
interface Entry {
  versions: [number, number][];
  created: number;
  version: number;
}

interface Sums {
  live: number;
  stale: number;
  newest: number;
}

/** Checks every invariant on the way, and answers what the tree holds. */
function read(tree: BTree): Map<string, Entry> {
  const found = new Map<string, Entry>();
  const depths = new Set<number>();
  const visit = (
    node: Node,
    depth: number,
    low: string | undefined,
    high: string | undefined,
    isRoot: boolean,
  ): Sums => {
    const sums: Sums = { live: 0, stale: 0, newest: 0 };
    if ('rows' in node) {
      depths.add(depth);
      readLeaf(node, sums, low, high, found);
      assert(isRoot || node.keys.length > 0, 'no leaf is empty');
    } else {
      assert(node.children.length === node.bounds.length + 1, 'a bound between any two children');
      assert(node.children.length <= WIDTH, 'no branch is too wide');
      assert(!isRoot || node.children.length > 1, 'the root branches');
      for (const [i, child] of node.children.entries()) {
        const sub = visit(child, depth + 1, node.bounds[i - 1] ?? low, node.bounds[i] ?? high, false);
        sums.live += sub.live;
        sums.stale += sub.stale;
        sums.newest = Math.max(sums.newest, sub.newest);
      }
    }
    assert(node.live === sums.live && node.stale === sums.stale, 'a node knows what is below it');
    assert(node.newest >= sums.newest, 'nothing below is newer');
    return { ...sums, newest: node.newest };
  };
  visit(tree.root as Leaf | Branch, 0, undefined, undefined, true);
  expect(depths.size).toBe(1);
  expect(tree.size).toBe(found.size);
  return found;
}

function readLeaf(
  leaf: Leaf,
  sums: Sums,
  low: string | undefined,
  high: string | undefined,
  into: Map<string, Entry>,
): void {
  assert(leaf.keys.length <= WIDTH, 'no leaf is too wide');
  assert(leaf.older === undefined || leaf.older.length === leaf.keys.length, 'older versions are beside the keys');
  for (const [at, key] of leaf.keys.entries()) {
    assert(at === 0 || key > leaf.keys[at - 1]!, 'keys ascend');
    assert(low === undefined || key >= low, 'keys are not below the bound');
    assert(high === undefined || key < high, 'keys are below the next bound');
    const row = leaf.rows.subarray(at * ROW, (at + 1) * ROW);
    const older = leaf.older?.[at] ?? [];
    const versions: [number, number][] = [];
    for (let i = 0; i < older.length; i += 2) versions.push([older[i]!, older[i + 1]!]);
    versions.push([row[MAIN]!, row[CODE]!]);
    into.set(key, { versions, created: row[CREATED]!, version: row[VERSION]! });
    sums.stale += older.length / 2 + (isTombstoneCode(row[CODE]!) ? 1 : 0);
    sums.live += isTombstoneCode(row[CODE]!) ? 0 : 1;
    sums.newest = Math.max(sums.newest, row[MAIN]!);
  }
}

type Step = { kind: 'change'; key: number; dead: boolean } | { kind: 'remove' | 'pop' | 'shrink'; key: number };

const steps = (keys: number): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('change' as const), key: fc.nat(keys), dead: fc.boolean() }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), key: fc.nat(keys) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('pop' as const), key: fc.nat(keys) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('shrink' as const), key: fc.nat(keys) }) },
  );

const name = (n: number): string => `k${String(n).padStart(5, '0')}`;

/** Applies a step to the tree and to its twin. */
function apply(tree: BTree, twin: Map<string, Entry>, step: Step, main: number): void {
  const key = name(step.key);
  const entry = twin.get(key);
  assert(tree.find(key) === (entry !== undefined), 'the tree finds what the twin has');
  if (step.kind === 'change') {
    const code = codeOf(main % 3, step.dead);
    if (entry === undefined) {
      tree.insert(key, main, code, main + 1, main + 2);
      twin.set(key, { versions: [[main, code]], created: main + 1, version: main + 2 });
    } else {
      tree.push(main, code, main + 1, main + 2);
      entry.versions.push([main, code]);
      entry.created = main + 1;
      entry.version = main + 2;
    }
  } else if (entry === undefined) return;
  else if (step.kind === 'remove') {
    tree.remove();
    twin.delete(key);
  } else if (step.kind === 'pop') {
    if (entry.versions.length < 2) return;
    tree.pop(7, 8);
    entry.versions.pop();
    entry.created = 7;
    entry.version = 8;
  } else {
    const older = tree.leaf.older?.[tree.at];
    if (older === undefined) return;
    tree.shrink(older.length === 2 ? undefined : older.slice(2));
    entry.versions.shift();
  }
}

describe('a BTree', () => {
  it('holds what its twin holds', () =>
    fc.assert(
      fc.property(fc.array(steps(40), { maxLength: 200, size: 'max' }), (list) => {
        const tree = new BTree();
        const twin = new Map<string, Entry>();
        for (const [i, step] of list.entries()) apply(tree, twin, step, i + 2);
        expect(read(tree)).toEqual(new Map([...twin].toSorted(([a], [b]) => (a < b ? -1 : 1))));
      }),
      { numRuns: 50 },
    ));

  it('grows to three levels and shrinks back to one, whatever the order', () => {
    const COUNT = 5000;
    const orders: ((i: number) => number)[] = [(i) => i, (i) => COUNT - 1 - i, (i) => (i * 2741) % COUNT];
    for (const insertion of orders) {
      for (const removal of orders) {
        const tree = new BTree();
        const twin = new Map<string, Entry>();
        for (let i = 0; i < COUNT; i++)
          apply(tree, twin, { kind: 'change', key: insertion(i), dead: i % 5 === 0 }, i + 2);
        expect(read(tree).size).toBe(COUNT);
        for (let i = 0; i < COUNT; i++) {
          apply(tree, twin, { kind: 'remove', key: removal(i) }, 0);
          if (i % 997 === 0) expect([...read(tree).keys()]).toEqual([...twin.keys()].toSorted());
        }
        expect(read(tree).size).toBe(0);
      }
    }
  });

  it('keeps leaves full when keys come in order', () => {
    const tree = new BTree();
    for (let i = 0; i < 64 * 100; i++) apply(tree, new Map(), { kind: 'change', key: i, dead: false }, i + 2);
    let leaves = 0;
    const visit = (): boolean => {
      leaves++;
      return true;
    };
    tree.walk('', null, { enter: () => true, visit });
    expect(leaves).toBeLessThan(105);
  });

  it('does not stay wide when keys go', () => {
    const tree = new BTree();
    const twin = new Map<string, Entry>();
    for (let key = 0; key < 5000; key++) apply(tree, twin, { kind: 'change', key, dead: false }, key + 2);
    // From the end, so that it is mostly the neighbour to the left that has room.
    for (let key = 4999; key >= 0; key--) if (key % 16 !== 0) apply(tree, twin, { kind: 'remove', key }, 0);
    let leaves = 0;
    const visit = (): boolean => ++leaves > 0;
    tree.walk('', null, { enter: () => true, visit });
    expect(read(tree).size).toBe(313);
    expect(leaves).toBeLessThan(20);
  });

  it('walks a range either way, and passes over what it is told to', () =>
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(999), { maxLength: 400, size: 'max' }),
        fc.nat(999),
        fc.option(fc.nat(1100)),
        fc.boolean(),
        (keys, start, end, backwards) => {
          const tree = new BTree();
          const twin = new Map<string, Entry>();
          for (const [i, key] of keys.entries()) apply(tree, twin, { kind: 'change', key, dead: false }, i + 2);
          const seen: string[] = [];
          const visit = (leaf: Leaf, from: number, to: number): boolean => {
            expect(from).toBeLessThan(to);
            const part = leaf.keys.slice(from, to);
            seen.push(...(backwards ? part.toReversed() : part));
            return true;
          };
          tree.walk(name(start), end === null ? null : name(end), { enter: () => true, visit }, backwards);
          const expected = keys
            .filter((key) => key >= start && (end === null || key < end))
            .map(name)
            .toSorted();
          expect(seen).toEqual(backwards ? expected.toReversed() : expected);

          let passedOver = 0;
          let visited = 0;
          tree.walk(name(start), end === null ? null : name(end), {
            enter: (node) => {
              passedOver += node.live;
              return false;
            },
            visit: (_leaf, from, to) => {
              visited += to - from;
              return true;
            },
          });
          expect(passedOver + visited).toBe(expected.length);
        },
      ),
    ));

  it('finds what is stale, and only that', () =>
    fc.assert(
      fc.property(fc.array(steps(300), { maxLength: 600, size: 'max' }), fc.nat(300), (list, start) => {
        const tree = new BTree();
        const twin = new Map<string, Entry>();
        for (const [i, step] of list.entries()) apply(tree, twin, step, i + 2);
        const stale = [...twin]
          .filter(
            ([key, { versions }]) => key >= name(start) && (versions.length > 1 || isTombstoneCode(versions[0]![1])),
          )
          .map(([key]) => key)
          .toSorted();
        const found: string[] = [];
        for (let next = name(start); tree.findStale(next); next = `${found.at(-1)}\0`)
          found.push(tree.leaf.keys[tree.at]!);
        expect(found).toEqual(stale);
      }),
      { numRuns: 50 },
    ));

  it('lets the room for older versions go with the last of them', () => {
    const tree = new BTree();
    const twin = new Map<string, Entry>();
    apply(tree, twin, { kind: 'change', key: 1, dead: false }, 2);
    expect(tree.leaf.older).toBeUndefined();
    apply(tree, twin, { kind: 'change', key: 1, dead: false }, 3);
    const older: (Older | undefined)[] | undefined = tree.leaf.older;
    expect(older).toEqual([[2, codeOf(2, false)]]);
    apply(tree, twin, { kind: 'shrink', key: 1 }, 0);
    expect(tree.leaf.older).toBeUndefined();
  });
});
