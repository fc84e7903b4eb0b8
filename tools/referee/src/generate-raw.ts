import fc, { type Arbitrary } from 'fast-check';
import type { Bytes, Operation } from './operation.js';
import { encode, varint } from './wire.js';

/** Methods that may get any bytes: none lets the server choose a number, and none that decodes can end a server. */
const paths: readonly string[] = [
  '/etcdserverpb.KV/Range',
  '/etcdserverpb.KV/Put',
  '/etcdserverpb.KV/DeleteRange',
  '/etcdserverpb.KV/Txn',
  '/etcdserverpb.Lease/LeaseRevoke',
  '/etcdserverpb.Lease/LeaseTimeToLive',
  '/etcdserverpb.Auth/AuthStatus',
  '/etcdserverpb.Cluster/MemberList',
];
const unknownPaths: readonly string[] = [
  '/etcdserverpb.KV/Nothing',
  '/etcdserverpb.KV/put',
  '/etcdserverpb.Nothing/Put',
  '/etcdserverpb.KV/',
  '/KV/Put',
  '/nothing',
  '/a/b/c',
];

function latin1(bytes: Uint8Array): Bytes {
  return Buffer.from(bytes).toString('latin1');
}

/** A tag: field number and wire type. */
function tag(number: number, wireType: number): Bytes {
  return latin1(varint((BigInt(number) << 3n) | BigInt(wireType)));
}

const valid: Bytes = latin1(
  encode([
    [1, 'a'],
    [2, 'x'],
  ]),
);

/** Each of these once broke some decoder. */
const brokenMessages: readonly Bytes[] = [
  // Length beyond the end, also negative and absurd.
  '\x0a\x05a',
  '\x0a\xff\xff\xff\xff\x0f',
  '\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f',
  '\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01',
  // A varint that never ends, one of eleven bytes, one with bits beyond 64.
  '\x18\xff',
  '\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01',
  '\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f',
  // Field 0; field numbers too large.
  '\x00\x00',
  '\x02\x00',
  `${latin1(varint((2n ** 32n) << 3n))}\x00`,
  // Wire types a field does not have.
  `${tag(1, 0)}\x01`,
  `${tag(1, 1)}12345678`,
  `${tag(1, 5)}1234`,
  `${tag(3, 2)}\x01a`,
  // Groups: an end without a start, a start without an end, a whole one, wire types 6 and 7.
  tag(1, 4),
  tag(1, 3),
  `${tag(100, 3)}${tag(100, 4)}`,
  tag(1, 6),
  tag(100, 7),
  // Unknown fields of every wire type are to be skipped.
  `${valid}${tag(100, 0)}\x01${tag(101, 2)}\x03abc${tag(102, 5)}1234${tag(103, 1)}12345678`,
  // Truncated unknown fields.
  `${tag(100, 1)}1234`,
  `${tag(101, 2)}\x05ab`,
  // The last of a repeated scalar counts; a varint may be longer than needed.
  `\x0a\x01a\x0a\x01b`,
  `\x0a\x81\x00a`,
  `${tag(4, 0)}\x80\x80\x00\x0a\x01a`,
  // A bool other than 0 and 1, an enum of 64 bits.
  `\x0a\x01a${tag(7, 0)}\x02`,
  `\x0a\x01a${tag(5, 0)}\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01`,
  `\x0a\x01a${tag(5, 0)}\x80\x80\x80\x80\x10`,
];

const someBytes: Arbitrary<Bytes> = fc.uint8Array({ maxLength: 12 }).map(latin1);
const cut: Arbitrary<Bytes> = fc.nat({ max: valid.length }).map((length) => valid.slice(0, length));

/** Calls no client makes. */
export const rawMessage: Arbitrary<Operation> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('raw' as const),
      path: fc.constantFrom(...paths),
      bytes: fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(...brokenMessages) },
        { weight: 1, arbitrary: someBytes },
        { weight: 1, arbitrary: cut },
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('raw' as const),
      path: fc.constantFrom(...unknownPaths),
      bytes: fc.constant(valid),
    }),
  },
);

/** First messages of streams no client sends. */
export const rawStreamMessage: Arbitrary<Operation> = fc.record({
  kind: fc.constant('rawStream' as const),
  path: fc.constantFrom('/etcdserverpb.Watch/Watch', '/etcdserverpb.Lease/LeaseKeepAlive'),
  bytes: fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(...brokenMessages) },
    // No request at all, a kind of request that does not exist, a create without a key.
    { weight: 1, arbitrary: fc.constantFrom('', `${tag(9, 2)}\x00`, '\x0a\x00', '\x12\x00', '\x1a\x00') },
  ),
});
