import { fromLatin1 } from '@kontiki/std';
import fc from 'fast-check';
import { all, between, from, single } from '../../src/range.js';
import type { Compare } from '../../src/txn/compare.js';
import type { Op, Txn } from '../../src/txn/txn.js';
import type { KeyRange, RangeOptions } from '../../src/types.js';

/** Few keys, so that histories are about the same ones; with the ends of the order among them. */
export const KEYS = ['\0', 'a', 'a\0', 'aa', 'b', 'b\xff', 'c', '\xff'];

/** A lease nobody has. */
export const NO_LEASE = 99n;

const keys = fc.constantFrom(...KEYS);
const values = fc.constantFrom('', '1', '2', '22', '\xff').map(fromLatin1);
const leases = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0n) },
  { weight: 4, arbitrary: fc.constantFrom(1n, 2n, -5n) },
  { weight: 1, arbitrary: fc.constant(NO_LEASE) },
);

export const ranges: fc.Arbitrary<KeyRange> = fc.oneof(
  { weight: 4, arbitrary: keys.map(single) },
  { weight: 2, arbitrary: fc.tuple(keys, keys).map(([a, b]) => between(a, b)) },
  { weight: 1, arbitrary: keys.map(from) },
  { weight: 1, arbitrary: fc.constant(all()) },
);

const bound = fc.integer({ min: -1, max: 12 });

/** Revisions are small numbers: some compacted, some current, some to come. */
export const rangeOptions: fc.Arbitrary<RangeOptions> = fc.record(
  {
    revision: fc.oneof(fc.constant(0), fc.integer({ min: -3, max: 20 })),
    limit: fc.integer({ min: -1, max: 5 }),
    sortOrder: fc.constantFrom('none', 'ascend', 'descend'),
    sortTarget: fc.constantFrom('key', 'version', 'create', 'mod', 'value'),
    keysOnly: fc.boolean(),
    countOnly: fc.nat(5).map((n) => n === 0),
    minModRevision: bound,
    maxModRevision: bound,
    minCreateRevision: bound,
    maxCreateRevision: bound,
  },
  { requiredKeys: [] },
);

const compares: fc.Arbitrary<Compare> = fc.record(
  {
    range: ranges,
    target: fc.constantFrom('version', 'create', 'mod', 'value', 'lease', 'unknown'),
    result: fc.constantFrom('equal', 'greater', 'less', 'notEqual', 'unknown'),
    number: fc.integer({ min: -1, max: 12 }),
    value: values,
    lease: leases,
  },
  { requiredKeys: ['range', 'target', 'result'] },
);

const flags = fc.boolean();

export const { txn: txns } = fc.letrec<{ txn: Txn; op: Op; ops: Op[] }>((tie) => ({
  op: fc.oneof(
    { depthSize: 'small', maxDepth: 3, withCrossShrink: true },
    {
      weight: 4,
      arbitrary: fc.record(
        {
          kind: fc.constant('put' as const),
          key: keys,
          value: values,
          lease: leases,
          prevKv: flags,
          ignoreValue: fc.nat(4).map((n) => n === 0),
          ignoreLease: fc.nat(4).map((n) => n === 0),
        },
        { requiredKeys: ['kind', 'key', 'value'] },
      ),
    },
    {
      weight: 2,
      arbitrary: fc.record(
        { kind: fc.constant('delete' as const), range: ranges, prevKv: flags },
        { requiredKeys: ['kind', 'range'] },
      ),
    },
    {
      weight: 2,
      arbitrary: fc.record(
        { kind: fc.constant('range' as const), range: ranges, options: rangeOptions },
        { requiredKeys: ['kind', 'range'] },
      ),
    },
    { weight: 1, arbitrary: tie('txn').map((txn): Op => ({ kind: 'txn', txn })) },
  ),
  ops: fc.array(tie('op'), { maxLength: 4 }),
  txn: fc.record({
    compares: fc.array(compares, { maxLength: 2 }),
    success: tie('ops'),
    failure: tie('ops'),
  }),
}));
