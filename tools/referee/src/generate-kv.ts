import fc, { type Arbitrary } from 'fast-check';
import {
  filterRevision,
  hugeValue,
  key,
  keys,
  lease,
  leaseIds,
  maxInt64,
  maybeRevision,
  mostly,
  range,
  seldom,
  value,
} from './generate-values.js';
import type { Bytes, Compare, Delete, Put, Range, Txn, TxnOperation } from './operation.js';

/** @param knownSort only sort options of the enumeration: 3.5 lets others pass, so a write beside one would diverge */
export function rangeOperation(knownSort: boolean): Arbitrary<Range> {
  return fc
    .record({
      range,
      limit: mostly(0n, [1n, 2n, 5n, -1n, maxInt64], 2),
      revision: maybeRevision,
      order: knownSort ? mostly(0, [1, 2], 2) : mostly(0, [1, 2, 3, -1], 2),
      // No target outside the enumeration: it ends etcd 3.5 (a nil dereference), and with it the reference.
      target: mostly(0, [1, 2, 3, 4], 1),
      serializable: seldom,
      keysOnly: seldom,
      countOnly: seldom,
      minMod: filterRevision,
      maxMod: filterRevision,
      minCreate: filterRevision,
      maxCreate: filterRevision,
    })
    .map(({ range: { key, end }, ...rest }) => ({ kind: 'range', key, end, ...rest }));
}

export const put: Arbitrary<Put> = fc.record({
  kind: fc.constant('put' as const),
  key,
  value,
  lease,
  prevKv: seldom,
  ignoreValue: mostly(false, [true], 12),
  ignoreLease: mostly(false, [true], 12),
});
function plainPut(of: readonly Bytes[]): Arbitrary<Put> {
  return fc.record({
    kind: fc.constant('put' as const),
    key: fc.constantFrom(...of),
    value,
    lease: mostly(0n, leaseIds, 12),
    prevKv: seldom,
    ignoreValue: fc.constant(false),
    ignoreLease: fc.constant(false),
  });
}
export const hugePut: Arbitrary<Put> = fc.record({
  kind: fc.constant('put' as const),
  key: fc.constantFrom('a', 'b'),
  value: hugeValue,
  lease: fc.constant(0n),
  prevKv: fc.boolean(),
  ignoreValue: fc.constant(false),
  ignoreLease: fc.constant(false),
});
/** Mostly one key: a store that is emptied all the time shows nothing. */
const removed: Arbitrary<{ key: Bytes; end: Bytes }> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ key, end: fc.constant('') }) },
  { weight: 1, arbitrary: range },
);
export const remove: Arbitrary<Delete> = fc
  .record({ range: removed, prevKv: seldom })
  .map(({ range: { key, end }, prevKv }) => ({ kind: 'delete', key, end, prevKv }));

const operand: Arbitrary<NonNullable<Compare['operand']>> = fc.oneof(
  fc.record({ kind: fc.constant('version' as const), number: fc.constantFrom(0n, 1n, 2n, -1n, maxInt64) }),
  fc.record({ kind: fc.constant('create' as const), revision: maybeRevision }),
  fc.record({ kind: fc.constant('mod' as const), revision: maybeRevision }),
  fc.record({ kind: fc.constant('value' as const), value: fc.constantFrom('', 'x', 'y', '\0') }),
  fc.record({ kind: fc.constant('lease' as const), number: fc.constantFrom(0n, ...leaseIds) }),
);
const targets: Readonly<Record<NonNullable<Compare['operand']>['kind'], number>> = {
  version: 0,
  create: 1,
  mod: 2,
  value: 3,
  lease: 4,
};
const compare: Arbitrary<Compare> = fc
  .record({
    range: fc.oneof({ weight: 3, arbitrary: key.map((k) => ({ key: k, end: '' })) }, { weight: 1, arbitrary: range }),
    result: mostly(0, [1, 2, 3, 1, 2, 3, 4, -1], 3),
    operand: fc.option(operand, { freq: 12, nil: undefined }),
    // Seldom a target the operand is not for, or none at all.
    otherTarget: mostly<number | undefined>(undefined, [0, 1, 2, 3, 4, 5, -1], 10),
  })
  .map(({ range: { key, end }, result, operand, otherTarget }) => ({
    key,
    end,
    target: otherTarget ?? (operand === undefined ? 0 : targets[operand.kind]),
    result,
    ...(operand === undefined ? {} : { operand }),
  }));

const many: Arbitrary<TxnOperation> = fc.record({
  kind: fc.constant('many' as const),
  of: fc.constantFrom('put' as const, 'range' as const),
  prefix: fc.constantFrom('m', 'n'),
  count: fc.constantFrom(2, 20, 126, 127, 128, 129),
});

function txnOperation(depth: number): Arbitrary<TxnOperation> {
  return fc.oneof(
    { weight: 6, arbitrary: rangeOperation(true) },
    { weight: 8, arbitrary: put },
    { weight: 4, arbitrary: remove },
    { weight: depth > 0 ? 4 : 0, arbitrary: depth > 0 ? txn(depth - 1) : remove },
    { weight: 1, arbitrary: many },
    { weight: 1, arbitrary: fc.constant<TxnOperation>({ kind: 'empty' }) },
  );
}

export function txn(depth: number): Arbitrary<Txn> {
  return fc.record({
    kind: fc.constant('txn' as const),
    compares: fc.array(compare, { maxLength: 3 }),
    moreCompares: mostly(0, [126, 127, 128, 129], 30),
    success: fc.array(txnOperation(depth), { maxLength: 4 }),
    failure: fc.array(txnOperation(depth), { maxLength: 3 }),
  });
}

/**
 * A transaction that is accepted: every key is written at most once, and the levels of nesting write different ones.
 * Wild ones are mostly refused, and then say nothing about what a transaction does.
 */
export function plainTxn(depth: number): Arbitrary<Txn> {
  const own = keys.filter((_, i) => i % 3 === depth);
  const write = fc.oneof(
    { weight: 3, arbitrary: plainPut(own) },
    { weight: 1, arbitrary: fc.record({ key: fc.constantFrom(...own), prevKv: seldom }).map(deleteOne) },
  );
  const read = rangeOperation(true).filter(({ key: from }) => from !== '');
  const inner: Arbitrary<TxnOperation> = depth > 0 ? plainTxn(depth - 1) : read;
  const branch = fc
    .record({
      writes: fc.uniqueArray(write, { maxLength: 3, selector: (operation) => operation.key }),
      reads: fc.array(read, { maxLength: 2 }),
      inner: fc.array(inner, { maxLength: 1 }),
      many: mostly(0, [2, 20], 12),
      order: fc.nat(),
    })
    .map(({ writes, reads, inner: nested, many: count, order }): TxnOperation[] => {
      const batch: TxnOperation[] = count === 0 ? [] : [{ kind: 'many', of: 'put', prefix: `${depth}m`, count }];
      const all: TxnOperation[] = [...reads, ...writes, ...nested, ...batch];
      return all.map((_, i) => all[(i + order) % all.length]!);
    });
  const compares = fc.array(
    compare.filter(({ key: from }) => from !== ''),
    { maxLength: 2 },
  );
  return fc.record({
    kind: fc.constant('txn' as const),
    compares,
    moreCompares: fc.constant(0),
    success: branch,
    failure: branch,
  });
}

function deleteOne({ key: one, prevKv }: { key: Bytes; prevKv: boolean }): Delete {
  return { kind: 'delete', key: one, end: '', prevKv };
}

/** Only reads: these may carry sort options outside the enumeration, and skip raft. */
export const readTxn: Arbitrary<Txn> = fc.record({
  kind: fc.constant('txn' as const),
  compares: fc.array(compare, { maxLength: 2 }),
  moreCompares: fc.constant(0),
  success: fc.array(rangeOperation(false), { maxLength: 3 }),
  failure: fc.array(rangeOperation(false), { maxLength: 2 }),
});
