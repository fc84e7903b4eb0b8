import { concat, EMPTY, fromLatin1 } from '@kontiki/std';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeKey,
  decodeKeyValue,
  encodeDeleted,
  encodeKeyValue,
  encodeTombstone,
  readFields,
  withoutValue,
} from './codec.js';
import type { KeyValue } from './types.js';

const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.replaceAll(' ', '').match(/../g) ?? [], (b) => parseInt(b, 16));
const plain = (bytes: Uint8Array): number[] => [...bytes];

const counts = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 32 }), fc.maxSafeNat());
const keyValues: fc.Arbitrary<KeyValue> = fc.record({
  key: fc.uint8Array({ maxLength: 80 }),
  createRevision: counts,
  modRevision: counts,
  version: counts,
  value: fc.uint8Array({ maxLength: 300 }),
  lease: fc.oneof(fc.constant(0n), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
});

describe('a stored KeyValue', () => {
  it('is the protobuf message, field by field', () => {
    const kv: KeyValue = {
      key: fromLatin1('a'),
      createRevision: 2,
      modRevision: 300,
      version: 3,
      value: fromLatin1('xyz'),
      lease: 0x0123456789abcdefn,
    };
    expect(encodeKeyValue(kv)).toEqual(hex('0a0161 1002 18ac02 2003 2a0378797a 30ef9bafcdf8acd19101'));
    expect(encodeKeyValue({ ...kv, key: EMPTY, createRevision: 0, version: 0, value: EMPTY, lease: 0n })).toEqual(
      hex('18ac02'),
    );
    expect(encodeKeyValue({ ...kv, lease: -1n })).toEqual(
      hex('0a0161 1002 18ac02 2003 2a0378797a 30ffffffffffffffffff01'),
    );
    expect(encodeTombstone('a')).toEqual(hex('0a0161'));
    expect(encodeDeleted('a', 300)).toEqual(hex('0a0161 18ac02'));
  });

  it('is read as it was written', () =>
    fc.assert(
      fc.property(keyValues, (kv) => {
        const bytes = encodeKeyValue(kv);
        const decoded = decodeKeyValue(bytes);
        expect(decoded).toEqual({ ...kv, key: Uint8Array.from(kv.key), value: Uint8Array.from(kv.value) });
        expect(fromLatin1(decodeKey(bytes))).toEqual(Buffer.from(kv.key));
        expect(encodeKeyValue(decoded)).toEqual(bytes);
      }),
    ));

  it('can do without its value, and is then what it is with an empty one', () =>
    fc.assert(
      fc.property(keyValues, (kv) => {
        const bytes = encodeKeyValue(kv);
        expect(plain(withoutValue(bytes))).toEqual(plain(encodeKeyValue({ ...kv, value: EMPTY })));
        if (kv.value.length === 0) expect(withoutValue(bytes)).toBe(bytes);
      }),
    ));

  it('may have fields in any order, and fields of later versions', () => {
    const odd = concat([
      hex('3809'), // field 7, varint
      hex('2a0178'),
      hex('4101020304050607 08'), // field 8, 8 bytes
      hex('0a0161'),
      hex('4a020102'), // field 9, bytes
      hex('1005'),
      hex('5501020304'), // field 10, 4 bytes
    ]);
    expect(decodeKeyValue(odd)).toEqual({
      key: Uint8Array.of(0x61),
      createRevision: 5,
      modRevision: 0,
      version: 0,
      value: Uint8Array.of(0x78),
      lease: 0n,
    });
  });

  it('is CORRUPT when it is anything else, and never read beyond its end', () => {
    for (const bad of [
      '0a',
      '0a02 61',
      '10',
      '10ff',
      '0b',
      '2a7f 00',
      '10 ffffffffffffffffffff01',
      '10 8080808080808010',
      '4101',
    ]) {
      expect(() => decodeKeyValue(hex(bad)), bad).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
    }
    fc.assert(
      fc.property(keyValues, fc.nat(), (kv, at) => {
        const bytes = encodeKeyValue(kv);
        try {
          const { keyEnd, valueEnd } = readFields(bytes.subarray(0, at % (bytes.length + 1)));
          expect(Math.max(keyEnd, valueEnd)).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          expect(error).toMatchObject({ code: 'CORRUPT' });
        }
      }),
    );
  });
});
