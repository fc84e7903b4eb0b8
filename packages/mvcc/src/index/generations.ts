/*
 * One key's lives: every version of it that is still known, oldest first.
 *
 *   put 1.0   put 2.0   delete 3.0 | put 4.0   delete 5.0 | put 6.0
 *   `---------- one life -------'   `--- another --'        `- the present one: createRevision 6, version 1
 *
 *   compacted at 2:            2.0   delete 3.0 | 4.0   delete 5.0 | 6.0
 *   compacted at 4:                               4.0   delete 5.0 | 6.0
 *   compacted at 5:                                     delete 5.0 | 6.0      a tombstone at the very revision stays:
 *   compacted at 6:                                                  6.0      who watches from there must still see it
 *
 * The newest version (the *head*) is four numbers in a row of the index; only keys that changed more than once have an
 * array of older ones. `code` packs the rest of a version: sub * 2 + (is it a tombstone).
 *
 * Invariant: (main, sub) strictly ascends through `older` and on to the head.
 */

/** Numbers in a row: the head's main revision, its code, and of a put the createRevision and version. */
export const ROW = 4;
export const MAIN = 0;
export const CODE = 1;
export const CREATED = 2;
export const VERSION = 3;

/** Older versions as (main, code) pairs. */
export type Older = number[];

/** Arrays up to here are made to measure; longer ones grow by the engine's own steps. */
const EXACT = 16;

export function codeOf(sub: number, tombstone: boolean): number {
  return tombstone ? sub * 2 + 1 : sub * 2;
}

export function subOf(code: number): number {
  return Math.floor(code / 2);
}

export function isTombstoneCode(code: number): boolean {
  // `&` keeps the low bits of any whole number, and costs less than `%`
  return (code & 1) === 1;
}

/** `older` with one more version at its end. Use only the answer. */
export function appendOlder(older: Older | undefined, main: number, code: number): Older {
  if (older === undefined) return [main, code];
  if (older.length < EXACT) return [...older, main, code];
  older.push(main, code);
  return older;
}

/**
 * The newest version at or below main revision `revision`.
 * @returns where its pair begins in `older`; negative when all are newer
 */
export function newestOlder(older: Older, revision: number): number {
  let low = 0;
  let high = older.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (older[middle * 2]! <= revision) low = middle + 1;
    else high = middle;
  }
  return (low - 1) * 2;
}

/** What a compaction leaves of a key. */
export interface Survivors {
  readonly older: Older | undefined;
  /** The head is gone too, and with it the key. */
  readonly gone: boolean;
}

/**
 * Compacts a key at main revision `revision`: of the versions at or below it only the newest stays, and not even that
 * when it is a tombstone from before. Tombstones at the very revision stay.
 * @param drop  is called for every version that goes
 */
export function compactLives(
  headMain: number,
  headCode: number,
  older: Older | undefined,
  revision: number,
  drop: (main: number, code: number) => void,
): Survivors {
  const headStays = headMain >= revision || !isTombstoneCode(headCode);
  if (!headStays) drop(headMain, headCode);
  if (older === undefined) return { older, gone: !headStays };

  const newest = headMain <= revision ? older.length : newestOlder(older, revision);
  const edge = Math.min(newest + 2, older.length);
  const kept: Older = [];
  for (let at = 0; at < edge; at += 2) {
    // One request may delete a key and put it again: then both of its changes at the revision are still of use.
    const stays = isTombstoneCode(older[at + 1]!) ? older[at]! === revision : at === newest;
    if (stays) kept.push(older[at]!, older[at + 1]!);
    else drop(older[at]!, older[at + 1]!);
  }
  if (kept.length === edge) return { older, gone: false };
  const left = kept.concat(older.slice(edge));
  return { older: left.length === 0 ? undefined : left, gone: !headStays };
}
