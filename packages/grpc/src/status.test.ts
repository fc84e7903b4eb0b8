import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBinary, encodeMessage, parseTimeout } from './status.js';

describe('grpc-message', () => {
  it.each([
    ['plain text, and more: "quoted"', 'plain text, and more: "quoted"'],
    ['100%', '100%25'],
    ['é', '%C3%A9'],
    ['🚀\n', '%F0%9F%9A%80%0A'],
    ['\u007f', '%7F'],
  ])('spells %j as %s', (text, encoded) => {
    expect(encodeMessage(text)).toBe(encoded);
  });

  it('is printable, and comes back', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const encoded = encodeMessage(text);
        expect(encoded).toMatch(/^[\x20-\x7e]*$/);
        expect(decodeURIComponent(encoded)).toBe(text);
      }),
    ));
});

describe('grpc-timeout', () => {
  it.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['5S', 5000],
    ['250m', 250],
    ['1500u', 1.5],
    ['99999999n', 99.999999],
    ['0S', 0],
    ['99999999H', 99_999_999 * 3_600_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseTimeout(text)).toBeCloseTo(ms, 9);
  });

  it.each([
    ['', 'transport: timeout string is too short: ""'],
    ['5', 'transport: timeout string is too short: "5"'],
    ['123456789S', 'transport: timeout string is too long: "123456789S"'],
    ['5x', 'transport: timeout unit is not recognized: "5x"'],
    ['a5S', 'strconv.ParseUint: parsing "a5": invalid syntax'],
    ['-5S', 'strconv.ParseUint: parsing "-5": invalid syntax'],
    ['1.5S', 'strconv.ParseUint: parsing "1.5": invalid syntax'],
  ])('%j is none', (text, why) => {
    expect(parseTimeout(text)).toBe(why);
  });
});

describe('a binary header', () => {
  it('comes back, padded or not', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
        const latin1 = Buffer.from(bytes).toString('latin1');
        const encoded = Buffer.from(bytes).toString('base64');
        expect(decodeBinary(encoded)).toBe(latin1);
        expect(decodeBinary(encoded.replace(/=+$/, ''))).toBe(latin1);
        expect(decodeBinary(`${encoded},AAAA`)).toBe(latin1);
      }),
    ));

  it.each(['***', 'A', 'AAAAA', 'AA=', 'A===', '====', 'AA-_'])('%s is none', (text) => {
    expect(decodeBinary(text)).toBeUndefined();
  });
});
