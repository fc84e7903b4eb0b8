/*
 * How one range is to be read: its options with their odd corners, which are etcd's, worked out.
 *
 * - A limit without order or filters reads one entry more than the limit; a sort target other than the key then sorts
 *   (ascending) just these.
 * - Filters apply after the read and before the limit. Neither they nor the limit touch `count`.
 */
import { compare } from '@kontiki/std';
import { compactedError, futureRevisionError } from '../errors.js';
import type { KeyValue, RangeOptions } from '../types.js';

export interface Plan {
  /** The state to read. */
  readonly at: number;
  /** Entries to read at most, and to answer at most. */
  readonly read: number;
  readonly answer: number;
  /** From the last key to the first. */
  readonly backwards: boolean;
  /** What must be known about an entry to let it through; undefined: all pass. */
  readonly filter: ((kv: KeyValue) => boolean) | undefined;
  /** Undefined: as read. */
  readonly sort: ((a: KeyValue, b: KeyValue) => number) | undefined;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
}

const EVERYTHING = Number.POSITIVE_INFINITY;

/**
 * @param current  the newest revision there is
 * @param compacted  the oldest that can be read
 * Throws `COMPACTED`, `FUTURE_REVISION`.
 */
export function planRange(options: RangeOptions, current: number, compacted: number): Plan {
  const asked = options.revision ?? 0;
  if (asked > current) throw futureRevisionError(asked, current);
  const at = asked > 0 ? asked : current;
  if (at < compacted) throw compactedError(at, compacted);

  const { sortOrder = 'none', sortTarget = 'key', limit = 0 } = options;
  const byKey = sortTarget === 'key';
  const answer = limit > 0 ? limit : EVERYTHING;
  const filter = filterOf(options);
  // Keys come in order anyway, either way round.
  const asRead = byKey || sortOrder === 'none';
  return {
    at,
    read: asRead && filter === undefined ? answer + 1 : EVERYTHING,
    answer,
    backwards: byKey && sortOrder === 'descend',
    filter,
    sort: byKey ? undefined : comparison(sortTarget, sortOrder === 'descend' ? -1 : 1),
    keysOnly: options.keysOnly === true,
    countOnly: options.countOnly === true,
  };
}

/** The entries to answer, and whether there were more. */
export function cut<T>(plan: Plan, entries: readonly T[]): { kept: readonly T[]; more: boolean } {
  const more = entries.length > plan.answer;
  return { kept: more ? entries.slice(0, plan.answer) : entries, more };
}

function filterOf(options: RangeOptions): Plan['filter'] {
  const { minModRevision = 0, maxModRevision = 0, minCreateRevision = 0, maxCreateRevision = 0 } = options;
  if (minModRevision === 0 && maxModRevision === 0 && minCreateRevision === 0 && maxCreateRevision === 0)
    return undefined;
  const mod = within(minModRevision, maxModRevision);
  const create = within(minCreateRevision, maxCreateRevision);
  return (kv) => mod(kv.modRevision) && create(kv.createRevision);
}

/** 0 is no bound; a negative one is. */
function within(min: number, max: number): (revision: number) => boolean {
  return (revision) => (min === 0 || revision >= min) && (max === 0 || revision <= max);
}

/** Equal entries stay in the order they were read in, that of their keys. */
function comparison(target: Exclude<RangeOptions['sortTarget'], 'key' | undefined>, sign: 1 | -1): Plan['sort'] {
  switch (target) {
    case 'version':
      return (a, b) => sign * (a.version - b.version);
    case 'create':
      return (a, b) => sign * (a.createRevision - b.createRevision);
    case 'mod':
      return (a, b) => sign * (a.modRevision - b.modRevision);
    case 'value':
      return (a, b) => sign * compare(a.value, b.value);
  }
}
