import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrame, decodeSegment } from '../test/naive-decoder.js';
import { FrameHead, frameBytes, HEAD_BYTES_MAX, MARK_BYTES, putHead, putMark } from './frame.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const types = fc.oneof(fc.constantFrom(0, 1, 2, 3, 5), fc.integer({ min: 5, max: 2 ** 31 - 1 }));
const crcs = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.constantFrom(0, 0x7f, 0x80, 0x0fff_ffff, 0x1000_0000),
);

function frame(type: number, crc: number, data: Uint8Array | undefined): Uint8Array {
  const buffer = new Uint8Array(HEAD_BYTES_MAX + (data?.length ?? 0) + 8).fill(0xee);
  const at = putHead(buffer, 0, type, crc, data?.length);
  buffer.set(data ?? [], at);
  const end = at + (data?.length ?? 0);
  const aligned = Math.ceil(end / 8) * 8;
  return buffer.fill(0, end, aligned).slice(0, aligned);
}

describe('a frame', () => {
  it.each([
    // As etcd 3.5 writes them at the start of a new log.
    ['the first checksum', frame(4, 0, undefined), '040000000000008408041000' + '00000000'],
    [
      'an empty snapshot mark',
      frame(5, 0x0b193bb6, Buffer.from('08001000', 'hex')),
      '0d00000000000083080510b6f7e4581a0408001000000000',
    ],
    [
      'no padding',
      frame(3, 0x3929_0f43, Buffer.from('080110001801', 'hex')),
      '10000000000000000803' + '10c39ea4c903' + '1a06080110001801',
    ],
  ])('has the bytes of the format: %s', (_, bytes, expected) => {
    expect(hex(bytes)).toBe(expected);
  });

  it('is read back by itself, and by a decoder that shares no code with it', () =>
    fc.assert(
      fc.property(types, crcs, fc.uint8Array({ maxLength: 300 }), (type, crc, data) => {
        const bytes = frame(type, crc, data);
        const head = new FrameHead();
        expect(head.read(bytes, 0, bytes.length)).toBe('whole');
        expect([head.type, head.crc, head.hasData, head.end]).toEqual([type, crc, true, bytes.length]);
        expect(bytes.subarray(head.dataStart, head.dataEnd)).toEqual(data);
        expect(decodeFrame(bytes)).toEqual({ type: BigInt(type), crc, data });
      }),
    ));

  it('is as long as announced, or up to 8 bytes shorter', () =>
    fc.assert(
      fc.property(types, crcs, fc.uint8Array({ maxLength: 300 }), (type, crc, data) => {
        const announced = frameBytes({ type, data });
        const { length } = frame(type, crc, data);
        expect(length).toBeLessThanOrEqual(announced);
        expect(length).toBeGreaterThanOrEqual(announced - 8);
        if (crc >= 2 ** 28) expect(length).toBe(announced);
      }),
    ));

  it('is short, never wrong, when any number of its last bytes is not known', () =>
    fc.assert(
      fc.property(types, crcs, fc.uint8Array({ minLength: 1, maxLength: 40 }), (type, crc, data) => {
        const bytes = frame(type, crc, data);
        const head = new FrameHead();
        head.read(bytes, 0, bytes.length);
        for (let limit = 0; limit < head.dataStart; limit++)
          expect(new FrameHead().read(bytes, 0, limit)).toBe('short');
        for (let limit = head.dataStart; limit < bytes.length; limit++) {
          expect(new FrameHead().read(bytes, 0, limit)).toBe('whole');
        }
      }),
    ));

  it('shows every flipped bit of its head, except in its type and its checksum', () =>
    fc.assert(
      fc.property(types, crcs, fc.uint8Array({ minLength: 1, maxLength: 200 }), (type, crc, data) => {
        const bytes = frame(type, crc, data);
        const whole = new FrameHead();
        whole.read(bytes, 0, bytes.length);
        for (let bit = 0; bit < whole.dataStart * 8; bit++) {
          const flipped = bytes.slice();
          flipped[bit >> 3]! ^= 1 << (bit & 7);
          const head = new FrameHead();
          const verdict = head.read(flipped, 0, flipped.length);
          if (verdict !== 'whole') continue;
          expect(head.type !== type).toBe(head.crc === crc);
          expect(head.end).toBe(whole.end);
        }
      }),
      { numRuns: 50 },
    ));

  it.each([
    ['a length with an unknown high byte', '0400000000000044' + '0804100000000000'],
    ['a padding that does not fit the length', '0400000000000083' + '0804100000000000'],
    ['another tag first', '0400000000000084' + '1004080000000000'],
    ['a number longer than it need be', '0500000000000083' + '0884001000000000'],
    ['a type that is too large', '0800000000000000' + '08808080800810' + '00'],
    ['a checksum of more than 32 bits', '0800000000000000' + '0804' + '10ffffffff1f'],
    ['data in a checksum record', '0700000000000081' + '080410001a0100' + '00'],
    ['another record without data', '0400000000000084' + '0802100000000000'],
    ['a data length that disagrees', '0700000000000081' + '080210001a0200' + '00'],
    ['another field at the end', '0600000000000082' + '080210002000' + '0000'],
  ])('refuses %s', (_, bytes) => {
    const buffer = Buffer.from(bytes, 'hex');
    const head = new FrameHead();
    expect(head.read(buffer, 0, buffer.length)).toBe('bad');
    expect(head.reason).not.toBe('');
  });

  it('is nothing when its length is zero', () => {
    expect(new FrameHead().read(new Uint8Array(16), 0, 16)).toBe('zero');
  });
});

describe('a mark', () => {
  it('has one size whatever its checksum', () =>
    fc.assert(
      fc.property(crcs, (crc) => {
        const buffer = new Uint8Array(MARK_BYTES).fill(0xee);
        expect(putMark(buffer, 0, crc)).toBe(MARK_BYTES);
        const { records, end } = decodeSegment(buffer, 0);
        expect(records).toEqual([{ type: 4n, crc, data: undefined }]);
        expect(end).toBe(MARK_BYTES);
      }),
    ));
});
