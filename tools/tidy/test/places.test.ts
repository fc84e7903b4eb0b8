import { describe, expect, it } from 'vitest';
import { sketch } from '../src/house.js';
import { places } from '../src/rules/places.js';

/** In two parts, as the rule itself has them. */
const work = ['/wo', 'rk/'].join('');
const home = ['/ho', 'me/'].join('');

describe('places', () => {
  it.each([`see ${work}main`, `"${work}x"`, `(${home}a.md)`, `cd ${home}me`])('catches %s', (line) => {
    expect(places(sketch({ 'docs/a.md': `first\n${line}` }))).toMatchObject([{ file: 'docs/a.md', line: 2 }]);
  });

  it.each([`packages/net${work}a.ts`, `https://example.org${work}`, `x${home}`, 'a\0'.concat(work)])(
    'lets %j through',
    (line) => {
      expect(places(sketch({ 'docs/a.md': line }))).toEqual([]);
    },
  );
});
