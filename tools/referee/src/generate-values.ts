import fc, { type Arbitrary } from 'fast-check';
import type { Bytes, LeaseName, Revision, Value } from './operation.js';

export const maxInt64 = 2n ** 63n - 1n;
export const minInt64 = -(2n ** 63n);

/** Few keys, so that histories meet again and again, and the ones where byte order and range ends are delicate. */
export const keys: readonly Bytes[] = [
  'a',
  'a\0',
  'aa',
  'ab',
  'b',
  'b\xff',
  'c',
  '\0',
  '\0\0',
  '\xff',
  '\xff\xff',
  'm1',
];
const ends: readonly Bytes[] = ['\0', 'b', 'a\0', 'a\x01', 'c', 'd', 'aa', 'z', '\xff', '\xff\xff\xff', '\x01'];

export const key: Arbitrary<Bytes> = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...keys) },
  { weight: 1, arbitrary: fc.constant('') },
);
/** A range: mostly one key or everything; sometimes empty or upside down. */
export const range: Arbitrary<{ key: Bytes; end: Bytes }> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ key, end: fc.constant('') }) },
  { weight: 4, arbitrary: fc.constant({ key: '\0', end: '\0' }) },
  { weight: 4, arbitrary: fc.record({ key, end: fc.constantFrom(...ends) }) },
);

/** `often` to one times what is expected, else one of the rest. */
export function mostly<T>(usual: T, others: readonly T[], often = 8): Arbitrary<T> {
  return fc.oneof(
    { weight: often, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
}

export const seldom: Arbitrary<boolean> = mostly(false, [true], 5);
export const zero: Revision = { from: 'zero', plus: 0n };
const offset: Arbitrary<bigint> = fc.bigInt({ min: -3n, max: 3n });
export const revision: Arbitrary<Revision> = fc.oneof(
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
export const maybeRevision: Arbitrary<Revision> = fc.oneof(
  { weight: 5, arbitrary: fc.constant(zero) },
  { weight: 2, arbitrary: revision },
);
export const filterRevision: Arbitrary<Revision> = fc.oneof(
  { weight: 16, arbitrary: fc.constant(zero) },
  { weight: 1, arbitrary: revision },
);

export const value: Arbitrary<Value> = fc.oneof(
  { weight: 40, arbitrary: fc.constantFrom('', 'x', 'y', 'z', '\0', '\xff', 'x\0') },
  { weight: 1, arbitrary: fc.constant({ size: 3_000 }) },
);
/** Around what a request may hold, and what a gRPC message may; never near enough to depend on an id's length. */
export const hugeValue: Arbitrary<Value> = fc.constantFrom(
  { size: 700_000 },
  { size: 1_572_000 },
  { size: 1_573_500 },
  { size: 2_096_000 },
  { size: 2_097_200 },
);

export const leaseIds: readonly bigint[] = [1n, 2n, -1n, maxInt64, minInt64];
export const leaseName: Arbitrary<LeaseName> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<bigint[]>(...leaseIds) },
  { weight: 1, arbitrary: fc.constantFrom<LeaseName[]>(0n, 999n, { auto: 0 }, { auto: 1 }) },
);
export const lease: Arbitrary<bigint> = fc.oneof(
  { weight: 20, arbitrary: fc.constant(0n) },
  { weight: 6, arbitrary: fc.constantFrom(...leaseIds) },
  { weight: 1, arbitrary: fc.constant(999n) },
);
/** Long enough not to expire within a run; the short ones are `expire`'s business. */
export const ttl: Arbitrary<bigint> = mostly(1_000n, [600n, 9_000_000_000n, 9_000_000_001n, maxInt64]);
