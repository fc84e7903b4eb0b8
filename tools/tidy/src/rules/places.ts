import type { Finding } from '../finding.js';
import type { House } from '../house.js';

/** Where people and build machines keep their checkouts. In two parts, so that this file does not break its own rule. */
const PLACES = [
  ['/ho', 'me/'],
  ['/ro', 'ot/'],
  ['/Us', 'ers/'],
  ['/wo', 'rk/'],
].map((parts) => parts.join(''));

/** Nothing the repository keeps names a path of the machine it was written on. */
export function places(house: House): Finding[] {
  return house.files.flatMap((file) => {
    const text = house.text(file);
    if (text.includes('\0')) return [];
    return text.split('\n').flatMap((content, i) =>
      PLACES.filter((place) => names(content, place)).map((place) => ({
        file,
        line: i + 1,
        rule: 'no paths of one machine',
        problem: `it names ${place}`,
        remedy: 'Say it relative to the repository, or leave it out',
      })),
    );
  });
}

/** Whether `place` occurs as the beginning of a path, not in the middle of a longer one. */
function names(content: string, place: string): boolean {
  for (let at = content.indexOf(place); at >= 0; at = content.indexOf(place, at + 1)) {
    if (at === 0 || !/[\w.~@-]/.test(content[at - 1]!)) return true;
  }
  return false;
}
