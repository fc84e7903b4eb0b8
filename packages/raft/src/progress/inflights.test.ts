import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Inflights } from './inflights.js';

describe('the window of unanswered appends', () => {
  it('answers like a plain list', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 100 }),
        fc.array(
          fc.oneof(fc.record({ bytes: fc.nat(30) }), fc.record({ free: fc.nat(60) }), fc.constant('clear' as const)),
        ),
        (maxMessages, maxBytes, commands) => {
          const real = new Inflights(maxMessages, maxBytes);
          let list: { last: number; bytes: number }[] = [];
          let last = 0;
          const bytes = (): number => list.reduce((sum, each) => sum + each.bytes, 0);
          for (const command of commands) {
            if (command === 'clear') {
              real.clear();
              list = [];
            } else if ('free' in command) {
              real.free(command.free);
              list = list.filter((each) => each.last > command.free);
            } else if (!real.full) {
              real.add(++last, command.bytes);
              list.push({ last, bytes: command.bytes });
            }
            expect(real.count).toBe(list.length);
            expect(real.bytes).toBe(bytes());
            expect(real.full).toBe(list.length >= maxMessages || bytes() >= maxBytes);
          }
        },
      ),
    ));

  it('takes nothing when it is full', () => {
    const window = new Inflights(1, 100);
    window.add(1, 1);
    expect(() => window.add(2, 1)).toThrow('full');
  });
});
