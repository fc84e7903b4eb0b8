import fc from 'fast-check';
import { expect, it } from 'vitest';
import { flagNames } from './flags.js';
import { nearest } from './nearest.js';

it.each([
  ['data-dri', 'data-dir'],
  ['nmae', 'name'],
  ['listen-client-url', 'listen-client-urls'],
  ['advertise-client-ulrs', 'advertise-client-urls'],
  ['experimental-watch-progress-notify', undefined],
  ['x', 'v'],
  ['zzzzzz', undefined],
])('%s was meant to be %s', (typed, meant) => {
  expect(nearest(typed, flagNames())).toBe(meant);
});

it('finds the flag behind any one slip', () => {
  const names = flagNames().filter((name) => name.length > 6);
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.nat(), fc.constantFrom('drop', 'double', 'swap'), (name, place, slip) => {
      const at = place % (name.length - 1);
      const [a, b] = [name[at]!, name[at + 1]!];
      const middle = { drop: b, double: a + a + b, swap: b + a }[slip];
      const typed = name.slice(0, at) + middle + name.slice(at + 2);
      const found = nearest(typed, flagNames());
      // One slip may also lead exactly to a flag's neighbour: max-wals, max-vals.
      expect(found).toBeDefined();
      expect(Math.abs(found!.length - name.length)).toBeLessThanOrEqual(2);
    }),
  );
});
