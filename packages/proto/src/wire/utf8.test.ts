import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readUtf8, writeUtf8 } from './utf8.js';

describe('text', () => {
  it('is written as the platform writes it, behind what is there', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 120 }), fc.nat(3), (text, offset) => {
        const buffer = new Uint8Array(offset + text.length * 3);
        const written = writeUtf8(text, buffer, offset);
        expect(Buffer.from(buffer.subarray(offset, offset + written))).toEqual(Buffer.from(text));
        expect(readUtf8(buffer, offset, offset + written)).toBe(text);
      }),
    );
  });

  it('is read from valid UTF-8 only', () => {
    const almost = fc.array(fc.constantFrom(0x41, 0xc3, 0xa9, 0xed, 0xa0, 0x80, 0xf0, 0x9f, 0x8c, 0x8a, 0xc0, 0xff), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(almost, (numbers) => {
        const bytes = Uint8Array.from(numbers);
        if (isUtf8(bytes)) expect(readUtf8(bytes, 0, bytes.length)).toBe(Buffer.from(bytes).toString());
        else expect(() => readUtf8(bytes, 0, bytes.length)).toThrow('string field contains invalid UTF-8');
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['an overlong slash', 'c0af'],
    ['a surrogate', 'eda080'],
    ['a character cut off', 'e282'],
    ['a continuation alone', '80'],
    ['a code point beyond the last', 'f4908080'],
  ])('is not %s', (_, hex) => {
    const bytes = Buffer.from(`61${hex}`, 'hex');
    expect(() => readUtf8(bytes, 0, bytes.length)).toThrow('string field contains invalid UTF-8');
  });

  it('keeps a byte order mark', () => {
    expect(readUtf8(Buffer.from('efbbbf61', 'hex'), 0, 4)).toBe('\ufeffa');
  });
});
