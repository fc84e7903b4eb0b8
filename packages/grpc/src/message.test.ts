import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeInflate } from './driver/gunzip.js';
import { type MessageOptions, MessageReader } from './message.js';

const options: MessageOptions = { maxReceiveBytes: 1_000_000, maxInflateRatio: 100, inflate: nodeInflate };
const framed = (body: Uint8Array, flag = 0): Buffer => {
  const prefix = Buffer.from([flag, 0, 0, 0, 0]);
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
};
const all = (reader: MessageReader, payload: Buffer): unknown[] => {
  const found: unknown[] = [];
  reader.push(payload, 0, payload.length);
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    found.push(next instanceof Uint8Array ? Buffer.from(next) : next);
    if (!(next instanceof Uint8Array)) break;
  }
  return found;
};

it('puts messages together whatever pieces they come in, compressed ones among them', () =>
  fc.assert(
    fc.property(
      fc.array(fc.record({ body: fc.uint8Array({ maxLength: 300 }), gzip: fc.boolean() }), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }),
      (messages, cuts) => {
        const reader = new MessageReader('gzip', options);
        const bytes = Buffer.concat(
          messages.map(({ body, gzip }) => framed(gzip ? gzipSync(body) : body, gzip ? 1 : 0)),
        );
        const found: unknown[] = [];
        let turn = 0;
        for (let at = 0; at < bytes.length; turn++) {
          const size = cuts[turn % cuts.length]!;
          found.push(...all(reader, Buffer.from(bytes.subarray(at, at + size))));
          at += size;
          expect(reader.heldBytes).toBeLessThanOrEqual(bytes.length);
        }
        expect(found).toEqual(messages.map(({ body }) => Buffer.from(body)));
        expect(reader.midMessage).toBe(false);
        expect(reader.wireBytes).toBe(bytes.length);
      },
    ),
    { numRuns: 200 },
  ));

it('holds memory for what came, not for what was announced', () => {
  const reader = new MessageReader('', { ...options, maxReceiveBytes: 2 ** 31 });
  const before = process.memoryUsage().arrayBuffers;
  all(reader, Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3]));
  expect(reader.heldBytes).toBe(3);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
});

describe('refuses', () => {
  it.each<[what: string, encoding: string, payload: Buffer, code: number, details: string | RegExp]>([
    [
      'one byte too many',
      '',
      framed(Buffer.alloc(1_000_001)),
      8,
      'grpc: received message larger than max (1000001 vs. 1000000)',
    ],
    [
      'a length of 4 GiB, at once',
      '',
      Buffer.from([0, 255, 255, 255, 255]),
      8,
      'grpc: received message larger than max (4294967295 vs. 1000000)',
    ],
    ['flags nobody knows', '', framed(Buffer.from('x'), 2), 13, 'grpc: received unexpected payload format 2'],
    [
      'a compressed one without an encoding',
      '',
      framed(gzipSync('x'), 1),
      13,
      'grpc: compressed flag set with identity or empty encoding',
    ],
    [
      'a compressed one that is identity',
      'identity',
      framed(gzipSync('x'), 1),
      13,
      'grpc: compressed flag set with identity or empty encoding',
    ],
    [
      'what is no gzip',
      'gzip',
      framed(Buffer.from('nonsense'), 1),
      13,
      'grpc: failed to decompress the received message',
    ],
    [
      'gzip cut short',
      'gzip',
      framed(gzipSync('x'.repeat(99)).subarray(0, 20), 1),
      13,
      'grpc: failed to decompress the received message',
    ],
    [
      'gzip with a wrong checksum',
      'gzip',
      framed(flip(gzipSync('x'.repeat(99))), 1),
      13,
      'grpc: failed to decompress the received message',
    ],
    [
      'a bomb',
      'gzip',
      framed(gzipSync(Buffer.alloc(50_000_000)), 1),
      8,
      'grpc: received message after decompression larger than max (1000001 vs. 1000000)',
    ],
    [
      'a smaller bomb, by its ratio',
      'gzip',
      framed(gzipSync(Buffer.alloc(900_000)), 1),
      8,
      'grpc: received message inflates to more than 100 times its size',
    ],
  ])('%s', (_what, encoding, payload, code, details) => {
    const found = all(new MessageReader(encoding, options), payload);
    expect(found).toEqual([{ code, details }]);
  });
});

it.each([999_999, 1_000_000])('takes %d bytes of 1000000', (bytes) => {
  expect(all(new MessageReader('', options), framed(Buffer.alloc(bytes)))).toHaveLength(1);
});

function flip(bytes: Buffer): Buffer {
  bytes[bytes.length - 6]! ^= 1;
  return bytes;
}
