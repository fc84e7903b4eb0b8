/*
 * Comparisons of a transaction with the state before it, with etcd's odd corners: a value comparison with a key that
 * does not exist is never true, every other one takes it for zero; a range stands for each of its keys, an empty one for
 * a key that does not exist; an unknown target is equal, an unknown operator true.
 */
import { compare as compareBytes, EMPTY } from '@kontiki/std';
import { decodeKeyValue } from '../codec.js';
import type { Head } from '../index/key-index.js';
import type { KeyRange } from '../types.js';
import type { Source } from './view.js';

export interface Compare {
  readonly range: KeyRange;
  readonly target: 'version' | 'create' | 'mod' | 'value' | 'lease' | 'unknown';
  /** How what is stored stands to the operand. */
  readonly result: 'equal' | 'greater' | 'less' | 'notEqual' | 'unknown';
  /** The operand of `version`, `create` and `mod`; absent: 0. */
  readonly number?: number;
  /** The operand of `value`; absent: empty. */
  readonly value?: Uint8Array;
  /** The operand of `lease`; absent: 0. */
  readonly lease?: bigint;
}

/** Whether the comparison is true of the state `source` is in. */
export function holds(source: Source, compare: Compare): boolean {
  let empty = true;
  let all = true;
  const check = (head: Head): boolean => {
    empty = false;
    all = passes(compare, difference(source, compare, head));
    return all;
  };
  if (compare.range.single) {
    const head = source.index.head(compare.range.start);
    if (head !== undefined) check(head);
  } else source.index.forEachHead(compare.range, (_key, head) => check(head));
  if (!empty) return all;
  return compare.target !== 'value' && passes(compare, difference(source, compare, undefined));
}

/** Below, at or above zero, as what is stored is below, at or above the operand. `head` undefined: no such key. */
function difference(source: Source, compare: Compare, head: Head | undefined): number {
  const { target, number = 0, value = EMPTY, lease = 0n } = compare;
  switch (target) {
    case 'version':
      return (head?.version ?? 0) - number;
    case 'create':
      return (head?.createRevision ?? 0) - number;
    case 'mod':
      return (head?.main ?? 0) - number;
    case 'value': {
      const stored = head === undefined ? EMPTY : decodeKeyValue(source.load(head.main, head.sub, true)).value;
      return compareBytes(stored, value);
    }
    case 'lease': {
      const stored = head === undefined ? 0n : decodeKeyValue(source.load(head.main, head.sub, true)).lease;
      return stored < lease ? -1 : stored > lease ? 1 : 0;
    }
    case 'unknown':
      return 0;
  }
}

function passes(compare: Compare, difference: number): boolean {
  switch (compare.result) {
    case 'equal':
      return difference === 0;
    case 'notEqual':
      return difference !== 0;
    case 'greater':
      return difference > 0;
    case 'less':
      return difference < 0;
    case 'unknown':
      return true;
  }
}
