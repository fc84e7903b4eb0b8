import fc from 'fast-check';
import { all, between, from, prefix, single } from '../../src/range.js';
import type { HubOptions } from '../../src/watch/hub.js';
import type { Ask } from './scripted-history.js';
import type { Habit } from './witness.js';

const key = fc.constantFrom('a', 'ab', 'b', 'b\0', 'c');
const which = fc.nat();

const asked = fc.array(fc.record<Ask>({ type: fc.constantFrom('put', 'put', 'delete'), key }), {
  minLength: 1,
  maxLength: 4,
});

const steps = {
  write: fc.record({ kind: fc.constant('write' as const), asked }),
  watch: fc.record({
    kind: fc.constant('watch' as const),
    habit: fc.constantFrom<Habit>('eager', 'eager', 'sparing', 'slow', 'slow', 'reader'),
    range: fc.oneof(
      key.map(single),
      fc.constantFrom(prefix('a'), prefix('b'), all(), from('b'), between('a', 'b'), between('ab', 'c')),
    ),
    /** Relative to the current revision; absent: leave it out. */
    start: fc.oneof(fc.constant(undefined), fc.integer({ min: -12, max: 4 })),
    prevKv: fc.boolean(),
    filters: fc.constantFrom<('put' | 'delete')[]>([], [], [], ['put'], ['delete'], ['put', 'delete']),
    bufferMaxEvents: fc.constantFrom(1, 2, 5, 100),
  }),
  take: fc.record({ kind: fc.constant('take' as const), which, times: fc.integer({ min: 1, max: 3 }) }),
  /** Whoever reads history gets a little further. */
  proceed: fc.record({ kind: fc.constant('proceed' as const) }),
  turn: fc.record({ kind: fc.constant('turn' as const), microtasks: fc.integer({ min: 1, max: 12 }) }),
  compact: fc.record({ kind: fc.constant('compact' as const), back: fc.nat(8) }),
  /** History is exchanged for one with more writes, and perhaps compacted further. */
  replace: fc.record({
    kind: fc.constant('replace' as const),
    missed: fc.array(asked, { maxLength: 12 }),
    back: fc.option(fc.nat(14), { nil: undefined }),
  }),
  cancel: fc.record({ kind: fc.constant('cancel' as const), which }),
};

/** What can happen to a store and those who watch it. */
export type Step = {
  [Kind in keyof typeof steps]: (typeof steps)[Kind] extends fc.Arbitrary<infer T> ? T : never;
}[keyof typeof steps];

export const script: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: steps.write },
    { weight: 4, arbitrary: steps.watch },
    { weight: 6, arbitrary: steps.take },
    { weight: 6, arbitrary: steps.proceed },
    { weight: 6, arbitrary: steps.turn },
    { weight: 1, arbitrary: steps.compact },
    { weight: 1, arbitrary: steps.replace },
    { weight: 1, arbitrary: steps.cancel },
  ),
  { minLength: 5, maxLength: 80, size: 'max' },
);

export interface Sizes extends HubOptions {
  readonly batchMaxRevisions: number;
}

/** Bounds from so tight that nothing fits to so wide that nothing meets them. */
export const sizes: fc.Arbitrary<Sizes> = fc.record({
  recentMaxEvents: fc.constantFrom(0, 2, 6, 1000),
  backlogMaxBytes: fc.constantFrom(300, 1000, 100_000),
  bufferMaxBytes: fc.constantFrom(300, 100_000),
  batchMaxRevisions: fc.constantFrom(1, 3, 1000),
  batchMaxBytes: fc.constantFrom(300, 100_000),
  joinWithinRevisions: fc.constantFrom(1, 4, 1000),
  turnMaxChanges: fc.constantFrom(1, 5, 1000),
  turnMaxDeliveries: fc.constantFrom(1, 4, 1000),
});
