import fc from 'fast-check';
import { expect, it } from 'vitest';
import { all, between, from, prefix, single } from '../../src/range.js';
import { Hub, type HubOptions } from '../../src/watch/hub.js';
import { type Ask, ScriptedHistory } from './scripted-history.js';
import { call, type Habit, Witness } from './witness.js';

const keys = ['a', 'ab', 'b', 'b\0', 'c'];
const key = fc.constantFrom(...keys);

const write = fc.record({
  kind: fc.constant('write' as const),
  asked: fc.array(fc.record<Ask>({ type: fc.constantFrom('put', 'put', 'delete'), key }), {
    minLength: 1,
    maxLength: 4,
  }),
});
const watch = fc.record({
  kind: fc.constant('watch' as const),
  habit: fc.constantFrom<Habit>('eager', 'eager', 'sparing', 'slow', 'slow', 'reader'),
  range: fc.oneof(
    key.map(single),
    fc.constantFrom(prefix('a'), prefix('b'), all(), from('b'), between('a', 'b'), between('ab', 'c')),
  ),
  /** Relative to the current revision; 0 leaves it out. */
  start: fc.oneof(fc.constant(undefined), fc.integer({ min: -12, max: 4 })),
  prevKv: fc.boolean(),
  filters: fc.constantFrom<('put' | 'delete')[]>([], [], [], ['put'], ['delete'], ['put', 'delete']),
  bufferMaxEvents: fc.constantFrom(1, 2, 5, 100),
});
const which = fc.nat();
const step = fc.oneof(
  { weight: 12, arbitrary: write },
  { weight: 4, arbitrary: watch },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('take' as const), which, times: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('proceed' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('turn' as const), microtasks: fc.integer({ min: 1, max: 12 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const), back: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const sizes = fc.record({
  recentMaxEvents: fc.constantFrom(0, 2, 6, 1000),
  backlogMaxBytes: fc.constantFrom(300, 1000, 100_000),
  bufferMaxBytes: fc.constantFrom(300, 100_000),
  batchMaxRevisions: fc.constantFrom(1, 3, 1000),
  batchMaxBytes: fc.constantFrom(300, 100_000),
  joinWithinRevisions: fc.constantFrom(1, 4, 1000),
  turnMaxChanges: fc.constantFrom(1, 5, 1000),
}) satisfies fc.Arbitrary<HubOptions>;

/** One run of a script against the hub and, for each watcher, its naive twin. */
class World {
  readonly history = new ScriptedHistory();
  readonly witnesses: Witness[] = [];
  readonly hub: Hub;
  readonly #sizes: Required<Pick<HubOptions, 'batchMaxRevisions'>> & HubOptions;

  constructor(options: typeof this.sizesOf, chunkRevisions: number) {
    this.history.chunkRevisions = chunkRevisions;
    this.#sizes = options;
    this.hub = new Hub(this.history, options);
  }

  declare readonly sizesOf: Required<Pick<HubOptions, 'batchMaxRevisions'>> & HubOptions;

  async do(step: Step): Promise<void> {
    const { history, hub, witnesses } = this;
    switch (step.kind) {
      case 'write': {
        const changes = history.write(step.asked);
        if (changes.length > 0) call(() => hub.publish(history.revision, changes));
        break;
      }
      case 'watch': {
        const { start, ...options } = step;
        const startRevision = start === undefined ? {} : { startRevision: Math.max(1, history.revision + start) };
        const { batchMaxRevisions } = this.#sizes;
        witnesses.push(new Witness(hub, history, { ...options, ...startRevision, batchMaxRevisions }));
        break;
      }
      case 'take': {
        const slow = witnesses.filter(({ habit }) => habit === 'slow');
        for (let i = 0; i < step.times && slow.length > 0; i++) slow[step.which % slow.length]!.take();
        break;
      }
      case 'proceed':
        history.proceed();
        break;
      case 'turn':
        for (let i = 0; i < step.microtasks; i++) await undefined;
        break;
      case 'compact': {
        const revision = history.revision - step.back;
        if (revision > history.compactedRevision) history.compact(revision);
        break;
      }
      case 'cancel':
        if (witnesses.length > 0) witnesses[step.which % witnesses.length]!.cancel();
        break;
    }
    for (const witness of witnesses) witness.checkNow();
  }

  /** Nothing hinders anybody any more: everybody gets everything, told or asking. */
  async settle(): Promise<void> {
    this.history.proceed(true);
    for (let quiet = 0; quiet < 3; quiet++) {
      await new Promise((resolve) => setImmediate(resolve));
      for (const witness of this.witnesses) {
        if (witness.habit !== 'slow') continue;
        while (witness.take() !== undefined) quiet = 0;
      }
      if (this.history.openScans > 0) quiet = 0;
    }
  }
}

it('gives every watcher the changes of its range from its start on, each once and in order, whatever comes in between', async () => {
  await fc.assert(
    fc.asyncProperty(
      sizes,
      fc.integer({ min: 1, max: 3 }),
      fc.array(step, { minLength: 5, maxLength: 80, size: 'max' }),
      async (sizes, chunkRevisions, steps) => {
        const world = new World(sizes, chunkRevisions);
        for (const step of steps) await world.do(step);
        await world.settle();
        for (const witness of world.witnesses) witness.checkNow();
        for (const witness of world.witnesses) witness.checkEnd();

        expect(world.hub.status.pendingEvents).toBe(0);
        expect(world.hub.status.lagging).toBe(0);
        for (const witness of world.witnesses) witness.cancel();
        await world.hub.close();
        expect(world.hub.status).toMatchObject({ watchers: 0, lagging: 0, pendingEvents: 0, pendingBytes: 0 });
        expect(world.history.openScans).toBe(0);
      },
    ),
    { numRuns: Number(process.env['RUNS'] ?? 1000) },
  );
});
