import { BinaryReader as StockReader, BinaryWriter as StockWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BinaryReader, MAX_DEPTH } from './reader.js';

const reader = (...bytes: number[]): BinaryReader => new BinaryReader(Uint8Array.from(bytes));
const from = (hex: string): BinaryReader => new BinaryReader(Buffer.from(hex, 'hex'));

/** A varint of the value, with more bytes than it needs. */
function longVarint(value: bigint, extra: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  for (let i = 0; i < extra && bytes.length < 10; i++) {
    bytes[bytes.length - 1] = bytes.at(-1)! | 0x80;
    bytes.push(0);
  }
  return Uint8Array.from(bytes);
}

const uint64: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.nat(40).map((shift) => 2n ** BigInt(shift + 24) - 1n),
  fc.nat(63).map((shift) => 2n ** BigInt(shift)),
);

describe('BinaryReader', () => {
  it('reads a varint of any length as the stock reader does', () => {
    fc.assert(
      fc.property(uint64, fc.nat(9), (value, extra) => {
        const bytes = longVarint(value, extra);
        for (const method of ['uint32', 'int32', 'int64', 'uint64', 'bool'] as const) {
          const ours = new BinaryReader(bytes);
          const stock = new StockReader(bytes);
          expect(ours[method](), method).toEqual(stock[method]());
          expect(ours.pos).toBe(bytes.length);
        }
        const signed = BigInt.asIntN(64, value);
        const safe = (wide: bigint): boolean => Number.isSafeInteger(Number(wide)) && BigInt(Number(wide)) === wide;
        if (safe(signed)) expect(new BinaryReader(bytes).int64Number()).toBe(Number(signed));
        else expect(() => new BinaryReader(bytes).int64Number()).toThrow(RangeError);
        if (safe(value)) expect(new BinaryReader(bytes).uint64Number()).toBe(Number(value));
        else expect(() => new BinaryReader(bytes).uint64Number()).toThrow(RangeError);
        const nearest = signed > 0n ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER;
        expect(new BinaryReader(bytes).int64Clamped()).toBe(safe(signed) ? Number(signed) : nearest);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads bytes and text as the stock reader does', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 100 }),
      fc.string({ unit: 'grapheme-ascii', maxLength: 100 }),
      fc.constantFrom('', '\ufeffmark', 'é'.repeat(60)),
    );
    fc.assert(
      fc.property(text, fc.uint8Array({ maxLength: 300 }), fc.nat(5), (string, bytes, offset) => {
        const input = new StockWriter().string(string).bytes(bytes).finish();
        // The input is often a part of something larger.
        const around = new Uint8Array(input.length + 2 * offset);
        around.set(input, offset);
        const ours = new BinaryReader(around.subarray(offset, offset + input.length));
        expect(ours.string()).toBe(string);
        expect(ours.bytes()).toEqual(bytes);
        expect(ours.pos).toBe(ours.end);
      }),
      { numRuns: 500 },
    );
  });

  it('answers bytes as a view, of a Buffer too', () => {
    const input = Buffer.from('03616263', 'hex');
    const view = new BinaryReader(input).bytes();
    expect(view.constructor).toBe(Uint8Array);
    input[1] = 0x7a;
    expect(Buffer.from(view).toString()).toBe('zbc');
  });

  it('does not read past the end of the input', () => {
    expect(() => reader().tag()).toThrow('message ends in the middle of a value');
    expect(() => reader().length()).toThrow('message ends in the middle of a value');
    expect(() => reader(0x80).int64()).toThrow('message ends in the middle of a value');
    expect(() => reader(2, 1).bytes()).toThrow('message ends in the middle of a value');
    expect(() => reader(2, 1).string()).toThrow('message ends in the middle of a value');
    // A length of 2^32 + 1, which is 1 to whoever looks at 32 bits.
    expect(() => reader(0x81, 0x80, 0x80, 0x80, 0x10, 1).bytes()).toThrow('message ends in the middle of a value');
    expect(() => from('ffffffffffffffffff0161').bytes()).toThrow('message ends in the middle of a value');
  });

  it('does not read past the end of a message inside the input', () => {
    const inside = reader(2, 0x80, 0x80, 1, 1);
    const outer = inside.enter(inside.length());
    expect(() => inside.int64()).toThrow('message ends in the middle of a value');
    expect(inside.end).toBe(3);
    inside.leave(outer);
    expect(inside.end).toBe(5);
    expect(() => reader(1, 2, 3).enter(4)).toThrow('message ends in the middle of a value');
  });

  it('refuses varints of more than 64 bits', () => {
    expect(from('ffffffffffffffffff01').uint64()).toBe(2n ** 64n - 1n);
    expect(() => from('ffffffffffffffffff02').uint64()).toThrow('varint of more than 64 bits');
    expect(() => from('8080808080808080808000').uint64()).toThrow('varint of more than 64 bits');
  });

  it('refuses tags that name no field', () => {
    expect(reader(8).tag()).toBe(8);
    expect(reader(0x88, 0x00).tag()).toBe(8);
    expect(reader(0xff, 0xff, 0xff, 0xff, 0x0f).tag()).toBe(2 ** 32 - 1);
    expect(() => reader(0).tag()).toThrow('no field has tag 0');
    expect(() => reader(5).tag()).toThrow('no field has tag 5');
    expect(() => reader(0x80, 0x80, 0x80, 0x80, 0x10).tag()).toThrow('no field has tag 4294967296');
  });

  it('passes over fields of every kind, whole groups too', () => {
    const skipped = (tag: number, ...bytes: number[]): number => {
      const skipping = reader(...bytes);
      skipping.skip(tag);
      return skipping.pos;
    };
    expect(skipped(8, 0xff, 0x01, 9)).toBe(2);
    expect(skipped(9, 1, 2, 3, 4, 5, 6, 7, 8, 9)).toBe(8);
    expect(skipped(10, 2, 1, 1, 9)).toBe(3);
    expect(skipped(13, 1, 2, 3, 4, 9)).toBe(4);
    // group 1 { field 2: 5; group 3 {} }
    expect(skipped(11, 0x10, 5, 0x1b, 0x1c, 0x0c, 9)).toBe(5);
  });

  it('refuses fields it can not pass over', () => {
    expect(() => reader(1, 2, 3).skip(9)).toThrow('message ends in the middle of a value');
    expect(() => reader(1, 2, 3).skip(13)).toThrow('message ends in the middle of a value');
    expect(() => reader(1).skip(14)).toThrow('wire type 6 does not exist');
    expect(() => reader(1).skip(15)).toThrow('wire type 7 does not exist');
    expect(() => reader(1).skip(12)).toThrow('group 1 ends but never began');
    expect(() => reader(0x10, 5).skip(11)).toThrow('message ends in the middle of a value');
    expect(() => reader(0x14).skip(11)).toThrow('group 1 is ended by group 2');
  });

  it('does not follow messages or groups without end', () => {
    const groups = new BinaryReader(new Uint8Array(100_000).fill(0x0b));
    expect(() => groups.skip(11)).toThrow(`groups nested deeper than ${MAX_DEPTH}`);
    const messages = reader(1);
    expect(() => {
      for (;;) messages.enter(1);
    }).toThrow(`messages nested deeper than ${MAX_DEPTH}`);
  });
});
