import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Deadlines, type Expiring } from './deadlines.js';

const TICK_MS = 8;

class Item implements Expiring {
  slot = -1;
  before: Expiring | undefined;
  after: Expiring | undefined;
  constructor(
    readonly deadlineMs: number,
    readonly addedMs = 0,
  ) {}
}

type Step =
  | { readonly kind: 'add'; readonly inMs: number }
  | { readonly kind: 'remove'; readonly which: number }
  | { readonly kind: 'advance'; readonly byMs: number };

const inMs = fc.oneof(
  fc.integer({ min: -20, max: 100 }),
  fc.double({ min: 0, max: 10_000, noNaN: true }),
  fc.integer({ min: 0, max: 3_000_000 }),
  fc.integer({ min: 0, max: 30_000_000 }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), inMs }),
  fc.record({ kind: fc.constant('add' as const), inMs }),
  fc.record({ kind: fc.constant('remove' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('advance' as const), byMs: fc.oneof(fc.nat(40), fc.nat(5000), fc.nat(3_000_000)) }),
);

it('expires each once, never early, at most a tick late, like a list that is searched', () =>
  fc.assert(
    fc.property(fc.nat(100_000_000), fc.array(step, { maxLength: 80 }), (startMs, steps) => {
      const wheel = new Deadlines();
      let nowMs = startMs;
      let open: Item[] = [];
      for (const each of steps) {
        if (each.kind === 'add') {
          const item = new Item(nowMs + each.inMs, nowMs);
          open.push(item);
          wheel.add(item, nowMs);
        } else if (each.kind === 'remove') {
          const [item] = open.splice(each.which % Math.max(open.length, 1), 1);
          if (item !== undefined) {
            wheel.remove(item);
            wheel.remove(item);
          }
        } else {
          nowMs += each.byMs;
          const due = new Set<Expiring>();
          wheel.advance(nowMs, (item) => {
            expect(due.has(item)).toBe(false);
            expect(item.deadlineMs).toBeLessThanOrEqual(nowMs);
            due.add(item);
          });
          for (const item of open) {
            if (Math.max(item.deadlineMs, item.addedMs) <= nowMs - TICK_MS) expect(due.has(item)).toBe(true);
          }
          open = open.filter((item) => !due.has(item));
        }
        expect(wheel.size).toBe(open.length);
        const earliestMs = Math.min(...open.map((item) => item.deadlineMs));
        // It may be looked at too early, never too late.
        if (open.length > 0) expect(wheel.earliestMs).toBeLessThan(Math.max(earliestMs, nowMs) + 2 * TICK_MS);
        else if (each.kind === 'advance') expect(wheel.earliestMs).toBe(Number.POSITIVE_INFINITY);
      }
    }),
    { numRuns: 500 },
  ));

it('lets an expiring item add and remove others', () => {
  const wheel = new Deadlines();
  const [first, second, third] = [new Item(100), new Item(100), new Item(150)];
  wheel.add(first!, 0);
  wheel.add(second!, 0);
  const expired: Expiring[] = [];
  wheel.advance(200, (item) => {
    expired.push(item);
    if (item === second) wheel.add(third!, 200);
  });
  expect(new Set(expired)).toEqual(new Set([first, second]));
  wheel.advance(300, (item) => expired.push(item));
  expect(expired.at(-1)).toBe(third);
});

it.each([4096, 8192, 2_097_152, 4_194_304, 6_291_456])(
  'expires what is due at the begin of a lap, %d ms',
  (deadlineMs) => {
    const wheel = new Deadlines();
    const item = new Item(deadlineMs);
    wheel.add(item, 0);
    const expired: Expiring[] = [];
    wheel.advance(deadlineMs - 1, (each) => expired.push(each));
    expect(expired).toEqual([]);
    expect(wheel.earliestMs).toBeLessThanOrEqual(deadlineMs);
    wheel.advance(deadlineMs, (each) => expired.push(each));
    expect(expired).toEqual([item]);
  },
);
