import { Deferred, fromLatin1, toLatin1 } from '@kontiki/std';
import { MemoryLevel } from 'memory-level';
import { describe, expect, it, vi } from 'vitest';
import { type LevelBackend, openLevelBackend } from '../src/adapters/level-backend.js';
import { KEY_TABLE, markScheduled, readMarks } from '../src/backend/layout.js';
import { encodePut } from '../src/codec.js';
import type { MvccOptions } from '../src/options.js';
import { all, single } from '../src/range.js';
import { encodeRevision } from '../src/revision.js';
import { MvccStore } from '../src/store.js';
import { ManualClock } from '../src/testing/manual-clock.js';
import type { Event } from '../src/types.js';
import type { Watcher } from '../src/watch/watcher.js';

const bytes = (text: string): Uint8Array => Uint8Array.from(fromLatin1(text));
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A clock on which, while it is busy, every look costs: whatever is sliced pauses at every chance. */
class BusyClock extends ManualClock {
  busy = false;
  #lookedMs = 0;

  override monotonic(): number {
    if (this.busy) this.#lookedMs++;
    return super.monotonic() + this.#lookedMs;
  }
}

const newBackend = (clock: ManualClock): Promise<LevelBackend> =>
  openLevelBackend(new MemoryLevel({ storeEncoding: 'view' }), { clock, commitIntervalMs: 1e9 });

/** A backend on which `keys` keys were put `rounds` times each. */
async function filled(clock: ManualClock, keys: number, rounds: number, text = 'v'): Promise<LevelBackend> {
  const backend = await newBackend(clock);
  const store = await MvccStore.open({ backend, clock });
  for (let i = 0; i < keys * rounds; i++) store.put(`k${String(i % keys).padStart(5, '0')}`, bytes(`${text}${i}`));
  await store.close();
  return backend;
}

async function stored(backend: LevelBackend): Promise<number> {
  let count = 0;
  for await (const records of backend.scan(KEY_TABLE)) count += records.length;
  return count;
}

/** A backend with a single record, which takes no time to read: revision `main` of `k`, with value `new`. */
async function oneRecord(clock: ManualClock, main: number): Promise<LevelBackend> {
  const backend = await newBackend(clock);
  backend.put(KEY_TABLE, encodeRevision(main, 0, false), encodePut('k', main, main, 1, bytes('new'), 0n));
  return backend;
}

/** Begins something that is sliced, and lets it run into a pause that lasts until time passes. */
async function caught<T>(clock: BusyClock, begin: () => T): Promise<T> {
  clock.busy = true;
  const begun = begin();
  for (let turns = 0; turns < 10; turns++) await turn();
  clock.busy = false;
  return begun;
}

/** Scans of the backend give nothing until `open` is called. */
function gate(backend: LevelBackend): { readonly open: () => void } {
  const gate = new Deferred<void>();
  const scan = backend.scan.bind(backend);
  vi.spyOn(backend, 'scan').mockImplementation(async function* (table, options) {
    const records = scan(table, options);
    await gate.promise;
    yield* records;
  });
  return { open: () => gate.resolve() };
}

/** Resolves at the switch, for which no time passes. */
async function switchTo(store: MvccStore, next: LevelBackend): Promise<{ replaced: Promise<void> }> {
  let switched = false;
  const replaced = store.replace(next, {
    onSwitch: () => {
      switched = true;
    },
  });
  for (let turns = 0; !switched; turns++) {
    expect(turns).toBeLessThan(100);
    await turn();
  }
  return { replaced };
}

/** All there is for a watcher, which is not much. */
async function eventsOf(watcher: Watcher): Promise<Event[]> {
  const events: Event[] = [];
  for (let turns = 0; turns < 10; turns++) {
    for (let batch = watcher.take(); batch?.kind === 'events'; batch = watcher.take()) events.push(...batch.events);
    await turn();
  }
  return events;
}

async function open(keys: number, rounds: number, options: Partial<MvccOptions> = {}) {
  const clock = new BusyClock();
  const backend = await filled(clock, keys, rounds);
  const store = await MvccStore.open({ backend, clock, compactionBatchLimit: 10, compactionPauseMs: 50, ...options });
  return { clock, backend, store };
}

describe('a state that is replaced', () => {
  it('is served until the switch, in which everything changes at once', async () => {
    const { clock, store } = await open(3, 1);
    const next = await newBackend(clock);
    const other = await MvccStore.open({ backend: next, clock });
    for (const lease of [7n, 8n, 0n, -9n]) other.put(`l${lease}`, bytes(''), { lease });
    await other.close();

    const log: string[] = [];
    let switched = false;
    const replaced = store.replace(next, {
      onAttached: (key, lease) => {
        log.push(`${key} has ${lease} at ${store.revision}`);
        // All in one turn with the switch.
        void Promise.resolve().then(() => expect(switched).toBe(true));
      },
      onSwitch: () => {
        switched = true;
        log.push(`switch at ${store.revision}`);
      },
    });
    expect(store.range(all()).count).toBe(3);
    await clock.until(replaced);
    expect(log).toEqual(['l7 has 7 at 4', 'l8 has 8 at 4', 'l-9 has -9 at 4', 'switch at 5']);
    expect(store.range(all()).kvs.map(({ key }) => toLatin1(key))).toEqual(['l-9', 'l0', 'l7', 'l8']);
    expect(store.put('more', bytes('')).revision).toBe(6);
    expect(next.get(KEY_TABLE, encodeRevision(6, 0, false))).toBeDefined();
  });

  it('is not kept in any cache: not its values, not its events, not its hashes, not its counts', async () => {
    const gauges: Record<string, number> = {};
    const gauge = (name: string) => ({ set: (value: number) => void (gauges[name] = value) });
    const { clock, store } = await open(2, 5, {
      compactionHashes: 10,
      metrics: {
        keys: gauge('keys'),
        currentRevision: gauge('currentRevision'),
        compactRevision: gauge('compactRevision'),
      },
    });
    store.put('k00000', bytes('cached'));
    await clock.until(store.compact(6).done);
    expect(store.compactionHashes).toHaveLength(1);
    expect(toLatin1(store.range(single('k00000')).kvs[0]!.value)).toBe('cached');

    // The same revisions with other values.
    const next = await filled(clock, 3, 4, 'w');
    const expected = await MvccStore.open({ backend: next, clock });
    const hash = await clock.until(expected.hash());
    const past = await clock.until(expected.hash(6));
    await expected.close();
    await clock.until(store.replace(next));
    expect(store.range(all()).kvs.map(({ value }) => toLatin1(value))).toEqual(['w9', 'w10', 'w11']);
    expect(store.range(single('k00000'), { revision: 11 }).kvs[0]!.modRevision).toBe(11);
    expect(store.compactionHashes).toEqual([]);
    expect(await clock.until(store.hash())).toEqual(hash);
    expect(await clock.until(store.hash(6))).toEqual(past);
    expect(gauges).toEqual({ keys: 3, currentRevision: 13, compactRevision: 6 });
    const watcher = store.watch({ range: all(), startRevision: 12, prevKv: true });
    const events = await eventsOf(watcher);
    expect(events.map(({ kv, prevKv }) => [toLatin1(kv.value), prevKv && toLatin1(prevKv.value)])).toEqual([
      ['w10', 'w7'],
      ['w11', 'w8'],
    ]);
  });

  it('is what reads in slices and hashes that began with it end with; then its backend may be closed', async () => {
    const { clock, backend, store } = await open(5000, 2);
    const state = store.range(all());
    const encoded = store.rangeEncoded(all());
    const hash = await clock.until(store.hash());
    const next = await oneRecord(clock, 10_011);
    const reads = await caught(
      clock,
      () => [store.rangeInSlices(all()), store.rangeEncodedInSlices(all()), store.hash()] as const,
    );
    let over = 0;
    for (const read of reads) void read.then(() => over++);
    const { replaced } = await switchTo(store, next);
    let released = false;
    void replaced.then(() => {
      released = true;
    });
    // They are caught in a pause: time does not pass any more.
    expect(over).toBe(0);
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(released).toBe(false);
    expect(store.revision).toBe(10_011);
    const late = await store.rangeInSlices(all());
    expect(late.kvs.map(({ value }) => toLatin1(value))).toEqual(['new']);

    expect(await clock.until(reads[0])).toEqual(state);
    expect(await clock.until(reads[1])).toEqual(encoded);
    expect(await clock.until(reads[2])).toEqual(hash);
    await clock.until(replaced);
    await backend.close();
    expect(store.range(all()).count).toBe(1);
  });

  it('stays when the new one ends before it, is damaged, or is refused by who keeps the leases', async () => {
    const { clock, backend, store } = await open(3, 4);
    const watcher = store.watch({ range: all(), startRevision: 12 });
    const picture = async () => [store.range(all()), await clock.until(store.hash()), store.compactedRevision];
    const before = await picture();
    const onSwitch = vi.fn();

    const older = await filled(clock, 3, 3);
    await expect(clock.until(store.replace(older, { onSwitch }))).rejects.toMatchObject({
      code: 'STALE',
      message: 'the new state ends at revision 10, this one at 13',
    });
    const damaged = await filled(clock, 3, 5);
    damaged.put(KEY_TABLE, bytes('short'), bytes(''));
    await expect(clock.until(store.replace(damaged, { onSwitch }))).rejects.toMatchObject({ code: 'CORRUPT' });
    const attached = await filled(clock, 3, 5);
    const other = await MvccStore.open({ backend: attached, clock });
    other.put('leased', bytes(''), { lease: 5n });
    await other.close();
    const refuse = (): void => {
      throw new Error('no such lease');
    };
    await expect(clock.until(store.replace(attached, { onAttached: refuse, onSwitch }))).rejects.toThrow('no such');

    expect(onSwitch).not.toHaveBeenCalled();
    expect(await picture()).toEqual(before);
    store.put('k', bytes(''));
    expect(backend.get(KEY_TABLE, encodeRevision(14, 0, false))).toBeDefined();
    expect((await eventsOf(watcher)).map(({ kv }) => kv.modRevision)).toEqual([12, 13, 14]);
    // and none of it stands in the way of one that is good
    await clock.until(store.replace(attached, { onSwitch }));
    expect(onSwitch).toHaveBeenCalledOnce();
  });

  it('may end at the same revision: live watchers stay live', async () => {
    const { clock, store } = await open(3, 1);
    const watcher = store.watch({ range: all() });
    const future = store.watch({ range: all(), startRevision: 7 });
    await clock.until(store.replace(await filled(clock, 3, 1)));
    expect([watcher.synced, store.watchStatus.lagging]).toEqual([true, 0]);
    for (let i = 0; i < 4; i++) store.put('a', bytes(''));
    expect(watcher.take()).toMatchObject({ revision: 5 });
    expect(future.take()).toMatchObject({ revision: 7 });
  });

  it('is not replaced once the store is closed', async () => {
    const { clock, store } = await open(3, 1);
    const onSwitch = vi.fn();
    const replaced = store.replace(await filled(clock, 3, 2), { onSwitch });
    await store.close();
    await expect(replaced).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(store.replace(await newBackend(clock))).rejects.toMatchObject({ code: 'CLOSED' });
    expect(onSwitch).not.toHaveBeenCalled();
  });

  it('is replaced by one at a time, by another one, and while nothing is written', async () => {
    const { clock, backend, store } = await open(3, 1);
    const empty = await newBackend(clock);
    await expect(store.replace(backend)).rejects.toThrow('another one');
    const replaced = store.replace(await filled(clock, 3, 2));
    const second = store.replace(empty);
    store.put('a', bytes(''));
    await expect(second).rejects.toThrow('one replacement at a time');
    await expect(replaced).rejects.toThrow('nothing is written');
    expect(store.revision).toBe(5);
    await clock.until(store.replace(await filled(clock, 3, 2)));
    expect(store.revision).toBe(7);
  });

  it('lets others run while the new one is read', async () => {
    const { clock, store } = await open(3, 1);
    const next = await filled(clock, 500, 20);
    clock.busy = true;
    let pauses = 0;
    const after = clock.after.bind(clock);
    vi.spyOn(clock, 'after').mockImplementation((delayMs, callback) => {
      pauses++;
      return after(delayMs, callback);
    });
    await clock.until(store.replace(next));
    // The clock is looked at after each chunk of the 10,000 records; every fourth look says that it is time.
    expect(pauses).toBeGreaterThan(3);
    expect(store.size).toBe(500);
  });
});

describe('a compaction', () => {
  it('ends with the state it ran on; whoever waits for it waits for the new state', async () => {
    const { clock, backend, store } = await open(50, 4);
    const { done } = store.compact(180);
    const idle = store.compacted();
    let over = 0;
    void done.then(() => over++);
    void idle.then(() => over++);
    for (let turns = 0; turns < 5; turns++) await turn();

    const next = await filled(clock, 50, 5);
    markScheduled(next, 180);
    await clock.until(store.replace(next));
    const before = await stored(backend);
    expect(before).toBeGreaterThan(100);
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(over).toBe(0);
    expect(store.compactedRevision).toBe(180);
    await clock.until(Promise.all([done, idle]));
    expect(readMarks(next)).toEqual({ scheduled: 180, finished: 180 });
    expect(readMarks(backend)).toEqual({ scheduled: 180, finished: undefined });
    expect(await stored(backend)).toBe(before);
    // The newest of each key at revision 180, and what came after.
    expect(await stored(next)).toBe(50 + 251 - 180);
  });

  it('that the new state never was asked for is said to have ended', async () => {
    const { clock, store } = await open(50, 4);
    const { done } = store.compact(180);
    done.catch(() => {});
    await clock.until(store.replace(await filled(clock, 50, 5)));
    await expect(clock.until(done)).rejects.toMatchObject({ code: 'CLOSED', message: /replaced/ });
    expect(store.compactedRevision).toBe(-1);
    await clock.until(store.compact(200).done);
  });

  it('whose hash was still being computed leaves none behind', async () => {
    const { clock, backend, store } = await open(500, 4, { compactionHashes: 10 });
    const next = await oneRecord(clock, 2002);
    const { done } = await caught(clock, () => store.compact(1500));
    done.catch(() => {});
    const { replaced } = await switchTo(store, next);
    expect(readMarks(backend).finished).toBeUndefined();
    await clock.until(replaced);
    await expect(clock.until(done)).rejects.toMatchObject({ code: 'CLOSED' });
    expect(store.compactionHashes).toEqual([]);
    expect(await stored(backend)).toBe(2000);
  });

  it('whose hash is ready right after the switch leaves none behind either', async () => {
    const { clock, backend, store } = await open(5, 4, { compactionHashes: 10 });
    const { open: letGo } = gate(backend);
    const { done } = store.compact(15);
    done.catch(() => {});
    const { replaced } = await switchTo(store, await oneRecord(clock, 22));
    letGo();
    await clock.until(replaced);
    await expect(clock.until(done)).rejects.toMatchObject({ code: 'CLOSED' });
    expect(store.compactionHashes).toEqual([]);
  });
});

describe('a watcher', () => {
  it('that is live hears what the store missed, then what comes', async () => {
    const { clock, store } = await open(3, 1);
    const told = vi.fn();
    const watcher = store.watch({ range: single('k00001'), onReadable: told });
    const reader = store.watch({ range: single('k00001') })[Symbol.asyncIterator]();
    const first = reader.next();
    await clock.until(store.replace(await filled(clock, 3, 3)));
    expect(told).toHaveBeenCalledOnce();
    store.put('k00001', bytes(''));
    expect((await eventsOf(watcher)).map(({ kv }) => kv.modRevision)).toEqual([6, 9, 11]);
    expect(watcher.synced).toBe(true);
    const { value } = await first;
    expect(value?.kind === 'events' && value.events[0]!.kv.modRevision).toBe(6);
  });

  it('that is live is not told of a compaction of what it has seen', async () => {
    const { clock, store } = await open(3, 1);
    const watcher = store.watch({ range: all() });
    const idle = store.watch({ range: single('a') });
    const far = store.watch({ range: all(), startRevision: 6 });
    for (let i = 0; i < 3; i++) store.put('b', bytes(''));
    expect((await eventsOf(watcher)).length + (await eventsOf(far)).length).toBe(5);
    const next = await filled(clock, 3, 3);
    const other = await MvccStore.open({ backend: next, clock });
    other.put('a', bytes(''));
    other.compact(8);
    await other.close();
    await clock.until(store.replace(next));
    const seen = [await eventsOf(watcher), await eventsOf(idle), await eventsOf(far)];
    expect(seen.map((events) => events.map(({ kv }) => kv.modRevision))).toEqual([
      [8, 9, 10, 11],
      [11],
      [8, 9, 10, 11],
    ]);
    expect([watcher.synced, idle.synced, far.synced]).toEqual([true, true, true]);
  });

  it('that is being read history leaves the old one, whose backend may then be closed', async () => {
    const { clock, backend, store } = await open(3, 2);
    const { open: letGo } = gate(backend);
    const watcher = store.watch({ range: all(), startRevision: 3 });
    await turn();
    const { replaced } = await switchTo(store, await filled(clock, 3, 3, 'w'));
    let released = false;
    void replaced.then(() => {
      released = true;
    });
    for (let turns = 0; turns < 10; turns++) await turn();
    expect(released).toBe(false);
    letGo();
    await clock.until(replaced);
    await backend.close();
    const events = await eventsOf(watcher);
    expect(events.map(({ kv }) => toLatin1(kv.value))).toEqual(['w1', 'w2', 'w3', 'w4', 'w5', 'w6', 'w7', 'w8']);
  });

  it('with something buffered gets it from the new history, or is told that it is compacted there', async () => {
    const { clock, store } = await open(3, 1);
    const [kept, lost] = [store.watch({ range: single('a') }), store.watch({ range: all() })];
    store.put('b', bytes('old'));
    store.put('a', bytes('old'));
    await turn();
    expect(store.watchStatus.pendingEvents).toBe(3);

    const next = await filled(clock, 3, 1);
    const other = await MvccStore.open({ backend: next, clock });
    for (const key of ['b', 'a', 'b']) other.put(key, bytes('new'));
    other.compact(6);
    await other.close();
    await clock.until(store.replace(next));
    expect(store.watchStatus.pendingEvents).toBe(0);
    expect([kept.nextRevision, lost.nextRevision]).toEqual([6, 5]);
    const events = await eventsOf(kept);
    expect(events.map(({ kv }) => [kv.modRevision, toLatin1(kv.value)])).toEqual([[6, 'new']]);
    expect(lost.take()).toEqual({ kind: 'compacted', compactRevision: 6 });
    expect(lost.ended).toBe(true);
  });
});
