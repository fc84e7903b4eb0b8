import { rpc } from '@kontiki/proto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encode, field } from './wire.js';

it('writes what a generated decoder reads', () =>
  fc.assert(
    fc.property(
      fc.record({
        key: fc.uint8Array({ maxLength: 200 }),
        limit: fc.maxSafeInteger(),
        sortOrder: fc.constantFrom(0, 1, 2),
        serializable: fc.boolean(),
      }),
      ({ key, limit, sortOrder, serializable }) => {
        const bytes = encode([field(1, key), field(3, BigInt(limit)), field(5, sortOrder), field(7, serializable)]);
        const expected = rpc.RangeRequest.fromPartial({ key, limit, sortOrder, serializable } as never);
        expect(Buffer.from(bytes)).toEqual(Buffer.from(rpc.RangeRequest.encode(expected).finish()));
      },
    ),
  ));

it('nests messages and keeps a default that is asked for', () => {
  const bytes = encode([[1, [field(3, 'a'), [4, 0n]]]]);
  const { compare } = rpc.TxnRequest.decode(bytes);
  expect(compare[0]?.targetUnion).toEqual({ $case: 'version', value: 0 });
});

it('writes numbers no typed client can hold', () => {
  expect([...encode([[3, 2n ** 63n - 1n]])]).toEqual([0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
  expect([...encode([[5, -1]])]).toEqual([0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
});
