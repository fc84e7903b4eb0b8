import fc from 'fast-check';
import { expect, it } from 'vitest';
import { idOf, parseJson } from './remote-json.js';

it('keeps ids that are larger than a number holds', () => {
  const text = '[{"id":18446744073709551615,"n":12},{"id":0,"x":-1.5e3,"name":"12345678901234567890"}]';
  expect(parseJson(text)).toEqual([
    { id: '18446744073709551615', n: 12 },
    { id: 0, x: -1500, name: '12345678901234567890' },
  ]);
  expect(idOf('18446744073709551615')).toBe(2n ** 64n - 1n);
  expect(idOf(7)).toBe(7n);
  for (const odd of ['7', 'x', 1.5, null, undefined, 2 ** 53, {}]) expect(idOf(odd)).toBeUndefined();
});

it('reads everything else as JSON.parse does', () => {
  const small = fc.json();
  const tricky = fc.array(
    fc.constantFrom('"', '\\\\', '\\"', '1234567890123456789', ',', ':', '0.1234567890123456789', 'e'),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        small,
        tricky.map((parts) => JSON.stringify({ [parts.join('')]: parts.join('') })),
      ),
      (text) => {
        const large = /(?<!["\d.])-?\d{16,}/.test(text.replace(/"(?:[^"\\]|\\.)*"/g, '""'));
        fc.pre(!large);
        expect(parseJson(text)).toEqual(JSON.parse(text));
      },
    ),
  );
});

it('brings any id home, whatever stands around it', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.string(), fc.double({ noNaN: true }), (id, name, x) => {
      const parsed = parseJson(`{"name":${JSON.stringify(name)},"id":${id},"x":${JSON.stringify(x)}}`) as Record<
        string,
        unknown
      >;
      expect([idOf(parsed['id']), parsed['name']]).toEqual([id, name]);
    }),
  );
});

it('refuses what is not JSON', () => {
  for (const text of ['', '{', '[01234567890123456789]', '[1,]', '"', '"\\', `${'"'.repeat(10_001)}`]) {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  }
});
