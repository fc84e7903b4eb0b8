/*
 * All keys, and where in history each was what: answers "which versions does this range show at that revision" without
 * the backend.
 *
 * Revisions given to `put` and `tombstone` must rise. Invariant: a key is here as long as one version of it is.
 */
import { assert } from '@kontiki/std';
import type { Key, KeyRange, Revision } from '../types.js';
import { BTree, type Leaf, type Node } from './btree.js';
import {
  CODE,
  CREATED,
  codeOf,
  compactLives,
  isTombstoneCode,
  MAIN,
  newestOlder,
  ROW,
  subOf,
  VERSION,
} from './generations.js';

/** The newest version of a key that exists. */
export interface Head extends Revision {
  readonly createRevision: number;
  readonly version: number;
}

/** What a change found: how to take it back, and for a put what it is to be stored with. */
export interface Undo {
  readonly key: Key;
  /** The key was unknown before. */
  readonly inserted: boolean;
  readonly createRevision: number;
  readonly version: number;
}

/** Receives the versions a walk found, in key order. */
export interface Hits {
  readonly mains: number[];
  readonly subs: number[];
}

export class KeyIndex {
  readonly #tree = new BTree();

  /** Keys that exist now. */
  get live(): number {
    return this.#tree.root.live;
  }

  /** Keys known, those whose last change was a delete included. */
  get size(): number {
    return this.#tree.size;
  }

  /** Versions a compaction could remove, at most. */
  get stale(): number {
    return this.#tree.root.stale;
  }

  put(key: Key, main: number, sub: number): Head & { readonly undo: Undo } {
    const tree = this.#tree;
    let createRevision = main;
    let version = 1;
    if (!tree.find(key)) {
      tree.insert(key, main, codeOf(sub, false), main, 1);
      return { main, sub, createRevision, version, undo: { key, inserted: true, createRevision: 0, version: 0 } };
    }
    const { rows } = tree.leaf;
    const row = tree.at * ROW;
    const undo: Undo = { key, inserted: false, createRevision: rows[row + CREATED]!, version: rows[row + VERSION]! };
    if (!isTombstoneCode(rows[row + CODE]!)) {
      createRevision = undo.createRevision;
      version = undo.version + 1;
    }
    tree.push(main, codeOf(sub, false), createRevision, version);
    return { main, sub, createRevision, version, undo };
  }

  /** Of a key that exists. */
  tombstone(key: Key, main: number, sub: number): Undo {
    const tree = this.#tree;
    assert(tree.find(key), 'only what exists is deleted');
    const { rows } = tree.leaf;
    const row = tree.at * ROW;
    assert(!isTombstoneCode(rows[row + CODE]!), 'only what exists is deleted');
    const undo: Undo = { key, inserted: false, createRevision: rows[row + CREATED]!, version: rows[row + VERSION]! };
    tree.push(main, codeOf(sub, true), 0, 0);
    return undo;
  }

  /** Takes the last change of a key back. */
  revert(undo: Undo): void {
    assert(this.#tree.find(undo.key), 'what was changed is there');
    if (undo.inserted) this.#tree.remove();
    else this.#tree.pop(undo.createRevision, undo.version);
  }

  /** A change read back from storage; those of a key in revision order. What came before the first may be compacted. */
  restore(key: Key, main: number, sub: number, tombstone: boolean, createRevision: number, version: number): void {
    const code = codeOf(sub, tombstone);
    const created = tombstone ? 0 : createRevision;
    const puts = tombstone ? 0 : version;
    if (this.#tree.find(key)) this.#tree.push(main, code, created, puts);
    else this.#tree.insert(key, main, code, created, puts);
  }

  head(key: Key): Head | undefined {
    const tree = this.#tree;
    if (!tree.find(key)) return undefined;
    return headOf(tree.leaf, tree.at);
  }

  /** The version the key shows right after main revision `revision`; undefined when it did not exist. */
  at(key: Key, revision: number): Revision | undefined {
    return this.#exists(key, revision) ? { main: foundMain, sub: subOf(foundCode) } : undefined;
  }

  /** As {@link versionAt}, of a key. */
  #exists(key: Key, revision: number): boolean {
    const tree = this.#tree;
    return tree.find(key) && versionAt(tree.leaf, tree.at, revision);
  }

  /** Adds what the range shows at `revision` to `hits`, until that has `limit` versions. */
  collect(range: KeyRange, revision: number, limit: number, backwards: boolean, hits: Hits): void {
    this.collectStep(range, revision, limit, backwards, hits, Number.POSITIVE_INFINITY);
  }

  /** As {@link collect}, but stops after about `budget` keys were looked at; answers what is left of the range. */
  collectStep(
    range: KeyRange,
    revision: number,
    limit: number,
    backwards: boolean,
    hits: Hits,
    budget: number,
  ): KeyRange | null {
    const { mains, subs } = hits;
    if (range.single) {
      if (mains.length < limit && this.#exists(range.start, revision)) {
        mains.push(foundMain);
        subs.push(subOf(foundCode));
      }
      return null;
    }
    let seen = 0;
    let rest: KeyRange | null = null;
    const enter = (node: Node): boolean => node.newest > revision || node.live > 0;
    const visit = (leaf: Leaf, from: number, to: number): boolean => {
      if (seen >= budget) {
        rest = backwards
          ? { start: range.start, end: `${leaf.keys[to - 1]}\0`, single: false }
          : { start: leaf.keys[from]!, end: range.end, single: false };
        return false;
      }
      seen += to - from;
      for (let i = from; i < to; i++) {
        if (mains.length >= limit) return false;
        if (!versionAt(leaf, backwards ? from + to - 1 - i : i, revision)) continue;
        mains.push(foundMain);
        subs.push(subOf(foundCode));
      }
      return true;
    };
    this.#tree.walk(range.start, range.end, { enter, visit }, backwards);
    return rest;
  }

  /** How many keys of the range exist at `revision`. Cheap where nothing changed since. */
  count(range: KeyRange, revision: number): number {
    return this.countStep(range, revision, Number.POSITIVE_INFINITY).count;
  }

  /** As {@link count}, but stops after about `budget` keys were looked at one by one. */
  countStep(range: KeyRange, revision: number, budget: number): { count: number; rest: KeyRange | null } {
    if (range.single) return { count: this.#exists(range.start, revision) ? 1 : 0, rest: null };
    let seen = 0;
    let rest: KeyRange | null = null;
    let count = 0;
    const enter = (node: Node): boolean => {
      if (node.newest > revision) return true;
      count += node.live;
      return false;
    };
    const visit = (leaf: Leaf, from: number, to: number): boolean => {
      if (seen >= budget) {
        rest = { start: leaf.keys[from]!, end: range.end, single: false };
        return false;
      }
      seen += to - from;
      for (let at = from; at < to; at++) if (versionAt(leaf, at, revision)) count++;
      return true;
    };
    this.#tree.walk(range.start, range.end, { enter, visit });
    return { count, rest };
  }

  /** Shows the keys of the range that exist now, in order, until `visit` answers false. */
  forEachHead(range: KeyRange, visit: (key: Key, head: Head) => boolean): void {
    this.#tree.walk(range.start, range.end, {
      enter: (node) => node.live > 0,
      visit: (leaf, from, to) => {
        for (let at = from; at < to; at++) {
          const head = headOf(leaf, at);
          if (head !== undefined && !visit(leaf.keys[at]!, head)) return false;
        }
        return true;
      },
    });
  }

  /**
   * Compacts keys at or above `start` at main revision `revision`, until about `budget` versions were dropped or looked at.
   * @param drop  is called for every version that goes, all those of a key in one step
   * @returns where to go on; null when done
   */
  compactStep(
    start: Key,
    revision: number,
    budget: number,
    drop: (key: Key, main: number, sub: number, tombstone: boolean) => void,
  ): Key | null {
    const tree = this.#tree;
    let spent = 0;
    let next = start;
    while (tree.findStale(next)) {
      const { leaf, at } = tree;
      const key = leaf.keys[at]!;
      if (spent >= budget) return key;
      const older = leaf.older?.[at];
      const left = compactLives(
        leaf.rows[at * ROW + MAIN]!,
        leaf.rows[at * ROW + CODE]!,
        older,
        revision,
        (main, code) => {
          spent++;
          drop(key, main, subOf(code), isTombstoneCode(code));
        },
      );
      if (left.gone) tree.remove();
      else if (left.older !== older) tree.shrink(left.older);
      spent++;
      next = `${key}\0`;
    }
    return null;
  }
}

function headOf(leaf: Leaf, at: number): Head | undefined {
  const { rows } = leaf;
  const row = at * ROW;
  const code = rows[row + CODE]!;
  if (isTombstoneCode(code)) return undefined;
  return {
    main: rows[row + MAIN]!,
    sub: subOf(code),
    createRevision: rows[row + CREATED]!,
    version: rows[row + VERSION]!,
  };
}

let foundMain = 0;
let foundCode = 0;

/** Whether the entry exists at `revision`; if so its version is in `foundMain` and `foundCode`. */
function versionAt(leaf: Leaf, at: number, revision: number): boolean {
  foundMain = leaf.rows[at * ROW + MAIN]!;
  foundCode = leaf.rows[at * ROW + CODE]!;
  if (foundMain > revision) {
    const older = leaf.older?.[at];
    if (older === undefined) return false;
    const pair = newestOlder(older, revision);
    if (pair < 0) return false;
    foundMain = older[pair]!;
    foundCode = older[pair + 1]!;
  }
  return !isTombstoneCode(foundCode);
}
