import { systemClock as clock } from '@kontiki/std/node';
import fc from 'fast-check';
import { MemoryLevel } from 'memory-level';
import { afterEach, describe, expect, it } from 'vitest';
import { type LevelBackend, openLevelBackend } from '../../src/adapters/level-backend.js';
import { all, single } from '../../src/range.js';
import { MvccStore } from '../../src/store.js';
import type { Op } from '../../src/txn/txn.js';
import type { Event } from '../../src/types.js';
import type { HubOptions } from '../../src/watch/hub.js';
import { type Step, script, sizes } from './script.js';
import { type Ask, ScriptedHistory, valueOfPut } from './scripted-history.js';
import { call } from './witness.js';
import { turn, until, World } from './world.js';

let open: { store: MvccStore; backend: LevelBackend }[] = [];

async function openStore(watch: HubOptions): Promise<MvccStore> {
  const backend = await openLevelBackend(new MemoryLevel(), { clock, commitIntervalMs: 1, commitChanges: 5 });
  const store = await MvccStore.open({ backend, clock, compactionBatchLimit: 2, compactionPauseMs: 0, watch });
  open.push({ store, backend });
  return store;
}

/** What `backend` holds, with more writes and perhaps the beginning of a compaction, on a backend of its own. */
async function ahead(
  backend: LevelBackend,
  missed: readonly (readonly Ask[])[],
  back: number | undefined,
): Promise<LevelBackend> {
  const other = await openLevelBackend(new MemoryLevel(), { clock, commitIntervalMs: 1, commitChanges: 5 });
  // The marks first: a compaction may be going on.
  for (const table of ['meta', 'key']) {
    for await (const records of backend.scan(table)) for (const [key, value] of records) other.put(table, key, value);
  }
  const store = await MvccStore.open({ backend: other, clock, compactionBatchLimit: 2 });
  for (const asked of missed) write(store, asked);
  if (back !== undefined && store.revision - back > store.compactedRevision) store.compact(store.revision - back);
  await store.close();
  return other;
}

async function closeAll(): Promise<void> {
  for (const { store, backend } of open) {
    await store.close();
    await backend.close();
  }
  open = [];
}

afterEach(closeAll);

function write(store: MvccStore, asked: readonly Ask[]): void {
  const success = asked.map(({ type, key }, i): Op => {
    return type === 'put'
      ? { kind: 'put', key, value: valueOfPut(store.revision + 1, i) }
      : { kind: 'delete', range: single(key) };
  });
  store.txn({ compares: [], success, failure: [] });
}

function print({ type, kv, prevKv }: Event): string {
  return `${type} ${kv.modRevision}${prevKv === undefined ? '' : ` after ${prevKv.modRevision}`}`;
}

/**
 * A write changes a key once, as etcd's rules for transactions want it: of two changes of one key in the very revision that is compacted,
 * compaction keeps the last.
 */
function lawful(steps: readonly Step[]): Step[] {
  const once = (asked: readonly Ask[]): Ask[] => [...new Map(asked.map((ask) => [ask.key, ask])).values()];
  return steps.map((step) => {
    if (step.kind === 'write') return { ...step, asked: once(step.asked) };
    return step.kind === 'replace' ? { ...step, missed: step.missed.map(once) } : step;
  });
}

describe('a store', () => {
  it('gives every watcher the changes of its range from its start on, each once and in order, whatever comes in between', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, script, async (sizes, steps) => {
        const store = await openStore(sizes);
        const opened = open[0]!;
        const model = new ScriptedHistory();
        const world = new World(
          model,
          {
            watch: (options) => store.watch(options),
            write: (asked) => call(() => write(store, asked)),
            compact: (revision) => void store.compact(revision),
            replace: async (missed, back) => {
              const next = await ahead(opened.backend, missed, back);
              await store.replace(next, { onSwitch: () => model.exchange(missed, back) });
              await opened.backend.close();
              opened.backend = next;
            },
            proceed: turn,
          },
          sizes,
        );
        await world.run(lawful(steps));
        expect([store.revision, store.compactedRevision]).toEqual([model.revision, model.compactedRevision]);
        await world.settle(() => store.watchStatus.lagging > 0);

        for (const witness of world.witnesses) witness.cancel();
        await store.compacted();
        await store.close();
        expect(store.watchStatus).toMatchObject({ watchers: 0, lagging: 0, pendingEvents: 0, pendingBytes: 0 });
        await closeAll();
      }),
      { numRuns: 60 },
    );
  });

  it('shows a watcher that starts at the compacted revision or above everything from there, deletes too, and tells others', async () => {
    // Small enough to try every case: the history, when it deletes, what is compacted, where the watch starts.
    const last = 8;
    for (let deleted = 3; deleted <= last; deleted++) {
      for (let compacted = 1; compacted <= last; compacted++) {
        const store = await openStore({ recentMaxEvents: 0 });
        for (let revision = 2; revision <= last; revision++) {
          write(store, [{ type: revision === deleted ? 'delete' : 'put', key: 'k' }]);
        }
        await store.compact(compacted).done;
        const watchers = Array.from({ length: last + 2 }, (_, start) =>
          store.watch({ range: all(), startRevision: start }),
        );
        const late = watchers.filter((_, start) => start > 0 && start < compacted).length;
        await until(() => store.watchStatus.lagging === late);
        for (const [start, watcher] of watchers.entries()) {
          const got = watcher.take();
          const shown = got?.kind === 'events' ? got.events.map(print) : (got ?? []);
          const expected = Array.from({ length: last + 1 }, (_, revision) => revision)
            .filter((revision) => start > 0 && revision >= Math.max(start, 2))
            .map((revision) => `${revision === deleted ? 'delete' : 'put'} ${revision}`);
          const tooLate = start > 0 && start < compacted;
          expect(shown, `deleted ${deleted}, compacted ${compacted}, start ${start}`).toEqual(
            tooLate ? { kind: 'compacted', compactRevision: compacted } : expected,
          );
        }
        await closeAll();
      }
    }
  });

  it('gives one write of many keys as one batch, live and from history', async () => {
    const store = await openStore({ recentMaxEvents: 0 });
    const keys = Array.from({ length: 3000 }, (_, i) => `k${i}`);
    const live = store.watch({ range: all() });
    write(
      store,
      keys.map((key) => ({ type: 'put', key })),
    );
    const batches = [live.take()];
    store.deleteRange(all());
    batches.push(live.take());
    const past = store.watch({ range: all(), startRevision: 2, prevKv: true });
    await until(() => {
      const batch = past.take();
      if (batch !== undefined) batches.push(batch);
      return batches.length === 4;
    });
    const seen = batches.map((batch) => batch?.kind === 'events' && new Set(batch.events.map(print)));
    const put = new Set(keys.map(() => 'put 2'));
    const gone = new Set(keys.map(() => 'delete 3'));
    expect(seen).toEqual([put, gone, put, new Set(['delete 3 after 2'])]);
    expect(batches.map((batch) => batch?.kind === 'events' && batch.events.length)).toEqual([3000, 3000, 3000, 3000]);
  });
});
