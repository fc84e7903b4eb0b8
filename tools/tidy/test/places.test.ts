import { describe, expect, it } from 'vitest';
import { sketch } from '../src/house.js';
import { places } from '../src/rules/places.js';

/** In two parts, as the rule itself has them. */
const work = ['/wo', 'rk/'].join('');
const shared = ['../', 'shared'].join('');

describe('places', () => {
  it.each([`see ${work}main`, `"${work}x"`, `(${shared}/a.md)`, `cd ../${shared}`, ['/ho', 'me/me'].join('')])(
    'catches %s',
    (line) => {
      expect(places(sketch({ 'docs/a.md': `first\n${line}` }))).toMatchObject([{ file: 'docs/a.md', line: 2 }]);
    },
  );

  it.each([`packages/net${work}a.ts`, `https://example.org${work}`, `x${shared}`, 'a\0'.concat(work)])(
    'lets %j through',
    (line) => {
      expect(places(sketch({ 'docs/a.md': line }))).toEqual([]);
    },
  );
});
