import { assert } from './assert.js';

/**
 * Half-open ranges over latin1 strings, each with its values: who watches this key, which grants cover that range.
 *
 * A search tree by (start, end) that keeps itself balanced (AVL) and knows in every node the highest end below it
 * (Cormen et al., "Introduction to Algorithms", §14.3). `add` and `delete` take O(log n), `stab` O(log n + hits).
 *
 * Invariants: in order by (start, end), every pair once, with at least one value; the heights of two siblings differ by one at most;
 * `maxEnd` is the highest `end` of the subtree. An `end` of undefined is above every string.
 */
export class IntervalTree<V> {
  #root: Node<V> | undefined;
  #size = 0;

  /** Values held, over all ranges. */
  get size(): number {
    return this.#size;
  }

  /** The range must not be empty, and must not have this value already. */
  add(start: string, end: string | undefined, value: V): void {
    assert(end === undefined || start < end, 'an interval holds at least one point');
    this.#root = insert(this.#root, start, end, value);
    this.#size++;
  }

  /** @returns false when that range did not have that value */
  delete(start: string, end: string | undefined, value: V): boolean {
    const node = find(this.#root, start, end);
    if (node === undefined || !node.has(value)) return false;
    if (node.count > 1) node.deleteValue(value);
    else this.#root = remove(this.#root!, start, end);
    this.#size--;
    return true;
  }

  /** Calls `visit` with every value whose range contains the point. `visit` must not change the tree. */
  forEachAt(point: string, visit: (value: V) => void): void {
    visitAt(this.#root, point, visit);
  }

  /** Every value whose range contains the point, as of now: the tree may change while they are looked at. */
  stab(point: string): Iterable<V> {
    const found: V[] = [];
    visitAt(this.#root, point, (value) => found.push(value));
    return found;
  }

  /** Every value whose range has a point in common with `[start, end)`, as of now. */
  overlapping(start: string, end: string | undefined): Iterable<V> {
    const found: V[] = [];
    if (end === undefined || start < end) visitOverlapping(this.#root, start, end, (value) => found.push(value));
    return found;
  }
}

/** One range. Nearly all have one value, so a set is only made for the second. */
class Node<V> {
  left: Node<V> | undefined = undefined;
  right: Node<V> | undefined = undefined;
  height = 1;
  maxEnd: string | undefined;
  #one: V;
  #many: Set<V> | undefined;

  constructor(
    readonly start: string,
    readonly end: string | undefined,
    value: V,
  ) {
    this.maxEnd = end;
    this.#one = value;
  }

  get count(): number {
    return this.#many === undefined ? 1 : this.#many.size;
  }

  has(value: V): boolean {
    return this.#many === undefined ? this.#one === value : this.#many.has(value);
  }

  addValue(value: V): void {
    assert(!this.has(value), 'a value is added to a range once');
    this.#many ??= new Set([this.#one]);
    this.#many.add(value);
  }

  deleteValue(value: V): void {
    this.#many!.delete(value);
    // Not to keep alive what was deleted.
    for (const left of this.#many!) {
      this.#one = left;
      break;
    }
  }

  forEach(visit: (value: V) => void): void {
    if (this.#many === undefined) visit(this.#one);
    else for (const value of this.#many) visit(value);
  }
}

function isBelow(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && (b === undefined || a < b);
}

/** Below 0, 0 or above 0: order by start, then by end. */
function order(start: string, end: string | undefined, node: { start: string; end: string | undefined }): number {
  if (start !== node.start) return start < node.start ? -1 : 1;
  return end === node.end ? 0 : isBelow(end, node.end) ? -1 : 1;
}

function find<V>(root: Node<V> | undefined, start: string, end: string | undefined): Node<V> | undefined {
  let node = root;
  while (node !== undefined) {
    const side = order(start, end, node);
    if (side === 0) return node;
    node = side < 0 ? node.left : node.right;
  }
  return undefined;
}

function insert<V>(node: Node<V> | undefined, start: string, end: string | undefined, value: V): Node<V> {
  if (node === undefined) return new Node(start, end, value);
  const side = order(start, end, node);
  if (side === 0) {
    node.addValue(value);
    return node;
  }
  if (side < 0) node.left = insert(node.left, start, end, value);
  else node.right = insert(node.right, start, end, value);
  return balance(node);
}

/** Takes out the node of exactly that range, which must be there. */
function remove<V>(node: Node<V>, start: string, end: string | undefined): Node<V> | undefined {
  const side = order(start, end, node);
  if (side < 0) node.left = remove(node.left!, start, end);
  else if (side > 0) node.right = remove(node.right!, start, end);
  else {
    if (node.left === undefined) return node.right;
    if (node.right === undefined) return node.left;
    let next = node.right;
    while (next.left !== undefined) next = next.left;
    next.right = remove(node.right, next.start, next.end);
    next.left = node.left;
    return balance(next);
  }
  return balance(node);
}

function heightOf(node: { height: number } | undefined): number {
  return node === undefined ? 0 : node.height;
}

/** Recomputes what a node says about its subtree, whose halves are already right. */
function update<V>(node: Node<V>): void {
  const { left, right } = node;
  node.height = 1 + Math.max(heightOf(left), heightOf(right));
  let maxEnd = node.end;
  if (left !== undefined && isBelow(maxEnd, left.maxEnd)) maxEnd = left.maxEnd;
  if (right !== undefined && isBelow(maxEnd, right.maxEnd)) maxEnd = right.maxEnd;
  node.maxEnd = maxEnd;
}

/** Mends a node whose halves are balanced and differ in height by two at most. */
function balance<V>(node: Node<V>): Node<V> {
  const lean = heightOf(node.left) - heightOf(node.right);
  if (lean > 1) {
    const left = node.left!;
    if (heightOf(left.left) < heightOf(left.right)) node.left = rotateLeft(left);
    return rotateRight(node);
  }
  if (lean < -1) {
    const right = node.right!;
    if (heightOf(right.right) < heightOf(right.left)) node.right = rotateRight(right);
    return rotateLeft(node);
  }
  update(node);
  return node;
}

function rotateLeft<V>(node: Node<V>): Node<V> {
  const up = node.right!;
  node.right = up.left;
  up.left = node;
  update(node);
  update(up);
  return up;
}

function rotateRight<V>(node: Node<V>): Node<V> {
  const up = node.left!;
  node.left = up.right;
  up.right = node;
  update(node);
  update(up);
  return up;
}

function visitAt<V>(root: Node<V> | undefined, point: string, visit: (value: V) => void): void {
  let node = root;
  // No range below ends above the point: nothing there holds it.
  while (node !== undefined && (node.maxEnd === undefined || point < node.maxEnd)) {
    visitAt(node.left, point, visit);
    // Everything to the right starts later still.
    if (point < node.start) return;
    if (node.end === undefined || point < node.end) node.forEach(visit);
    node = node.right;
  }
}

function visitOverlapping<V>(
  root: Node<V> | undefined,
  start: string,
  end: string | undefined,
  visit: (value: V) => void,
): void {
  let node = root;
  while (node !== undefined && (node.maxEnd === undefined || start < node.maxEnd)) {
    visitOverlapping(node.left, start, end, visit);
    if (end !== undefined && node.start >= end) return;
    if (node.end === undefined || start < node.end) node.forEach(visit);
    node = node.right;
  }
}
