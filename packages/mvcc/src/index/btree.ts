/*
 * An ordered map from key to head row and older versions: a B-tree whose nodes know what is below them.
 *
 *   live    keys whose head is a put           -> counting a range costs a walk down its two edges
 *   stale   older versions and tombstone heads -> a compaction visits only what it may shrink
 *   newest  no head below has a higher main    -> the state at an old revision: where newest <= revision it is the present
 *           (an upper bound: it is never lowered)
 *
 * All leaves are at the same depth, so nodes carry no type mark. A node that shrinks is merged with a neighbour when both
 * fit into one; an empty one never stays.
 *
 * Invariant: in a branch, everything below children[i] < bounds[i] <= everything below children[i + 1].
 */
import { assert } from '@kontiki/std';
import type { Key } from '../types.js';
import { appendOlder, CODE, CREATED, isTombstoneCode, MAIN, type Older, ROW, VERSION } from './generations.js';

/** Entries of a leaf, and children of a branch, at most. */
export const WIDTH = 64;

/** Two neighbours that together hold no more than this become one. */
const MERGED = 48;

export class Leaf {
  keys: Key[] = [];
  readonly rows: Float64Array = new Float64Array(WIDTH * ROW);
  /** Beside `keys`; only while some key here has older versions. */
  older: (Older | undefined)[] | undefined = undefined;
  live = 0;
  stale = 0;
  newest = 0;
}

export class Branch {
  children: Node[] = [];
  bounds: Key[] = [];
  live = 0;
  stale = 0;
  newest = 0;
}

export type Node = Leaf | Branch;

/** What a walk over a range calls. */
export interface Walker {
  /** Asked for every node that lies inside the range as a whole; false passes over it. */
  enter(node: Node): boolean;
  /** Entries `from` to `to` (excluded) are in the range; false ends the walk. */
  visit(leaf: Leaf, from: number, to: number): boolean;
}

export class BTree {
  #root: Node = new Leaf();
  /** How many branches are above a leaf. */
  #height = 0;
  #size = 0;
  /** The way down to the entry in use: branches, and which child was taken in each. */
  readonly #path: Branch[] = [];
  readonly #taken: number[] = [];
  /** The entry in use: where `find` or `findStale` stopped. Holds until the next insert or remove. */
  leaf: Leaf = this.#root as Leaf;
  at = 0;

  /** Keys, dead ones included. */
  get size(): number {
    return this.#size;
  }

  /** The sums over everything. */
  get root(): Readonly<Pick<Leaf, 'live' | 'stale' | 'newest'>> {
    return this.#root;
  }

  /** Goes to the key; when it is not there, to where it belongs. */
  find(key: Key): boolean {
    let node = this.#root;
    for (let level = 0; level < this.#height; level++) {
      const branch = node as Branch;
      const child = upperBound(branch.bounds, key);
      this.#path[level] = branch;
      this.#taken[level] = child;
      node = branch.children[child]!;
    }
    this.leaf = node as Leaf;
    this.at = lowerBound(this.leaf.keys, key);
    return this.leaf.keys[this.at] === key;
  }

  /** Goes to the first key at or above `key` that has an older version or is dead. */
  findStale(key: Key): boolean {
    return this.#seekStale(this.#root, 0, key);
  }

  /** Adds the key that `find` just missed, with its first version. */
  insert(key: Key, main: number, code: number, created: number, version: number): void {
    if (this.leaf.keys.length === WIDTH) {
      this.#splitLeaf();
      this.find(key);
    }
    const { leaf, at } = this;
    const count = leaf.keys.length;
    if (at === count) leaf.keys.push(key);
    else {
      leaf.keys.splice(at, 0, key);
      leaf.rows.copyWithin((at + 1) * ROW, at * ROW, count * ROW);
    }
    leaf.older?.splice(at, 0, undefined);
    this.#size++;
    writeRow(leaf.rows, at, main, code, created, version);
    const dead = isTombstoneCode(code) ? 1 : 0;
    this.#adjust(1 - dead, dead, main);
  }

  /** A new head for the entry in use; the old one is its newest older version now. */
  push(main: number, code: number, created: number, version: number): void {
    const { leaf, at } = this;
    const oldCode = leaf.rows[at * ROW + CODE]!;
    leaf.older ??= new Array<Older | undefined>(leaf.keys.length).fill(undefined);
    leaf.older[at] = appendOlder(leaf.older[at], leaf.rows[at * ROW + MAIN]!, oldCode);
    writeRow(leaf.rows, at, main, code, created, version);
    const died = (isTombstoneCode(code) ? 1 : 0) - (isTombstoneCode(oldCode) ? 1 : 0);
    this.#adjust(-died, 1 + died, main);
  }

  /** Takes the last `push` back; `created` and `version` are those of the head before it. */
  pop(created: number, version: number): void {
    const { leaf, at } = this;
    const older = leaf.older?.[at];
    assert(older !== undefined, 'there is a version to go back to');
    const code = older.at(-1)!;
    const died = (isTombstoneCode(code) ? 1 : 0) - (isTombstoneCode(leaf.rows[at * ROW + CODE]!) ? 1 : 0);
    writeRow(leaf.rows, at, older.at(-2)!, code, created, version);
    this.#setOlder(older.length === 2 ? undefined : older.slice(0, -2));
    this.#adjust(-died, died - 1, 0);
  }

  /** Fewer older versions for the entry in use. */
  shrink(older: Older | undefined): void {
    const before = this.leaf.older?.[this.at]?.length ?? 0;
    this.#setOlder(older);
    this.#adjust(0, ((older?.length ?? 0) - before) / 2, 0);
    if (this.leaf.stale === 0) this.leaf.older = undefined;
  }

  /** Removes the entry in use with all its versions. */
  remove(): void {
    const { leaf, at } = this;
    const dead = isTombstoneCode(leaf.rows[at * ROW + CODE]!) ? 1 : 0;
    this.#adjust(dead - 1, -dead - (leaf.older?.[at]?.length ?? 0) / 2, 0);
    leaf.rows.copyWithin(at * ROW, (at + 1) * ROW, leaf.keys.length * ROW);
    leaf.keys.splice(at, 1);
    leaf.older?.splice(at, 1);
    this.#size--;
    this.#tidy();
  }

  /** Visits the leaves that have keys in `[start, end)`, in order, or from the last to the first. */
  walk(start: Key, end: Key | null, walker: Walker, backwards = false): void {
    if (end === null || start < end) this.#walk(this.#root, 0, start, end, walker, backwards);
  }

  #walk(node: Node, level: number, start: Key | null, end: Key | null, walker: Walker, backwards: boolean): boolean {
    if (start === null && end === null && !walker.enter(node)) return true;
    if (level === this.#height) {
      const leaf = node as Leaf;
      const from = start === null ? 0 : lowerBound(leaf.keys, start);
      const to = end === null ? leaf.keys.length : lowerBound(leaf.keys, end);
      return from >= to || walker.visit(leaf, from, to);
    }
    const { children, bounds } = node as Branch;
    const first = start === null ? 0 : upperBound(bounds, start);
    const last = end === null ? children.length - 1 : lowerBound(bounds, end);
    for (let left = last - first; left >= 0; left--) {
      const i = backwards ? first + left : last - left;
      const from = i === first ? start : null;
      const to = i === last ? end : null;
      if (!this.#walk(children[i]!, level + 1, from, to, walker, backwards)) return false;
    }
    return true;
  }

  #seekStale(node: Node, level: number, start: Key | null): boolean {
    if (node.stale === 0) return false;
    if (level === this.#height) {
      const leaf = node as Leaf;
      for (let at = start === null ? 0 : lowerBound(leaf.keys, start); at < leaf.keys.length; at++) {
        if (leaf.older?.[at] === undefined && !isTombstoneCode(leaf.rows[at * ROW + CODE]!)) continue;
        this.leaf = leaf;
        this.at = at;
        return true;
      }
      return false;
    }
    const branch = node as Branch;
    this.#path[level] = branch;
    const first = start === null ? 0 : upperBound(branch.bounds, start);
    for (let i = first; i < branch.children.length; i++) {
      this.#taken[level] = i;
      if (this.#seekStale(branch.children[i]!, level + 1, i === first ? start : null)) return true;
    }
    return false;
  }

  #setOlder(older: Older | undefined): void {
    if (this.leaf.older !== undefined) this.leaf.older[this.at] = older;
    else assert(older === undefined, 'a leaf without older versions stays so');
  }

  /** Carries a change of the entry in use up to the root. */
  #adjust(live: number, stale: number, newest: number): void {
    adjust(this.leaf, live, stale, newest);
    for (let level = 0; level < this.#height; level++) adjust(this.#path[level]!, live, stale, newest);
  }

  #splitLeaf(): void {
    const { leaf, at } = this;
    const right = new Leaf();
    // Keys that come in order would leave every leaf half empty: then the full one stays as it is.
    const cut = at === WIDTH ? WIDTH - 1 : WIDTH / 2;
    right.keys = leaf.keys.slice(cut);
    leaf.keys = leaf.keys.slice(0, cut);
    right.rows.set(leaf.rows.subarray(cut * ROW));
    if (leaf.older !== undefined) {
      right.older = leaf.older.slice(cut);
      leaf.older = leaf.older.slice(0, cut);
    }
    sumLeaf(right);
    right.newest = leaf.newest;
    leaf.live -= right.live;
    leaf.stale -= right.stale;
    this.#addSibling(this.#height, right, right.keys[0]!);
  }

  /** Hangs `node` right beside the one in use at `level`; every key below it is >= `bound`. */
  #addSibling(level: number, node: Node, bound: Key): void {
    if (level === 0) {
      const root = new Branch();
      root.children = [this.#root, node];
      root.bounds = [bound];
      sumBranch(root);
      this.#root = root;
      this.#height++;
      return;
    }
    const parent = this.#path[level - 1]!;
    const place = this.#taken[level - 1]! + 1;
    parent.children.splice(place, 0, node);
    parent.bounds.splice(place - 1, 0, bound);
    if (parent.children.length <= WIDTH) return;
    const cut = place === WIDTH ? WIDTH - 1 : WIDTH / 2;
    const right = new Branch();
    right.children = parent.children.splice(cut);
    right.bounds = parent.bounds.splice(cut);
    const between = parent.bounds.pop()!;
    sumBranch(right);
    sumBranch(parent);
    this.#addSibling(level - 1, right, between);
  }

  /** After a removal: no empty node on the path, no small one whose neighbour has room, no branch with one child on top. */
  #tidy(): void {
    for (let level = this.#height; level > 0; level--) {
      const parent = this.#path[level - 1]!;
      const place = this.#taken[level - 1]!;
      const isLeaf = level === this.#height;
      const size = sizeOf(parent.children[place]!, isLeaf);
      if (size === 0) {
        parent.children.splice(place, 1);
        if (parent.bounds.length > 0) parent.bounds.splice(Math.max(place - 1, 0), 1);
      } else if (place + 1 < parent.children.length && size + sizeOf(parent.children[place + 1]!, isLeaf) <= MERGED) {
        merge(parent, place, isLeaf);
      } else if (place > 0 && size + sizeOf(parent.children[place - 1]!, isLeaf) <= MERGED) {
        merge(parent, place - 1, isLeaf);
      }
    }
    while (this.#height > 0 && (this.#root as Branch).children.length <= 1) {
      const only = (this.#root as Branch).children[0];
      this.#root = only ?? new Leaf();
      this.#height = only === undefined ? 0 : this.#height - 1;
    }
  }
}

/** The first place whose key is >= `key`. */
export function lowerBound(keys: readonly Key[], key: Key): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first place whose key is > `key`. */
function upperBound(keys: readonly Key[], key: Key): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function writeRow(rows: Float64Array, at: number, main: number, code: number, created: number, version: number): void {
  const row = at * ROW;
  rows[row + MAIN] = main;
  rows[row + CODE] = code;
  rows[row + CREATED] = created;
  rows[row + VERSION] = version;
}

function adjust(node: Node, live: number, stale: number, newest: number): void {
  node.live += live;
  node.stale += stale;
  if (newest > node.newest) node.newest = newest;
}

function sumLeaf(leaf: Leaf): void {
  leaf.live = 0;
  leaf.stale = 0;
  for (let at = 0; at < leaf.keys.length; at++) {
    if (isTombstoneCode(leaf.rows[at * ROW + CODE]!)) leaf.stale++;
    else leaf.live++;
    leaf.stale += (leaf.older?.[at]?.length ?? 0) / 2;
  }
}

function sumBranch(branch: Branch): void {
  branch.live = 0;
  branch.stale = 0;
  branch.newest = 0;
  for (const child of branch.children) adjust(branch, child.live, child.stale, child.newest);
}

function sizeOf(node: Node, isLeaf: boolean): number {
  return isLeaf ? (node as Leaf).keys.length : (node as Branch).children.length;
}

/** Moves what children[place + 1] holds into its left neighbour. */
function merge(parent: Branch, place: number, areLeaves: boolean): void {
  const left = parent.children[place]!;
  const right = parent.children[place + 1]!;
  const bound = parent.bounds[place]!;
  parent.children.splice(place + 1, 1);
  parent.bounds.splice(place, 1);
  if (areLeaves) mergeLeaves(left as Leaf, right as Leaf);
  else {
    (left as Branch).children.push(...(right as Branch).children);
    (left as Branch).bounds.push(bound, ...(right as Branch).bounds);
  }
  adjust(left, right.live, right.stale, right.newest);
}

function mergeLeaves(left: Leaf, right: Leaf): void {
  const count = left.keys.length;
  left.rows.set(right.rows.subarray(0, right.keys.length * ROW), count * ROW);
  if (left.older !== undefined || right.older !== undefined) {
    left.older ??= new Array<Older | undefined>(count).fill(undefined);
    left.older.push(...(right.older ?? new Array<Older | undefined>(right.keys.length).fill(undefined)));
  }
  left.keys.push(...right.keys);
}
