import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LeaseError, LeaseTable } from '../../src/index.js';
import { NaiveLeases } from '../../src/testing/index.js';

const options = { minTtlSeconds: 2, retryMs: 3000, checkpointMs: 4000, expiriesPerSecond: 2 };
const ids = [1n, 2n, 3n, 4n, 5n, -5n, 2n ** 63n - 1n, -(2n ** 63n)];
const keys = ['', 'a', 'aa', 'b', '\x80', '\xff', '\xff\xff'];

interface World {
  readonly model: NaiveLeases;
  nowMs: number;
}
type Twin = LeaseTable | NaiveLeases;
type Step = fc.Command<World, LeaseTable>;

/** What a call gave, or the code it failed with: both twins must agree on either. */
function outcome(call: () => unknown): unknown {
  try {
    return { gave: call() };
  } catch (error) {
    if (error instanceof LeaseError) return { failed: error.code };
    throw error;
  }
}

/** Everything that can be seen of a table without changing it. */
function look(twin: Twin, nowMs: number): unknown {
  return {
    size: twin.size,
    primary: twin.primary,
    list: twin.list(nowMs),
    nextDueMs: twin.nextDueMs,
    attached: ids.map((id) => [...twin.keys(id)].sort()),
    counted: twin.primary
      ? twin.list(nowMs).map(({ id }) => [twin.remainingSeconds(id, nowMs), twin.expired(id, nowMs)])
      : 'nothing',
    keys: keys.map((key) => [key, twin.leaseOf(key)]),
  };
}

/** The same call on both twins, then a look at both. */
function step(name: string, call: (twin: Twin, nowMs: number) => unknown, elapseMs = 0): Step {
  return {
    check: () => true,
    run(world, table) {
      world.nowMs += elapseMs;
      const { model, nowMs } = world;
      const found = [outcome(() => call(table, nowMs)), look(table, nowMs)];
      const meant = [outcome(() => call(model, nowMs)), look(model, nowMs)];
      if (!isDeepStrictEqual(found, meant)) expect(found).toEqual(meant);
    },
    toString: () => name,
  };
}

const id = fc.constantFrom(...ids);
const strangeId = fc.constantFrom(0n, 2n ** 63n, -(2n ** 63n) - 1n);
const key = fc.constantFrom(...keys);
const ttl = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -2, max: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom(9_000_000_000, 9_000_000_001) },
);
const commands: fc.Arbitrary<Step>[] = [
  fc.tuple(id, ttl).map(([i, t]) => step(`grant ${i} ${t}`, (twin, now) => twin.grant(i, t, now))),
  fc.tuple(id, ttl).map(([i, t]) => step(`grant ${i} ${t}`, (twin, now) => twin.grant(i, t, now))),
  fc.tuple(strangeId, ttl).map(([i, t]) => step(`grant ${i} ${t}`, (twin, now) => twin.grant(i, t, now))),
  id.map((i) => step(`revoke ${i}`, (twin) => twin.revoke(i))),
  fc.tuple(id, key).map(([i, k]) => step(`attach ${i} ${JSON.stringify(k)}`, (twin) => twin.attach(i, k))),
  fc.tuple(id, key).map(([i, k]) => step(`attach ${i} ${JSON.stringify(k)}`, (twin) => twin.attach(i, k))),
  key.map((k) => step(`detach ${JSON.stringify(k)}`, (twin) => twin.detach(k))),
  id.map((i) => step(`renew ${i}`, (twin, now) => twin.renew(i, now))),
  id.map((i) => step(`renew ${i}`, (twin, now) => twin.renew(i, now))),
  fc.tuple(id, fc.nat(12)).map(([i, s]) => step(`checkpoint ${i} ${s}`, (twin) => twin.checkpoint(i, s))),
  fc.constantFrom(0, 1000, 1500).map((extend) => step(`promote +${extend}`, (twin, now) => twin.promote(now, extend))),
  fc.constant(step('demote', (twin) => twin.demote())),
  fc.constantFrom(1, 3, 500).map((limit) => step(`due ${limit}`, (twin, now) => twin.due(now, limit))),
  fc.constantFrom(1, 3, 500).map((limit) => step(`due ${limit}`, (twin, now) => twin.due(now, limit))),
  fc
    .constantFrom(1, 1000)
    .map((limit) => step(`dueCheckpoints ${limit}`, (twin, now) => twin.dueCheckpoints(now, limit))),
  fc.constantFrom(1, 700, 5000).map((ms) => step(`forgive ${ms}`, (twin) => twin.forgive(ms))),
  fc.constantFrom(1, 499, 1000, 2000, 3000, 10_000).map((ms) => step(`wait ${ms}`, () => undefined, ms)),
  fc.constantFrom(1, 499, 1000, 2000, 3000, 10_000).map((ms) => step(`wait ${ms}`, () => undefined, ms)),
  fc.constant<Step>({
    check: ({ model }) => !model.primary,
    run({ model, nowMs }, table) {
      const saved = table.list(nowMs);
      table.restore(saved);
      model.restore(model.list(nowMs));
      expect(table.list(nowMs)).toEqual(saved);
    },
    toString: () => 'restore',
  }),
];

describe('LeaseTable', () => {
  it('answers any history like the naive twin', () => {
    fc.assert(
      fc.property(fc.commands(commands, { size: '+2', maxCommands: 120 }), (history) =>
        fc.modelRun(
          () => ({ model: { model: new NaiveLeases(options), nowMs: 5 }, real: new LeaseTable(options) }),
          history,
        ),
      ),
      { numRuns: 400 },
    );
  });

  it('agrees with its twin on members whose clocks differ, in everything that is replicated', () => {
    const replicated = fc.oneof(
      fc.tuple(fc.constant('grant' as const), id, ttl),
      fc.tuple(fc.constant('revoke' as const), id),
      fc.tuple(fc.constant('attach' as const), id, key),
      fc.tuple(fc.constant('detach' as const), key),
      fc.tuple(fc.constant('checkpoint' as const), id, fc.nat(12)),
    );
    fc.assert(
      fc.property(fc.array(replicated, { maxLength: 100 }), fc.nat(1e9), (history, clockMs) => {
        const follower = new LeaseTable(options);
        const primary = new LeaseTable(options);
        primary.promote(clockMs, 1000);
        for (const [i, [kind, ...rest]] of history.entries()) {
          const now = clockMs + i * 5000;
          primary.due(now, 500);
          const call = (table: LeaseTable, at: number): unknown => {
            if (kind === 'grant') return table.grant(rest[0] as bigint, rest[1] as number, at);
            if (kind === 'revoke') return table.revoke(rest[0] as bigint);
            if (kind === 'attach') return table.attach(rest[0] as bigint, rest[1] as string);
            if (kind === 'detach') return table.detach(rest[0] as string);
            return table.checkpoint(rest[0] as bigint, rest[1] as number);
          };
          expect(outcome(() => call(primary, now))).toEqual(outcome(() => call(follower, 0)));
        }
        primary.demote();
        expect(primary.list(0)).toEqual(follower.list(0));
        for (const k of keys) expect(primary.leaseOf(k)).toBe(follower.leaseOf(k));
      }),
      { numRuns: 300 },
    );
  });
});
