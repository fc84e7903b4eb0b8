import fc from 'fast-check';
import { MemoryLevel } from 'memory-level';
import { describe, expect, it } from 'vitest';
import { type LevelBackend, openLevelBackend } from '../../src/adapters/level-backend.js';
import { all } from '../../src/range.js';
import { MvccStore } from '../../src/store.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { NaiveStore } from '../../src/testing/model.js';
import type { Txn } from '../../src/txn/txn.js';
import type { WatchBatch, Watcher } from '../../src/watch/watcher.js';
import { NO_LEASE, rangeOptions, ranges, txns } from './arbitraries.js';
import { outcome, outcomeOf, show } from './world.js';

/** A write that goes to the log, a compaction `back` revisions behind the present, or time. */
type Step = { kind: 'txn'; txn: Txn } | { kind: 'compact'; back: number } | { kind: 'pass'; ms: number };

const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: txns.map((txn): Step => ({ kind: 'txn', txn })) },
    { weight: 1, arbitrary: fc.nat(6).map((back): Step => ({ kind: 'compact', back })) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 30 }).map((ms): Step => ({ kind: 'pass', ms })) },
  ),
  { maxLength: 25, size: 'max' },
);

const check = { leaseExists: (id: bigint) => id !== NO_LEASE };
const clock = new ManualClock();

interface Member {
  store: MvccStore;
  backend: LevelBackend;
}

const newBackend = (db = new MemoryLevel<Uint8Array, Uint8Array>({ storeEncoding: 'view' })): Promise<LevelBackend> =>
  openLevelBackend(db, { clock, commitIntervalMs: 20, commitChanges: 6 });

async function openMember(backend?: LevelBackend): Promise<Member> {
  const own = backend ?? (await newBackend());
  const store = await MvccStore.open({
    backend: own,
    clock,
    compactionBatchLimit: 2,
    compactionPauseMs: 10,
    valueCacheBytes: 2000,
    // small enough for some watchers to need history
    watch: { recentMaxEvents: 3 },
  });
  return { store, backend: own };
}

async function pass(ms: number): Promise<void> {
  for (let rest = ms; rest > 0; rest -= 10) {
    clock.advance(Math.min(10, rest));
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Every member answers as the twin does. */
async function play(step: Step, members: readonly Member[], twin: NaiveStore): Promise<void> {
  if (step.kind === 'pass') return pass(step.ms);
  const revision = step.kind === 'compact' ? twin.revision - step.back : 0;
  const expected = outcome(() => (step.kind === 'txn' ? twin.txn(step.txn, check) : twin.compact(revision)));
  for (const { store } of members) {
    const compact = (): void => void store.compact(revision);
    expect(outcome(() => (step.kind === 'txn' ? store.txn(step.txn, check) : compact()))).toBe(expected);
  }
}

/** The database as it would arrive at another member: a compaction may be half done in it. */
async function copyOf(backend: LevelBackend): Promise<LevelBackend> {
  const copy = await newBackend();
  for (const table of ['meta', 'key']) {
    for await (const records of backend.scan(table)) for (const [key, value] of records) copy.put(table, key, value);
  }
  return copy;
}

/** What a watcher has seen so far: `type main key value`, at last `compacted`. */
function collect(watcher: Watcher, seen: string[]): void {
  const note = (batch: WatchBatch): void => {
    if (batch.kind === 'compacted') seen.push('compacted');
    else for (const { type, kv } of batch.events) seen.push(`${type} ${kv.modRevision} ${show(kv)}`);
  };
  for (let batch = watcher.take(); batch !== undefined; batch = watcher.take()) note(batch);
}

/** Without changes that another one of the same key in the same revision follows: compaction may have taken those. */
function lastOfRevision(seen: readonly string[]): string[] {
  const keyOf = (line: string): string =>
    JSON.stringify([line.split(' ')[1], /"key": ("(?:[^"\\]|\\.)*")/.exec(line)?.[1]]);
  const keys = seen.map(keyOf);
  return seen.filter((line, i) => line === 'compacted' || keys.lastIndexOf(keys[i]!) === i);
}

function expectedOf(twin: NaiveStore, from: number): string[] {
  return twin.log
    .filter(({ main }) => main >= from)
    .map(({ main, key, kv }) => {
      const none = { createRevision: 0, modRevision: main, version: 0, value: new Uint8Array(0), lease: 0n };
      const shown = kv ?? { key: Uint8Array.from(key, (c) => c.charCodeAt(0)), ...none };
      return `${kv === undefined ? 'delete' : 'put'} ${main} ${show(shown)}`;
    });
}

describe('a store that takes over the state of one that is ahead', () => {
  it('is the other one from then on, in every answer', async () => {
    await fc.assert(
      fc.asyncProperty(
        steps,
        steps,
        steps,
        fc.array(fc.tuple(ranges, rangeOptions), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 6 }),
        async (common, missed, after, reads, starts) => {
          const twin = new NaiveStore();
          const behind = await openMember();
          const ahead = await openMember();
          for (const step of common) await play(step, [behind, ahead], twin);
          // Some take all the time, some never until the end; starts are past, present and future.
          const compactedAtStart = twin.compactedRevision;
          const watches = starts.map((start) => {
            const watcher = behind.store.watch({ range: all(), startRevision: start });
            return { start, watcher, seen: [] as string[], eager: start % 2 === 0 };
          });
          await pass(10);
          for (const { eager, watcher, seen } of watches) if (eager) collect(watcher, seen);
          for (const step of missed) await play(step, [ahead], twin);

          const replacement = await copyOf(ahead.backend);
          const attached: [string, bigint][] = [];
          let switches = 0;
          const slow = behind.store.rangeInSlices(all());
          const before = show(behind.store.range(all()));
          await clock.until(
            behind.store.replace(replacement, {
              onAttached: (key, lease) => attached.push([key, lease]),
              onSwitch: () => {
                switches++;
                expect(behind.store.revision).toBe(twin.revision);
              },
            }),
          );
          expect(show(await clock.until(slow))).toBe(before);
          await behind.backend.close();
          behind.backend = replacement;
          expect(switches).toBe(1);
          const state = [...twin.state(twin.revision)].map(([key, { lease }]) => [key, lease] as const);
          expect(show(attached.toSorted())).toBe(show(state.filter(([, lease]) => lease !== 0n).toSorted()));

          for (const step of after) await play(step, [behind, ahead], twin);
          const { store } = behind;
          expect(store.compactedRevision).toBe(twin.compactedRevision);
          expect(store.size).toBe(twin.state(twin.revision).size);
          for (const [range, options] of reads) {
            const expected = outcome(() => twin.range(range, options));
            expect(outcome(() => store.range(range, options))).toBe(expected);
            expect(await outcomeOf(() => clock.until(store.rangeInSlices(range, options)))).toBe(expected);
          }
          for (let revision = Math.max(1, twin.compactedRevision); revision <= twin.revision; revision++) {
            expect(show(store.range(all(), { revision }))).toBe(show(twin.range(all(), { revision })));
            expect(show(await clock.until(store.hash(revision)))).toBe(show(twin.hash(revision)));
          }

          for (let turns = 0; turns < 30; turns++) {
            for (const { watcher, seen } of watches) collect(watcher, seen);
            await pass(10);
          }
          for (const { start, seen, watcher } of watches) {
            const expected = lastOfRevision(expectedOf(twin, start));
            const got = lastOfRevision(seen);
            if (seen.at(-1) !== 'compacted') {
              expect(got).toEqual(expected);
              continue;
            }
            // It was told so at a place that is compacted, and had everything up to there.
            expect(watcher.nextRevision).toBeLessThan(twin.compactedRevision);
            if (start >= compactedAtStart) expect(got.slice(0, -1)).toEqual(expected.slice(0, got.length - 1));
            else expect(got).toHaveLength(1);
          }

          await clock.until(store.compacted());
          let stored = 0;
          for await (const records of replacement.scan('key')) stored += records.length;
          expect(stored).toBe(twin.stored().length);
          await clock.until(store.close());
          // What it wrote since is where it belongs.
          const again = await openMember(replacement);
          expect(show(again.store.range(all()))).toBe(show(twin.range(all())));
          await clock.until(Promise.all([again.store.close(), ahead.store.close()]));
          await clock.until(Promise.all([replacement.close(), ahead.backend.close()]));
        },
      ),
      { numRuns: Number(process.env['MVCC_RUNS'] ?? 60) },
    );
  });
});
