import { equals, fromLatin1, toLatin1 } from '@kontiki/std';
import { MemoryLevel } from 'memory-level';
import { describe, expect, it, vi } from 'vitest';
import { openLevelBackend } from './adapters/level-backend.js';
import type { Backend } from './backend/backend.js';
import { encodeKeyValue } from './codec.js';
import type { MvccMetrics } from './metrics.js';
import { all, prefix, single } from './range.js';
import { encodeRevision } from './revision.js';
import { MvccStore } from './store.js';
import { ManualClock } from './testing/manual-clock.js';
import type { Op } from './txn/txn.js';

const clock = new ManualClock();
const newBackend = (): Promise<Backend> => openLevelBackend(new MemoryLevel(), { clock });
const bytes = (text: string): Uint8Array => Uint8Array.from(fromLatin1(text));
const put = (key: string, value = '1'): Op => ({ kind: 'put', key, value: bytes(value) });
const write = (store: MvccStore, ...success: Op[]) => store.txn({ compares: [], success, failure: [] });

/** Everything about a store that can be seen. */
async function picture(store: MvccStore): Promise<unknown> {
  const { revision, compactedRevision, size } = store;
  return { revision, compactedRevision, size, all: store.range(all()), hash: await clock.until(store.hash()) };
}

describe('a store', () => {
  it('is empty at revision 1', async () => {
    const store = await MvccStore.open({ backend: await newBackend(), clock });
    expect(store.range(all())).toEqual({ revision: 1, kvs: [], more: false, count: 0 });
    expect(store).toMatchObject({ revision: 1, compactedRevision: -1, size: 0 });
  });

  it('keeps etcd’s records: revision to KeyValue, a tombstone with its key alone', async () => {
    const backend = await newBackend();
    const store = await MvccStore.open({ backend, clock });
    store.put('a', bytes('1'), { lease: 7n });
    write(store, put('b'), { kind: 'delete', range: single('a') });
    const kv = { createRevision: 2, modRevision: 2, version: 1, value: bytes('1'), lease: 7n };
    expect(backend.get('key', encodeRevision(2, 0, false))).toEqual(encodeKeyValue({ ...kv, key: bytes('a') }));
    expect(backend.get('key', encodeRevision(3, 0, false))).toBeDefined();
    expect(backend.get('key', encodeRevision(3, 1, true))).toEqual(bytes('\x0a\x01a'));
    store.compact(2);
    const mark = encodeRevision(2, 0, false);
    expect(backend.get('meta', bytes('scheduledCompactRev'))).toEqual(mark);
    await clock.until(store.compacted());
    expect(equals(backend.get('meta', bytes('finishedCompactRev'))!, mark)).toBe(true);
  });

  it('does not keep the caller’s value, and is not changed through its own', async () => {
    const store = await MvccStore.open({ backend: await newBackend(), clock });
    const value = bytes('before');
    store.put('a', value);
    value.fill(0);
    expect(toLatin1(store.range(single('a')).kvs[0]!.value)).toBe('before');
  });

  it('refuses keys that are not made of bytes', async () => {
    const store = await MvccStore.open({ backend: await newBackend(), clock });
    expect(() => write(store, put('fine'), put('Ωmega'))).toThrow('latin1');
    expect(store).toMatchObject({ revision: 1, size: 0 });
    store.put('\xff'.repeat(100), bytes(''));
    expect(store.range(all()).kvs[0]!.key).toEqual(new Uint8Array(100).fill(0xff));
  });

  it('takes everything back when something fails in the middle of a write', async () => {
    const backend = await newBackend();
    const store = await MvccStore.open({ backend, clock, valueCacheBytes: 0 });
    write(store, put('a'), put('b'), put('gone'));
    write(store, put('a', '2'), { kind: 'delete', range: single('b') });
    const watcher = store.watch({ range: all() });
    const state = store.range(prefix('a'));
    const hash = await clock.until(store.hash());
    backend.delete('key', encodeRevision(2, 2, false));
    const broken = (...ops: Op[]) => write(store, ...ops);
    expect(() =>
      broken(put('a', '3'), put('new'), put('b'), { kind: 'delete', range: single('a') }, put('a'), {
        kind: 'range',
        range: all(),
      }),
    ).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
    expect(store).toMatchObject({ revision: 3, size: 2 });
    expect(store.range(prefix('a'))).toEqual(state);
    expect(store.range(single('b')).kvs).toEqual([]);
    expect(store.range(single('b'), { revision: 2 }).count).toBe(1);
    expect(store.range(single('new')).kvs).toEqual([]);
    expect(watcher.take()).toBeUndefined();
    expect(backend.get('key', encodeRevision(4, 0, false))).toBeUndefined();
    backend.put('key', encodeRevision(2, 2, false), encodeKeyValue(kvOf('gone')));
    expect(await clock.until(store.hash())).toEqual(hash);
    expect(write(store, put('b')).revision).toBe(4);
    expect(store.range(single('b')).kvs[0]).toMatchObject({ createRevision: 4, version: 1 });
    expect(write(store, put('a')).revision).toBe(5);
    expect(store.range(single('a')).kvs[0]).toMatchObject({ createRevision: 2, version: 3 });
  });

  const kvOf = (key: string) => ({
    key: bytes(key),
    createRevision: 2,
    modRevision: 2,
    version: 1,
    value: bytes('1'),
    lease: 0n,
  });

  it('takes everything back when the backend refuses', async () => {
    const backend = await newBackend();
    const store = await MvccStore.open({ backend, clock });
    write(store, put('a'));
    const before = await picture(store);
    vi.spyOn(backend, 'put').mockImplementationOnce(() => {
      throw new Error('poisoned');
    });
    expect(() => write(store, put('a'), put('b'))).toThrow('poisoned');
    expect(await picture(store)).toEqual(before);
    expect(write(store, put('a'), put('b')).revision).toBe(3);
  });

  it('calls with every key that has a lease when it opens', async () => {
    const backend = await newBackend();
    const store = await MvccStore.open({ backend, clock });
    for (const [key, lease] of [
      ['a', 1n],
      ['b', 1n],
      ['c', 2n],
      ['d', -3n],
      ['e', 4n],
    ] as const) {
      store.put(key, bytes(''), { lease });
    }
    store.put('b', bytes(''));
    store.put('c', bytes(''), { lease: 5n });
    store.deleteRange(single('e'));
    await store.close();
    const attached: [string, bigint][] = [];
    await MvccStore.open({ backend, clock, onAttached: (key, lease) => attached.push([key, lease]) });
    expect(attached.toSorted()).toEqual([
      ['a', 1n],
      ['c', 5n],
      ['d', -3n],
    ]);
  });

  it('refuses everything once it is closed, and leaves the backend alone', async () => {
    const backend = await newBackend();
    const store = await MvccStore.open({ backend, clock });
    await store.close();
    await store.close();
    const uses: (() => unknown)[] = [
      () => store.range(all()),
      () => store.rangeEncoded(all()),
      () => store.read({ compares: [], success: [], failure: [] }),
      () => store.put('a', bytes('')),
      () => store.deleteRange(all()),
      () => store.compact(1),
      () => store.watch({ range: all() }),
    ];
    for (const use of uses) expect(use).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    await expect(store.rangeInSlices(all())).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(store.hash()).rejects.toMatchObject({ code: 'CLOSED' });
    backend.put('t', bytes('k'), bytes('v'));
  });

  it('is CORRUPT when what is stored is not what it writes', async () => {
    const bad: [Uint8Array, Uint8Array][] = [
      [bytes('short'), bytes('')],
      [encodeRevision(2, 0, false), bytes('\x0a\x7f')],
    ];
    for (const [key, value] of bad) {
      const backend = await newBackend();
      backend.put('key', key, value);
      await expect(MvccStore.open({ backend, clock })).rejects.toMatchObject({ code: 'CORRUPT' });
    }
  });

  it('counts what it does', async () => {
    const counts: Record<string, number> = {};
    const counter = (name: string) => ({ add: (by = 1) => void (counts[name] = (counts[name] ?? 0) + by) });
    const gauge = (name: string) => ({ set: (value: number) => void (counts[name] = value) });
    const metrics: Partial<MvccMetrics> = {
      puts: counter('puts'),
      deletes: counter('deletes'),
      ranges: counter('ranges'),
      txns: counter('txns'),
      keys: gauge('keys'),
      currentRevision: gauge('currentRevision'),
      compactRevision: gauge('compactRevision'),
      putBytes: counter('putBytes'),
      compactedVersions: counter('compactedVersions'),
    };
    const store = await MvccStore.open({ backend: await newBackend(), clock, metrics });
    write(store, put('a'), put('b'), put('c'));
    write(store, put('a'), { kind: 'delete', range: prefix('b') });
    store.range(all());
    await clock.until(store.compact(3).done);
    expect(counts).toEqual({
      puts: 4,
      deletes: 1,
      ranges: 1,
      txns: 2,
      keys: 2,
      currentRevision: 3,
      compactRevision: 3,
      putBytes: 4 * (3 + 2 + 2 + 2 + 3),
      compactedVersions: 2,
    });
  });

  it('shows watchers a write at once, and history with what was before', async () => {
    const store = await MvccStore.open({ backend: await newBackend(), clock });
    write(store, put('a', '1'), put('b', '1'));
    const live = store.watch({ range: all() });
    const past = store.watch({ range: all(), startRevision: 2, prevKv: true });
    write(store, put('a', '2'), { kind: 'delete', range: single('b') });
    const now = live.take();
    expect(now).toMatchObject({ kind: 'events', revision: 3, events: [{ type: 'put' }, { type: 'delete' }] });
    let batch = past.take();
    for (let turns = 0; batch === undefined && turns < 100; turns++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      batch = past.take();
    }
    const events = batch?.kind === 'events' ? batch.events : [];
    expect(
      events.map(({ type, kv, prevKv }) => [type, toLatin1(kv.key), kv.modRevision, prevKv && toLatin1(prevKv.value)]),
    ).toEqual([
      ['put', 'a', 2, undefined],
      ['put', 'b', 2, undefined],
      ['put', 'a', 3, '1'],
      ['delete', 'b', 3, '1'],
    ]);
  });
});
