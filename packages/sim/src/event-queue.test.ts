import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Event, EventQueue } from './event-queue.js';

it('gives events by time, those of one time in the order they came, like a sorted list', () => {
  const commands = fc.array(fc.option(fc.nat({ max: 5 }), { nil: undefined }), { maxLength: 200 });
  fc.assert(
    fc.property(commands, (list) => {
      const queue = new EventQueue();
      const naive: Event[] = [];
      for (const atMs of list) {
        if (atMs === undefined) {
          const expected = naive.shift();
          expect(queue.peek()).toBe(expected);
          expect(queue.pop()).toBe(expected);
        } else {
          const event: Event = { atMs, order: 0, cancelled: false, run: () => {} };
          queue.add(event);
          const behind = naive.findIndex((other) => other.atMs > atMs);
          naive.splice(behind < 0 ? naive.length : behind, 0, event);
        }
        expect(queue.size).toBe(naive.length);
      }
    }),
  );
});
