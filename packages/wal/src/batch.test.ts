import { concat, crc32c } from '@kontiki/std';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSegment } from '../test/naive-decoder.js';
import { record } from '../test/support.js';
import { assertWritable, BatchEncoder } from './batch.js';

const records = fc.array(
  fc.record({
    type: fc.constantFrom(0, 1, 2, 3, 5, 200),
    data: fc.oneof(
      { weight: 19, arbitrary: fc.uint8Array({ maxLength: 50 }) },
      {
        weight: 1,
        arbitrary: fc.integer({ min: 32_760, max: 32_780 }).map((length) => new Uint8Array(length).fill(length & 0xff)),
      },
    ),
  }),
  { maxLength: 6 },
);

describe('an encoded batch', () => {
  it('is what a decoder that shares no code reads back, whatever its marks and its sizes', () => {
    const encoder = new BatchEncoder();
    fc.assert(
      fc.property(
        fc.array(records, { maxLength: 4 }),
        fc.integer({ min: 0, max: 0xffff_ffff }),
        fc.constantFrom('before' as const, 'after' as const, 'none' as const),
        (groups, chain, marks) => {
          const encoded = encoder.encode(groups, chain, marks);
          const bytes = concat(encoded.chunks);
          expect(encoded.bytes).toBe(bytes.length);
          const decoded = decodeSegment(bytes, chain);
          expect(decoded.end).toBe(bytes.length);
          expect(decoded.chain).toBe(encoded.chain);
          const flat = groups.flat();
          expect(encoded.chain).toBe(flat.reduce((crc, { data }) => crc32c(data, crc), chain));
          const mark = (crc: number) => [{ type: 4n, crc, data: undefined }];
          const expected = flat.map(({ type, data }) => ({ type: BigInt(type), data }));
          const found = decoded.records.map(({ type, data }) => ({ type, data: data ?? new Uint8Array(0) }));
          const none = { type: 4n, data: new Uint8Array(0) };
          if (marks === 'before') {
            expect(decoded.records.slice(0, 1)).toEqual(mark(chain));
            expect(found).toEqual([none, ...expected]);
          } else if (marks === 'after') {
            expect(decoded.records.slice(-1)).toEqual(mark(encoded.chain));
            expect(found).toEqual([...expected, none]);
          } else expect(found).toEqual(expected);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('is one chunk, unless data is large: that goes from where it lies', () => {
    const encoder = new BatchEncoder();
    const small = record(2, 'small');
    const large = record(2, new Uint8Array(40_000));
    expect(encoder.encode([[small, small], [small]], 0, 'before').chunks).toHaveLength(1);
    const { chunks } = encoder.encode([[small, large], [small]], 0, 'none');
    expect(chunks).toHaveLength(3);
    expect(chunks[1]).toBe(large.data);
    expect(encoder.encode([], 0, 'none')).toEqual({ chunks: [], bytes: 0, chain: 0 });
  });

  it('refuses types that are its own, or no types', () => {
    for (const type of [4, -1, 1.5, 2 ** 31]) expect(() => assertWritable(record(type, ''))).toThrow('no record');
    assertWritable(record(0, ''));
  });
});
