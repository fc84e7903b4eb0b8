import { fromLatin1 } from '@kontiki/std';
import { MemoryLevel } from 'memory-level';
import { describe, expect, it } from 'vitest';
import { type LevelBackend, openLevelBackend } from './adapters/level-backend.js';
import { readMarks } from './backend/layout.js';
import { all, single } from './range.js';
import { decodeRevision } from './revision.js';
import { MvccStore } from './store.js';
import { ManualClock } from './testing/manual-clock.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Opened {
  readonly clock: ManualClock;
  readonly db: MemoryLevel<Uint8Array, Uint8Array>;
  readonly backend: LevelBackend;
  readonly store: MvccStore;
}

async function open(
  db: Opened['db'] = new MemoryLevel({ storeEncoding: 'view' }),
  clock: ManualClock = new ManualClock(),
): Promise<Opened> {
  const backend = await openLevelBackend(db, { clock, commitIntervalMs: 1e9 });
  const store = await MvccStore.open({ backend, clock, compactionBatchLimit: 10, compactionPauseMs: 50 });
  return { clock, db, backend, store };
}

/** Ten keys, put `rounds` times each. */
function fill(store: MvccStore, rounds: number): void {
  for (let i = 0; i < rounds * 10; i++) store.put(`k${i % 10}`, fromLatin1(String(i)));
}

async function stored(backend: LevelBackend): Promise<number[]> {
  const mains: number[] = [];
  for await (const records of backend.scan('key')) for (const [key] of records) mains.push(decodeRevision(key).main);
  return mains;
}

describe('a compaction', () => {
  it('removes a batch of versions, pauses, and goes on', async () => {
    const { clock, backend, store } = await open();
    fill(store, 5);
    const { done } = store.compact(51);
    const left: number[] = [];
    for (let i = 0; i < 6; i++) {
      for (let turns = 0; turns < 5; turns++) await turn();
      left.push((await stored(backend)).length);
      clock.advance(49);
      await turn();
      expect((await stored(backend)).length).toBe(left.at(-1));
      clock.advance(1);
    }
    await done;
    expect(left.at(-1)).toBe(10);
    const steps = left.map((count, i) => (left[i - 1] ?? 50) - count);
    // All versions of a key go in one step, so a batch may be a little larger.
    for (const step of steps) expect(step).toBeLessThanOrEqual(14);
    expect(new Set(left).size).toBeGreaterThan(2);
  });

  it('is done when everything is removed and committed', async () => {
    const { clock, backend, store } = await open();
    fill(store, 3);
    const { done } = store.compact(25);
    expect(store.compactedRevision).toBe(25);
    expect(readMarks(backend)).toEqual({ scheduled: 25, finished: undefined });
    await clock.until(done);
    expect(readMarks(backend)).toEqual({ scheduled: 25, finished: 25 });
    expect(backend.pending.changes).toBe(0);
    expect(await stored(backend)).toEqual([16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31]);
  });

  it('is refused below the last one and above the present', async () => {
    const { store } = await open();
    fill(store, 1);
    expect(() => store.compact(-1)).toThrow(expect.objectContaining({ code: 'COMPACTED', compactRevision: -1 }));
    expect(() => store.compact(12)).toThrow(expect.objectContaining({ code: 'FUTURE_REVISION' }));
    store.compact(0);
    expect(() => store.compact(0)).toThrow(expect.objectContaining({ code: 'COMPACTED', compactRevision: 0 }));
    store.compact(11);
    expect(() => store.compact(11)).toThrow(expect.objectContaining({ code: 'COMPACTED', compactRevision: 11 }));
  });

  it('runs after the one before it', async () => {
    const { clock, backend, store } = await open();
    fill(store, 4);
    const order: string[] = [];
    const first = store.compact(20).done.then(() => order.push('first'));
    const second = store.compact(41).done.then(() => order.push('second'));
    expect(store.compactedRevision).toBe(41);
    await clock.until(Promise.all([first, second]));
    await clock.until(store.compacted());
    expect(order).toEqual(['first', 'second']);
    expect((await stored(backend)).length).toBe(10);
  });

  it('does not touch what a hash is reading', async () => {
    const slow = new (class extends ManualClock {
      #looks = 0;

      override monotonic(): number {
        return super.monotonic() + 10 * this.#looks++;
      }
    })();
    const { clock, backend, store } = await open(undefined, slow);
    fill(store, 30);
    const expected = await clock.until(store.hash(301));
    const hashes = [store.hash(301), store.hash(301)];
    const { done } = store.compact(301);
    await turn();
    expect((await stored(backend)).length).toBe(300);
    for (const hash of hashes) expect(await clock.until(hash)).toEqual(expected);
    await clock.until(done);
    expect((await stored(backend)).length).toBe(10);
  });

  it('stops when the store closes, and goes on when it opens again', async () => {
    const { clock, db, backend, store } = await open();
    fill(store, 10);
    const { done } = store.compact(101);
    const failure = done.catch((error: unknown) => error);
    for (let turns = 0; turns < 5; turns++) await turn();
    const closed = store.close();
    expect(await clock.until(failure)).toMatchObject({ code: 'CLOSED' });
    await closed;
    const left = (await stored(backend)).length;
    expect(left).toBeGreaterThan(10);
    expect(left).toBeLessThan(100);
    await clock.until(backend.close());
    const again = await open(db);
    expect(again.store.compactedRevision).toBe(101);
    expect(() => again.store.range(all(), { revision: 100 })).toThrow(expect.objectContaining({ code: 'COMPACTED' }));
    await again.clock.until(again.store.compacted());
    expect((await stored(again.backend)).length).toBe(10);
    expect(readMarks(again.backend)).toEqual({ scheduled: 101, finished: 101 });
  });

  it('does not keep a store from closing, not with a pause nor with a hash', async () => {
    const slow = new (class extends ManualClock {
      #looks = 0;

      override monotonic(): number {
        return super.monotonic() + 10 * this.#looks++;
      }
    })();
    const clock = new ManualClock();
    const pausing = await MvccStore.open({
      backend: await openLevelBackend(new MemoryLevel(), { clock }),
      clock,
      compactionBatchLimit: 1,
      compactionPauseMs: 1e9,
    });
    fill(pausing, 20);
    const compaction = pausing.compact(150).done.catch((error: unknown) => error);
    for (let turns = 0; turns < 5; turns++) await turn();
    await pausing.close();
    expect(await compaction).toMatchObject({ code: 'CLOSED' });

    const { store } = await open(undefined, slow);
    fill(store, 30);
    const hash = store.hash().catch((error: unknown) => error);
    const held = store.compact(150).done.catch((error: unknown) => error);
    for (let turns = 0; turns < 5; turns++) await turn();
    await store.close();
    expect(await held).toMatchObject({ code: 'CLOSED' });
    expect(await slow.until(hash)).toMatchObject({ code: 'CLOSED' });
  });

  it('reports a backend that fails', async () => {
    const { clock, db, store } = await open();
    fill(store, 2);
    const { done } = store.compact(21);
    const failure = done.catch((error: unknown) => error);
    const batch = db.batch();
    batch.write = () => Promise.reject(new Error('no space left'));
    db.batch = (() => batch) as typeof db.batch;
    expect(await clock.until(failure)).toMatchObject({ code: 'POISONED', cause: { message: 'no space left' } });
    expect(() => store.put('a', fromLatin1(''))).toThrow(expect.objectContaining({ code: 'POISONED' }));
  });

  it('that empties the store leaves the revision where it was', async () => {
    const { clock, db, backend, store } = await open();
    store.put('a', fromLatin1('1'));
    store.deleteRange(single('a'));
    store.put('a', fromLatin1('1'));
    store.deleteRange(single('a'));
    await clock.until(store.compact(5).done);
    expect(await stored(backend)).toEqual([5]);
    store.put('b', fromLatin1('1'));
    await clock.until(store.compact(6).done);
    expect(await stored(backend)).toEqual([6]);
    await clock.until(store.close());
    await clock.until(backend.close());
    expect((await open(db)).store.revision).toBe(6);
  });
});
