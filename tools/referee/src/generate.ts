import fc, { type Arbitrary } from 'fast-check';
import { hugePut, plainTxn, put, rangeOperation, readTxn, remove, txn } from './generate-kv.js';
import { rawMessage, rawStreamMessage } from './generate-raw.js';
import {
  key,
  keys,
  leaseIds,
  leaseName,
  maxInt64,
  maybeRevision,
  minInt64,
  mostly,
  range,
  revision,
  seldom,
  ttl,
  zero,
} from './generate-values.js';
import type { History, Operation, Put, WatchCreate } from './operation.js';

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
