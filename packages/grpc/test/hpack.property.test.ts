/** Our HPACK against another implementation. */
import * as fc from 'fast-check';
import hpack from 'hpack.js';
import { describe, expect, it } from 'vitest';
import { HpackDecoder } from '../src/hpack/decoder.js';
import { ResponseEncoder } from '../src/hpack/encoder.js';
import { decodeHuffman, encodeHuffman } from '../src/hpack/huffman.js';
import type { Field } from '../src/hpack/static-table.js';

const latin1 = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const name = fc.oneof(
  fc.constantFrom(':method', ':path', 'content-type', 'grpc-timeout', 'te', 'x-a', 'x-b'),
  fc.stringMatching(/^[a-z0-9-]{1,30}$/),
);
const value = fc.oneof(
  fc.constantFrom('POST', '/', 'application/grpc', 'trailers', ''),
  fc.stringMatching(/^[ -~]{0,60}$/),
);
/** The other looks strings up in plain objects. */
const notInherited = (text: string): boolean => !(text in {});
const field = fc.record({
  name: name.filter(notInherited),
  value: value.filter(notInherited),
  huffman: fc.boolean(),
  incremental: fc.boolean(),
});
const blocks = fc.array(
  fc.record({ fields: fc.array(field, { maxLength: 12 }), tableBytes: fc.option(fc.integer({ min: 0, max: 512 })) }),
  { maxLength: 12 },
);

function sizeUpdate(bytes: number): Buffer {
  if (bytes < 31) return Buffer.from([0x20 | bytes]);
  const rest = bytes - 31;
  return rest < 128 ? Buffer.from([0x3f, rest]) : Buffer.from([0x3f, (rest & 127) | 128, rest >>> 7]);
}

it('decodes whatever the other encodes, table changes included', () =>
  fc.assert(
    fc.property(blocks, (sessions) => {
      const encoder = hpack.compressor.create({ table: { maxSize: 512 } });
      const decoder = new HpackDecoder({ maxTableBytes: 512, maxListBytes: 1e6, maxFields: 1000 });
      for (const { fields, tableBytes } of sessions) {
        const pieces: Buffer[] = [];
        if (tableBytes !== null) {
          // It does not announce a smaller table itself.
          if (tableBytes < 512) pieces.push(sizeUpdate(tableBytes));
          encoder.updateTableSize(tableBytes);
        }
        encoder.write(fields);
        for (let piece = encoder.read(); piece !== null; piece = encoder.read()) pieces.push(piece);
        const bytes = Buffer.concat(pieces);
        const decoded = decoder.decode(bytes, 0, bytes.length).fields;
        expect(decoded.map((each) => ({ name: each.name, value: each.value }))).toEqual(
          fields.map((each) => ({ name: each.name, value: each.value })),
        );
      }
    }),
    { numRuns: 300 },
  ));

describe('what we encode', () => {
  const HEADERS = [
    [':status', '200'],
    ['content-type', 'application/grpc'],
    ['grpc-accept-encoding', 'identity,gzip'],
  ];
  type Step = 'headers' | 'ok' | { fields: Field[] } | { tableBytes: number };
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<Step>('headers', 'ok') },
    fc.array(fc.record({ name, value }), { maxLength: 4 }).map((fields): Step => ({ fields })),
    fc.constantFrom(0, 100, 255, 256, 300, 4096, 65_536).map((tableBytes): Step => ({ tableBytes })),
  );

  it('is understood by the other, whatever size it gives its table', () =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const encoder = new ResponseEncoder();
        const decoder = hpack.decompressor.create({ table: { maxSize: 65_536 } });
        const into = Buffer.alloc(256);
        for (const each of steps) {
          if (typeof each === 'object' && 'tableBytes' in each) {
            encoder.setTableLimit(each.tableBytes);
            continue;
          }
          const [bytes, expected] =
            each === 'headers'
              ? [into.subarray(0, encoder.encodeHeaders(into, 0)), HEADERS]
              : each === 'ok'
                ? [into.subarray(0, encoder.encodeOk(into, 0)), [['grpc-status', '0']]]
                : [encoder.encodeFields(each.fields), each.fields.map((one) => [one.name, one.value])];
          decoder.write(Buffer.from(bytes));
          decoder.execute();
          const got: string[][] = [];
          for (let one = decoder.read(); one !== null; one = decoder.read()) got.push([one.name, one.value]);
          expect(got).toEqual(expected);
        }
      }),
      { numRuns: 300 },
    ));

  it('keeps to the size of the table it was given', () =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const encoder = new ResponseEncoder();
        let limit = 4096;
        let decoder = new HpackDecoder({ maxTableBytes: 4096, maxListBytes: 1e6, maxFields: 1000 });
        const into = Buffer.alloc(256);
        for (const each of steps) {
          if (typeof each === 'object' && 'tableBytes' in each) {
            limit = each.tableBytes;
            encoder.setTableLimit(limit);
            // Strict from now on: a larger table is an error, and one that does not shrink is.
            const kept = decoder.table;
            decoder = Object.assign(new HpackDecoder({ maxTableBytes: limit, maxListBytes: 1e6, maxFields: 1000 }), {
              table: kept,
            });
          } else {
            const bytes =
              each === 'headers'
                ? into.subarray(0, encoder.encodeHeaders(into, 0))
                : each === 'ok'
                  ? into.subarray(0, encoder.encodeOk(into, 0))
                  : Buffer.from(encoder.encodeFields(each.fields));
            decoder.decode(Buffer.from(bytes), 0, bytes.length);
            expect(decoder.table.maxBytes).toBeLessThanOrEqual(limit);
          }
        }
      }),
      { numRuns: 300 },
    ));

  it('is three bytes and one once the peer knows our fields', () => {
    const encoder = new ResponseEncoder();
    const into = Buffer.alloc(256);
    encoder.encodeHeaders(into, 0);
    encoder.encodeOk(into, 0);
    expect(encoder.encodeHeaders(into, 0)).toBe(3);
    expect(encoder.encodeOk(into, 0)).toBe(1);
  });
});

describe('the Huffman code', () => {
  it('is the other’s, for every byte', () => {
    for (let symbol = 0; symbol < 256; symbol++) {
      const text = String.fromCharCode(symbol).repeat(3);
      const encoder = hpack.compressor.create({ table: { maxSize: 0 } });
      encoder.write([{ name: 'a', value: Buffer.from(text, 'latin1').toString('latin1'), huffman: true }]);
      if (symbol < 128) {
        const pieces: Buffer[] = [];
        for (let piece = encoder.read(); piece !== null; piece = encoder.read()) pieces.push(piece);
        expect(Buffer.concat(pieces).toString('hex')).toContain(Buffer.from(encodeHuffman(text)).toString('hex'));
      }
    }
  });

  it('comes back as it went', () =>
    fc.assert(
      fc.property(latin1, (text) => {
        const code = encodeHuffman(text);
        const into = Buffer.alloc(code.length * 2);
        const length = decodeHuffman(code, 0, code.length, into);
        expect(into.toString('latin1', 0, length)).toBe(text);
      }),
    ));
});
