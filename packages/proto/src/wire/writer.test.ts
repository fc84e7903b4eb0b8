import { BinaryWriter as StockWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BinaryWriter } from './writer.js';

/** One call, on ours and on the stock writer; what is inside a fork follows it. */
type Call =
  | {
      readonly kind: 'write';
      readonly name: string;
      ours(writer: BinaryWriter): void;
      stock(writer: StockWriter): void;
    }
  | { readonly kind: 'message'; readonly calls: readonly Call[] };

const int64: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, 1n, -1n, 127n, 128n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)),
);
const uint64: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 127n, 128n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n),
);
const count: fc.Arbitrary<number> = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, 1, -1, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32, -(2 ** 32), 2 ** 53 - 1, -(2 ** 53) + 1),
);
const bytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.nat(40_000).map((length) => new Uint8Array(length).fill(length)),
);
const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ unit: 'grapheme-ascii', maxLength: 200 }),
  // Text whose length takes more bytes than its number of characters would.
  fc.nat(200).map((length) => 'é'.repeat(length)),
  fc.constantFrom('\ud800', 'a\udc00b', '\ufeff'),
);

const call: fc.Arbitrary<Call> = fc.letrec<{ call: Call }>((tie) => ({
  call: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    write('uint32', fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1)), 'uint32'),
    write('int32', fc.oneof(fc.integer(), fc.constantFrom(0, -1, 2 ** 31 - 1, -(2 ** 31))), 'int32'),
    write('int64', int64, 'int64'),
    write('uint64', uint64, 'uint64'),
    write('int64Number', count, 'int64', BigInt),
    write(
      'uint64Number',
      count.map((value) => Math.abs(value)),
      'uint64',
      BigInt,
    ),
    write('bool', fc.boolean(), 'bool'),
    write('bytes', bytes, 'bytes'),
    write('raw', bytes, 'raw'),
    write('string', text, 'string'),
    write('tag', fc.constantFrom(8, 10, 514, 2 ** 32 - 1), 'uint32'),
    fc.array(tie('call'), { maxLength: 6 }).map((calls): Call => ({ kind: 'message', calls })),
  ),
})).call;

function write<Value>(
  name: keyof BinaryWriter & string,
  values: fc.Arbitrary<Value>,
  stockName: keyof StockWriter & string,
  convert: (value: Value) => unknown = (value) => value,
): fc.Arbitrary<Call> {
  return values.map((value) => ({
    kind: 'write',
    name: `${name}(${value})`,
    ours: (writer) => (writer[name] as (value: Value) => void).call(writer, value),
    stock: (writer) => (writer[stockName] as (value: unknown) => void).call(writer, convert(value)),
  }));
}

function runOurs(writer: BinaryWriter, calls: readonly Call[]): BinaryWriter {
  for (const each of calls) {
    if (each.kind === 'write') each.ours(writer);
    else runOurs(writer.fork(), each.calls).join();
  }
  return writer;
}

function runStock(writer: StockWriter, calls: readonly Call[]): StockWriter {
  for (const each of calls) {
    if (each.kind === 'write') each.stock(writer);
    else runStock(writer.fork(), each.calls).join();
  }
  return writer;
}

const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');

describe('BinaryWriter', () => {
  it('writes what the stock writer writes', () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 20 }), (calls) => {
        expect(hex(runOurs(new BinaryWriter(), calls).finish())).toBe(hex(runStock(new StockWriter(), calls).finish()));
      }),
      { numRuns: 500 },
    );
  });

  it('keeps messages apart, whatever writers do between each other', () => {
    // Each step says which of four writers goes on with its calls; a writer past its last call finishes, and a new one
    // takes its place. Some are never finished.
    const script = fc.array(fc.record({ who: fc.nat(3), calls: fc.array(call, { maxLength: 3 }), end: fc.boolean() }));
    fc.assert(
      fc.property(script, (steps) => {
        const writers = Array.from({ length: 4 }, () => ({ ours: new BinaryWriter(), stock: new StockWriter() }));
        const finished: [ours: Uint8Array, stock: string][] = [];
        for (const { who, calls, end } of steps) {
          const { ours, stock } = writers[who]!;
          runOurs(ours, calls);
          runStock(stock, calls);
          if (!end) continue;
          finished.push([ours.finish(), hex(stock.finish())]);
          writers[who] = { ours: new BinaryWriter(), stock: new StockWriter() };
        }
        for (const [ours, stock] of finished) expect(hex(ours)).toBe(stock);
      }),
      { numRuns: 300 },
    );
  });

  it('survives messages larger than anything it keeps', () => {
    const large = new Uint8Array(3 << 20).fill(7);
    const calls: Call[] = [];
    for (const value of [large, large.subarray(0, 20_000), large.subarray(0, 10), large]) {
      calls.push({ kind: 'write', name: 'bytes', ours: (w) => w.bytes(value), stock: (w) => w.bytes(value) });
    }
    for (const some of [calls, calls.slice(1, 3), [{ kind: 'message', calls } as Call]]) {
      const ours = runOurs(new BinaryWriter(), some).finish();
      expect(Buffer.compare(ours, runStock(new StockWriter(), some).finish())).toBe(0);
    }
  });

  it('never cuts a number to size', () => {
    const writer = new BinaryWriter();
    for (const value of [-1, 2 ** 32, 1.5, Number.NaN]) expect(() => writer.uint32(value)).toThrow(RangeError);
    for (const value of [2 ** 31, -(2 ** 31) - 1, 0.5, Number.NaN])
      expect(() => writer.int32(value)).toThrow(RangeError);
    for (const value of [2n ** 63n, -(2n ** 63n) - 1n]) expect(() => writer.int64(value)).toThrow(RangeError);
    for (const value of [2n ** 64n, -1n]) expect(() => writer.uint64(value)).toThrow(RangeError);
    for (const value of [2 ** 53, -(2 ** 53), 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => writer.int64Number(value)).toThrow(RangeError);
      expect(() => writer.uint64Number(value)).toThrow(RangeError);
    }
    expect(() => writer.uint64Number(-1)).toThrow(RangeError);
    expect(writer.finish()).toEqual(new Uint8Array(0));
  });

  it('refuses to end what was never begun, or to finish what was never ended', () => {
    expect(() => new BinaryWriter().join()).toThrow('join without a fork');
    expect(() => new BinaryWriter().fork().finish()).toThrow('finish inside a fork');
  });
});
