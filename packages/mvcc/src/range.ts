import { toLatin1 } from '@kontiki/std';
import type { Key, KeyRange } from './types.js';

/** Exactly `key`. */
export function single(key: Key): KeyRange {
  return { start: key, end: `${key}\0`, single: true };
}

/** `[start, end)`; holds nothing when `end <= start`. */
export function between(start: Key, end: Key): KeyRange {
  return { start, end, single: false };
}

/** `start` and everything above it. */
export function from(start: Key): KeyRange {
  return { start, end: null, single: false };
}

export function all(): KeyRange {
  return { start: '', end: null, single: false };
}

/** Every key that begins with `start`. */
export function prefix(start: Key): KeyRange {
  for (let i = start.length - 1; i >= 0; i--) {
    const code = start.charCodeAt(i);
    if (code < 0xff) return between(start, start.slice(0, i) + String.fromCharCode(code + 1));
  }
  // Nothing sorts above a run of 0xff but its own extensions.
  return from(start);
}

/**
 * etcd's (key, range_end) pair: no end is the single key, the one byte 0x00 as end is no upper bound, and 0x00 for both
 * is everything.
 */
export function fromEtcd(key: Uint8Array, rangeEnd: Uint8Array): KeyRange {
  if (rangeEnd.length === 0) return single(toLatin1(key));
  if (rangeEnd.length !== 1 || rangeEnd[0] !== 0) return between(toLatin1(key), toLatin1(rangeEnd));
  return key.length === 1 && key[0] === 0 ? all() : from(toLatin1(key));
}

/** No key can be inside. */
export function isEmpty(range: KeyRange): boolean {
  return range.end !== null && range.end <= range.start;
}

export function contains(range: KeyRange, key: Key): boolean {
  return key >= range.start && (range.end === null || key < range.end);
}
