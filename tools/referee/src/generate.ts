import fc, { type Arbitrary } from 'fast-check';
import { rawMessage, rawStreamMessage } from './generate-raw.js';
import type {
  Bytes,
  Compare,
  Delete,
  History,
  LeaseName,
  Operation,
  Put,
  Range,
  Revision,
  Txn,
  TxnOperation,
  Value,
  WatchCreate,
} from './operation.js';

const maxInt64 = 2n ** 63n - 1n;
const minInt64 = -(2n ** 63n);

/** Few keys, so that histories meet again and again, and the ones where byte order and range ends are delicate. */
const keys: readonly Bytes[] = ['a', 'a\0', 'aa', 'ab', 'b', 'b\xff', 'c', '\0', '\0\0', '\xff', '\xff\xff', 'm1'];
const ends: readonly Bytes[] = ['\0', 'b', 'a\0', 'a\x01', 'c', 'd', 'aa', 'z', '\xff', '\xff\xff\xff', '\x01'];

const key: Arbitrary<Bytes> = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...keys) },
  { weight: 1, arbitrary: fc.constant('') },
);
/** A range: mostly one key or everything; sometimes empty or upside down. */
const range: Arbitrary<{ key: Bytes; end: Bytes }> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ key, end: fc.constant('') }) },
  { weight: 4, arbitrary: fc.constant({ key: '\0', end: '\0' }) },
  { weight: 4, arbitrary: fc.record({ key, end: fc.constantFrom(...ends) }) },
);

/** `often` to one times what is expected, else one of the rest. */
function mostly<T>(usual: T, others: readonly T[], often = 8): Arbitrary<T> {
  return fc.oneof(
    { weight: often, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
}

const seldom: Arbitrary<boolean> = mostly(false, [true], 5);
const zero: Revision = { from: 'zero', plus: 0n };
const offset: Arbitrary<bigint> = fc.bigInt({ min: -3n, max: 3n });
const revision: Arbitrary<Revision> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ from: fc.constant('current' as const), plus: fc.bigInt({ min: -8n, max: 2n }) }),
  },
  { weight: 3, arbitrary: fc.record({ from: fc.constant('start' as const), plus: fc.bigInt({ min: 0n, max: 6n }) }) },
  { weight: 2, arbitrary: fc.record({ from: fc.constant('compacted' as const), plus: offset }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(-1n, 1n, 2n, minInt64, maxInt64).map((plus) => ({ from: 'zero' as const, plus })),
  },
);
const maybeRevision: Arbitrary<Revision> = fc.oneof(
  { weight: 5, arbitrary: fc.constant(zero) },
  { weight: 2, arbitrary: revision },
);
const filterRevision: Arbitrary<Revision> = fc.oneof(
  { weight: 16, arbitrary: fc.constant(zero) },
  { weight: 1, arbitrary: revision },
);

const value: Arbitrary<Value> = fc.oneof(
  { weight: 40, arbitrary: fc.constantFrom('', 'x', 'y', 'z', '\0', '\xff', 'x\0') },
  { weight: 1, arbitrary: fc.constant({ size: 3_000 }) },
);
/** Around what a request may hold, and what a gRPC message may; never near enough to depend on an id's length. */
const hugeValue: Arbitrary<Value> = fc.constantFrom(
  { size: 700_000 },
  { size: 1_572_000 },
  { size: 1_573_500 },
  { size: 2_096_000 },
  { size: 2_097_200 },
);

const leaseIds: readonly bigint[] = [1n, 2n, -1n, maxInt64, minInt64];
const leaseName: Arbitrary<LeaseName> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<bigint[]>(...leaseIds) },
  { weight: 1, arbitrary: fc.constantFrom<LeaseName[]>(0n, 999n, { auto: 0 }, { auto: 1 }) },
);
const lease: Arbitrary<bigint> = fc.oneof(
  { weight: 20, arbitrary: fc.constant(0n) },
  { weight: 6, arbitrary: fc.constantFrom(...leaseIds) },
  { weight: 1, arbitrary: fc.constant(999n) },
);
/** Long enough not to expire within a run; the short ones are `expire`'s business. */
const ttl: Arbitrary<bigint> = mostly(1_000n, [600n, 9_000_000_000n, 9_000_000_001n, maxInt64]);

/** @param knownSort only sort options of the enumeration: 3.5 lets others pass, so a write beside one would diverge */
function rangeOperation(knownSort: boolean): Arbitrary<Range> {
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

const put: Arbitrary<Put> = fc.record({
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
const hugePut: Arbitrary<Put> = fc.record({
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
const remove: Arbitrary<Delete> = fc
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

function txn(depth: number): Arbitrary<Txn> {
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
function plainTxn(depth: number): Arbitrary<Txn> {
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
const readTxn: Arbitrary<Txn> = fc.record({
  kind: fc.constant('txn' as const),
  compares: fc.array(compare, { maxLength: 2 }),
  moreCompares: fc.constant(0),
  success: fc.array(rangeOperation(false), { maxLength: 3 }),
  failure: fc.array(rangeOperation(false), { maxLength: 2 }),
});

const stream: Arbitrary<number> = fc.constantFrom(0, 1);
const watchId: Arbitrary<bigint> = mostly(0n, [1n, 2n, 7n, -2n, maxInt64], 5);
const watch: Arbitrary<WatchCreate> = fc
  .record({
    stream,
    range,
    start: fc.oneof(
      { weight: 3, arbitrary: fc.constant(zero) },
      { weight: 4, arbitrary: revision.filter((start) => start.plus > minInt64) },
    ),
    filters: fc.oneof(
      { weight: 6, arbitrary: fc.constant<number[]>([]) },
      { weight: 2, arbitrary: fc.constantFrom([0], [1], [0, 1], [1, 1], [2], [-1, 0]) },
    ),
    prevKv: fc.boolean(),
    progressNotify: seldom,
    fragment: seldom,
    id: watchId,
  })
  .map(({ range: { key, end }, ...rest }) => ({ kind: 'watch', key, end, ...rest }));

const operation: Arbitrary<Operation> = fc.oneof(
  { weight: 30, arbitrary: put },
  { weight: 24, arbitrary: rangeOperation(false) },
  { weight: 10, arbitrary: remove },
  { weight: 12, arbitrary: plainTxn(2) },
  { weight: 8, arbitrary: txn(2) },
  { weight: 3, arbitrary: readTxn },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('compact' as const), revision, physical: fc.boolean() }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      kind: fc.constant('grant' as const),
      id: fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...leaseIds) }, { weight: 1, arbitrary: fc.constant(0n) }),
      ttl,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('revoke' as const), id: leaseName }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('timeToLive' as const), id: leaseName, keys: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('keepAlive' as const), id: leaseName }) },
  { weight: 1, arbitrary: fc.constant<Operation>({ kind: 'leases' }) },
  { weight: 9, arbitrary: watch },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('cancelWatch' as const), stream, id: fc.constantFrom(0n, 1n, 7n, -1n) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('progress' as const), stream }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('hashKv' as const), revision: maybeRevision }) },
  { weight: 1, arbitrary: fc.constant<Operation>({ kind: 'status' }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('memberList' as const), linearizable: fc.boolean() }) },
  { weight: 2, arbitrary: rawMessage },
  { weight: 1, arbitrary: rawStreamMessage },
);

/** Rare ones: slow, or they change what everything after them does. */
const rareOperation: Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: hugePut },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('alarm' as const),
      // An unknown action ends etcd 3.5.
      action: fc.constantFrom(0, 0, 1, 2),
      member: fc.constantFrom<('self' | bigint)[]>('self', 0n, 7n),
      alarm: fc.constantFrom(0, 1, 1, 2),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('memberRefused' as const),
      call: fc.constantFrom('add' as const, 'remove' as const, 'update' as const, 'promote' as const),
      url: fc.constantFrom('', 'nonsense', 'ftp://127.0.0.1:1', 'http://127.0.0.1', 'http://127.0.0.1:1/path'),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Operation>({ kind: 'defragment' }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('moveLeader' as const),
      target: fc.constantFrom<('self' | bigint)[]>('self', 0n, 7n),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const), id: fc.constantFrom(1n, 77n, 77n), key }) },
  { weight: 1, arbitrary: fc.constant<Operation>({ kind: 'restart' }) },
);

const plain: Put = {
  kind: 'put',
  key: 'a',
  value: '',
  lease: 0n,
  prevKv: false,
  ignoreValue: false,
  ignoreLease: false,
};

/** @param length the most operations in a history, beyond the leases and keys it begins with */
export function histories(length: number): Arbitrary<History> {
  return fc
    .record({
      fresh: mostly(false, [true], 60),
      granted: fc.subarray([...leaseIds]),
      filled: fc.subarray([...keys]),
      operations: fc.array(fc.oneof({ weight: 60, arbitrary: operation }, { weight: 1, arbitrary: rareOperation }), {
        minLength: 1,
        maxLength: length,
        size: 'max',
      }),
    })
    .map(({ fresh, granted, filled, operations }) => ({
      fresh,
      operations: [
        ...granted.map((id): Operation => ({ kind: 'grant', id, ttl: 1_000n })),
        ...filled.map((one, i): Operation => ({ ...plain, key: one, value: ['x', 'y', ''][i % 3]! })),
        ...operations,
      ],
    }));
}
