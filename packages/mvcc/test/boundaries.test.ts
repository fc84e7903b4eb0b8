import { fromLatin1, toLatin1 } from '@kontiki/std';
import { MemoryLevel } from 'memory-level';
import { describe, expect, it } from 'vitest';
import { openLevelBackend } from '../src/adapters/level-backend.js';
import { all, single } from '../src/range.js';
import { MvccStore } from '../src/store.js';
import { ManualClock } from '../src/testing/manual-clock.js';
import { NaiveStore } from '../src/testing/model.js';
import type { Op } from '../src/txn/txn.js';
import type { WatchBatch } from '../src/watch/watcher.js';

/*
 * Small scope, all of it: whatever goes wrong with compaction goes wrong at a boundary. One key is put and deleted in
 * every way that fits into LENGTH revisions; compacted at each of them; and read, watched from each revision, reopened,
 * both after the compaction and with it interrupted at each of its batches.
 */
const LENGTH = 4;

type Change = 'put' | 'delete' | 'other';

function histories(length: number, exists = false): Change[][] {
  if (length === 0) return [[]];
  const next: Change[] = exists ? ['put', 'delete', 'other'] : ['put', 'other'];
  return next.flatMap((change) =>
    histories(length - 1, change === 'put' || (exists && change === 'other')).map((rest) => [change, ...rest]),
  );
}

const opOf = (change: Change): Op =>
  change === 'delete'
    ? { kind: 'delete', range: single('k') }
    : { kind: 'put', key: change === 'put' ? 'k' : 'other', value: fromLatin1('') };

async function eventsFrom(store: MvccStore, startRevision: number): Promise<string[]> {
  const watcher = store.watch({ range: single('k'), startRevision });
  const seen: string[] = [];
  const note = (batch: WatchBatch): void => {
    if (batch.kind === 'compacted') seen.push(`compacted at ${batch.compactRevision}`);
    else for (const { type, kv } of batch.events) seen.push(`${type} ${kv.modRevision}`);
  };
  for (let turns = 0; turns < 12; turns++) {
    for (let batch = watcher.take(); batch !== undefined; batch = watcher.take()) note(batch);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  watcher.cancel();
  return seen;
}

const keysAt = (store: MvccStore, revision: number): string =>
  store
    .range(all(), { revision })
    .kvs.map(({ key, modRevision, version }) => `${toLatin1(key)} ${modRevision} ${version}`)
    .join();

/** What must be visible of a history compacted at `compacted`. */
async function check(store: MvccStore, twin: NaiveStore, compacted: number, stage: string): Promise<void> {
  expect(store.revision, stage).toBe(twin.revision);
  expect(store.compactedRevision, stage).toBe(compacted);
  for (let revision = Math.max(compacted, 1); revision <= twin.revision; revision++) {
    const expected = [...twin.state(revision).values()]
      .map(({ key, modRevision, version }) => `${toLatin1(key)} ${modRevision} ${version}`)
      .toSorted()
      .join();
    expect(keysAt(store, revision), `${stage}, at ${revision}`).toBe(expected);
  }
  for (let start = 1; start <= twin.revision + 1; start++) {
    const expected =
      start < compacted
        ? [`compacted at ${compacted}`]
        : twin.log
            .filter(({ key, main, kv }) => {
              // At the compacted revision a put may be the one that is still shown; of an older life nothing is left.
              return (
                key === 'k' &&
                main >= start &&
                (main > compacted || kv === undefined || twin.state(compacted).get('k') === kv)
              );
            })
            .map(({ main, kv }) => `${kv === undefined ? 'delete' : 'put'} ${main}`);
    expect(await eventsFrom(store, start), `${stage}, watched from ${start}`).toEqual(expected);
  }
}

async function play(history: readonly Change[], compacted: number): Promise<void> {
  const clock = new ManualClock();
  const db = new MemoryLevel<Uint8Array, Uint8Array>({
    storeEncoding: 'view',
    keyEncoding: 'view',
    valueEncoding: 'view',
  });
  const backend = await openLevelBackend(db, { clock });
  const store = await MvccStore.open({ backend, clock, compactionBatchLimit: 1 });
  const twin = new NaiveStore();
  for (const change of history) {
    const txn = { compares: [], success: [opOf(change)], failure: [] };
    store.txn(txn);
    twin.txn(txn);
  }
  await backend.commit();
  const snapshots = [db.snapshot()];
  twin.compact(compacted);
  const { done } = store.compact(compacted);
  await check(store, twin, compacted, 'compacting');
  let over = false;
  void done.then(() => {
    over = true;
  });
  while (!over) {
    await backend.commit();
    snapshots.push(db.snapshot());
    clock.advance(10);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  snapshots.push(db.snapshot());
  await check(store, twin, compacted, 'compacted');

  // The first snapshot is from before the compaction was asked for.
  for (const [i, snapshot] of snapshots.slice(1).entries()) {
    const left = new MemoryLevel<Uint8Array, Uint8Array>({
      storeEncoding: 'view',
      keyEncoding: 'view',
      valueEncoding: 'view',
    });
    for await (const [key, value] of db.iterator({ snapshot })) await left.put(key, value);
    const backendAgain = await openLevelBackend(left, { clock: new ManualClock() });
    const again = await MvccStore.open({ backend: backendAgain, clock });
    await check(again, twin, compacted, `reopened after batch ${i}`);
    await clock.until(again.compacted());
    await check(again, twin, compacted, `reopened after batch ${i}, and compacted`);
    await again.close();
  }
  await store.close();
}

describe('at every boundary', () => {
  for (const history of histories(LENGTH)) {
    it(`of ${history.join(', ')}`, async () => {
      for (let compacted = 0; compacted <= LENGTH + 1; compacted++) await play(history, compacted);
    });
  }
});
