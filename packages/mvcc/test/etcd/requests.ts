import { fromLatin1 } from '@kontiki/std';
import type { Compare } from '../../src/txn/compare.js';
import type { Op, Txn } from '../../src/txn/txn.js';
import type { KeyRange, RangeOptions } from '../../src/types.js';

/* Requests in the form of etcd's JSON gateway. */

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const text = (key: string): string => base64(fromLatin1(key));

function bounds({ start, end, single }: KeyRange): object {
  if (single) return { key: text(start) };
  return { key: text(start === '' ? '\0' : start), range_end: text(end ?? '\0') };
}

function range(range: KeyRange, options: RangeOptions = {}): object {
  return {
    ...bounds(range),
    revision: options.revision ?? 0,
    limit: options.limit ?? 0,
    sort_order: (options.sortOrder ?? 'none').toUpperCase(),
    sort_target: (options.sortTarget ?? 'key').toUpperCase(),
    keys_only: options.keysOnly ?? false,
    count_only: options.countOnly ?? false,
    min_mod_revision: options.minModRevision ?? 0,
    max_mod_revision: options.maxModRevision ?? 0,
    min_create_revision: options.minCreateRevision ?? 0,
    max_create_revision: options.maxCreateRevision ?? 0,
  };
}

const OPERAND = { version: 'version', create: 'create_revision', mod: 'mod_revision' } as const;

function compare(compare: Compare): object {
  const { target, result } = compare;
  const head = {
    ...bounds(compare.range),
    target: target.toUpperCase(),
    result: result === 'notEqual' ? 'NOT_EQUAL' : result.toUpperCase(),
  };
  if (target === 'value') return { ...head, value: base64(compare.value ?? new Uint8Array()) };
  if (target === 'lease') return { ...head, lease: String(compare.lease ?? 0n) };
  if (target === 'unknown') throw new Error('the gateway has no name for it');
  return { ...head, [OPERAND[target]]: String(compare.number ?? 0) };
}

function operation(op: Op): object {
  switch (op.kind) {
    case 'range':
      return { request_range: range(op.range, op.options) };
    case 'put': {
      const { key, value, lease = 0n, prevKv = false, ignoreValue = false, ignoreLease = false } = op;
      const flags = { prev_kv: prevKv, ignore_value: ignoreValue, ignore_lease: ignoreLease };
      return { request_put: { key: text(key), value: base64(value), lease: String(lease), ...flags } };
    }
    case 'delete':
      return { request_delete_range: { ...bounds(op.range), prev_kv: op.prevKv ?? false } };
    case 'txn':
      return { request_txn: txnRequest(op.txn) };
  }
}

export function txnRequest(txn: Txn): object {
  return {
    compare: txn.compares.map(compare),
    success: txn.success.map(operation),
    failure: txn.failure.map(operation),
  };
}

/** Every operation of a transaction, wherever it is. */
export function operations(txn: Txn): Op[] {
  return [...txn.success, ...txn.failure].flatMap((op) => (op.kind === 'txn' ? [op, ...operations(op.txn)] : [op]));
}

/** Every comparison of a transaction, wherever it is. */
export function comparisons(txn: Txn): Compare[] {
  const nested = [...txn.success, ...txn.failure].flatMap((op) => (op.kind === 'txn' ? comparisons(op.txn) : []));
  return [...txn.compares, ...nested];
}
