import { fromLatin1 } from '@kontiki/std';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type Ask, ScriptedHistory } from '../../test/watch/scripted-history.js';
import { MvccError } from '../errors.js';
import { all, between, prefix, single } from '../range.js';
import { Hub, type HubOptions } from './hub.js';
import type { WatchBatch, Watcher } from './watcher.js';

let history: ScriptedHistory;
let hub: Hub;

function open(options?: HubOptions): void {
  history = new ScriptedHistory();
  hub = new Hub(history, options);
}

beforeEach(() => open());

const put = (key: string): Ask => ({ type: 'put', key });
const del = (key: string): Ask => ({ type: 'delete', key });

function write(...asked: Ask[]): number {
  hub.publish(history.revision + 1, history.write(asked));
  return history.revision;
}

/** Whatever can happen without another call from outside. */
function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function takeAll(watcher: Watcher): WatchBatch[] {
  const batches: WatchBatch[] = [];
  for (let batch = watcher.take(); batch !== undefined; batch = watcher.take()) batches.push(batch);
  return batches;
}

/** `header: type key@revision ...` */
function print(batch: WatchBatch | undefined): string {
  if (batch === undefined) return 'nothing';
  if (batch.kind === 'compacted') return `compacted ${batch.compactRevision}`;
  const events = batch.events.map(({ type, kv }) => `${type} ${String.fromCharCode(...kv.key)}@${kv.modRevision}`);
  return `${batch.revision}: ${events.join(' ')}`;
}

describe('a live watcher', () => {
  it('gets one batch for each revision, its events in the order in which they were made', () => {
    const watcher = hub.watch({ range: between('a', 'd') });
    write(put('a'), put('z'), put('c'));
    write(put('z'));
    write(del('c'), put('c'), del('a'));
    expect(takeAll(watcher).map(print)).toEqual(['2: put a@2 put c@2', '4: delete c@4 put c@4 delete a@4']);
    expect(watcher.take()).toBeUndefined();
  });

  it('shows of a delete the key and its revision, and nothing else', () => {
    write(put('a'));
    const watcher = hub.watch({ range: single('a') });
    write(del('a'));
    const [batch] = takeAll(watcher);
    const kv = {
      key: fromLatin1('a'),
      createRevision: 0,
      modRevision: 3,
      version: 0,
      value: fromLatin1(''),
      lease: 0n,
    };
    expect(batch).toMatchObject({ events: [{ type: 'delete' }] });
    const [event] = batch?.kind === 'events' ? batch.events : [];
    expect({ ...event!.kv, key: Buffer.from(event!.kv.key), value: Buffer.from(event!.kv.value) }).toEqual(kv);
    // protobuf: key = 1, mod_revision = 3
    expect([...event!.encodedKv]).toEqual([0x0a, 1, 0x61, 0x18, 3]);
  });

  it('hears nothing of what its filters leave nothing of', async () => {
    const onReadable = vi.fn();
    const watcher = hub.watch({ range: single('a'), filters: ['put'], onReadable });
    write(put('a'));
    await quiet();
    expect(onReadable).not.toHaveBeenCalled();
    expect(watcher.synced).toBe(true);
    write(del('a'), put('a'));
    await quiet();
    expect(onReadable).toHaveBeenCalledTimes(1);
    expect(takeAll(watcher).map(print)).toEqual(['3: delete a@3']);
  });

  it('is silent before a start revision in the future, and until then not synced', () => {
    const watcher = hub.watch({ range: all(), startRevision: 4 });
    expect(watcher.synced).toBe(false);
    write(put('a'));
    write(put('a'));
    expect([watcher.take(), watcher.synced, watcher.nextRevision]).toEqual([undefined, false, 4]);
    write(put('a'));
    expect(print(watcher.take())).toBe('4: put a@4');
    expect(watcher.synced).toBe(true);
  });

  it('shares each event, and a batch of one, with all others', () => {
    const watchers = [
      hub.watch({ range: all() }),
      hub.watch({ range: single('a') }),
      hub.watch({ range: prefix('a') }),
    ];
    write(put('a'));
    const batches = watchers.map((watcher) => watcher.take());
    expect(batches[0]).toBeDefined();
    expect(batches.every((batch) => batch === batches[0])).toBe(true);
    write(put('a'), put('b'));
    const events = watchers
      .flatMap((watcher) => takeAll(watcher))
      .map((batch) => batch.kind === 'events' && batch.events[0]);
    expect(new Set(events).size).toBe(1);
  });

  it('keeps a revision larger than its buffer: history could not serve it in smaller pieces', () => {
    const watcher = hub.watch({ range: all(), bufferMaxEvents: 2 });
    write(put('a'), put('b'), put('c'), put('d'));
    expect(hub.status).toMatchObject({ lagging: 0, pendingEvents: 4 });
    expect(takeAll(watcher).map(print)).toEqual(['2: put a@2 put b@2 put c@2 put d@2']);
  });
});

describe('prevKv', () => {
  it('is looked up once for all that ask, when the first of them takes, and not for creations', () => {
    const at = vi.spyOn(history, 'at');
    const plain = hub.watch({ range: all() });
    const [one, other] = [hub.watch({ range: all(), prevKv: true }), hub.watch({ range: single('a'), prevKv: true })];
    write(put('a'));
    write(put('a'));
    takeAll(plain);
    expect(at).not.toHaveBeenCalled();
    const [creation, change] = takeAll(one);
    expect(at.mock.calls).toEqual([['a', 2]]);
    const [, same] = takeAll(other);
    expect(at).toHaveBeenCalledTimes(1);
    expect(same).toBe(change);
    expect(creation).not.toHaveProperty('events.0.prevKv');
    expect(change).toMatchObject({ events: [{ kv: { version: 2 }, prevKv: { version: 1, modRevision: 2 } }] });
  });

  it('is of before the write, whatever the write did to the key in between', () => {
    write(put('a'));
    const watcher = hub.watch({ range: all(), prevKv: true });
    write(del('a'), put('a'), put('a'));
    const [batch] = takeAll(watcher);
    const previous = batch?.kind === 'events' ? batch.events.map((event) => event.prevKv?.modRevision) : [];
    expect(previous).toEqual([2, undefined, undefined]);
  });

  it('is absent once compacted, also for whom it was looked up before', () => {
    const [early, late] = [hub.watch({ range: all(), prevKv: true }), hub.watch({ range: all(), prevKv: true })];
    write(put('a'));
    write(put('a'));
    expect(takeAll(early)[1]).toHaveProperty('events.0.prevKv');
    history.compact(3);
    expect(takeAll(late)[1]).not.toHaveProperty('events.0.prevKv');
  });
});

describe('a watcher from the past', () => {
  it('gets whole revisions in large batches under the current revision, then single ones under their own', async () => {
    for (let i = 0; i < 2500; i++) write(put('a'), put('b'));
    const watcher = hub.watch({ range: all(), startRevision: 2 });
    const batches: WatchBatch[] = [];
    for (let i = 0; i < 3; i++) {
      await quiet();
      batches.push(...takeAll(watcher));
    }
    write(put('c'));
    batches.push(...takeAll(watcher));
    const counts = batches.map((batch) => (batch.kind === 'events' ? [batch.revision, batch.events.length] : batch));
    expect(counts).toEqual([
      [2501, 2000],
      [2501, 2000],
      [2501, 1000],
      [2502, 1],
    ]);
    expect(history.scans).toBe(0);
  });

  it('is served from history what is no longer in memory, to the same effect', async () => {
    open({ recentMaxEvents: 3, batchMaxRevisions: 4 });
    for (let i = 0; i < 9; i++) write(put('a'), put('b'));
    const onReadable = vi.fn();
    const watcher = hub.watch({ range: single('b'), startRevision: 3, onReadable });
    expect([watcher.take(), watcher.synced, hub.status.lagging]).toEqual([undefined, false, 1]);
    history.chunkRevisions = 6;
    history.proceed(true);
    await quiet();
    expect(onReadable).toHaveBeenCalledTimes(1);
    expect(print(watcher.take())).toBe('10: put b@3 put b@4 put b@5 put b@6');
    await quiet();
    expect(takeAll(watcher).map(print)).toEqual(['10: put b@7 put b@8 put b@9 put b@10']);
    expect([watcher.synced, hub.status.lagging]).toEqual([true, 0]);
  });

  it('does not get batches of more bytes than bound, nor a revision split', async () => {
    open({ batchMaxBytes: 400 });
    for (let i = 0; i < 3; i++) write(put('a'), put('b'), put('c'), put('d'));
    const watcher = hub.watch({ range: all(), startRevision: 2 });
    const sizes: number[] = [];
    for (let i = 0; i < 4; i++) {
      await quiet();
      for (const batch of takeAll(watcher)) if (batch.kind === 'events') sizes.push(batch.events.length);
    }
    expect(sizes).toEqual([4, 4, 4]);
  });

  it('ends with the compact revision when its start is below that, and starts at that itself', async () => {
    for (let i = 0; i < 5; i++) write(put('a'));
    write(del('a'));
    history.compact(7);
    const onReadable = vi.fn();
    const late = hub.watch({ range: all(), startRevision: 6, onReadable });
    expect(late.ended).toBe(false);
    await quiet();
    expect(onReadable).toHaveBeenCalledTimes(1);
    expect(print(late.take())).toBe('compacted 7');
    expect([late.ended, late.take(), hub.status.watchers]).toEqual([true, undefined, 0]);
    const inTime = hub.watch({ range: all(), startRevision: 7 });
    await quiet();
    expect(takeAll(inTime).map(print)).toEqual(['7: delete a@7']);
  });

  it('becomes live although something is written during every step of its scan', async () => {
    open({ recentMaxEvents: 20 });
    for (let i = 0; i < 100; i++) write(put('a'));
    const watcher = hub.watch({ range: all(), startRevision: 2 });
    const events: number[] = [];
    history.chunkRevisions = 5;
    for (let step = 0; step < 100; step++) {
      await quiet();
      write(put('a'));
      history.proceed();
      await quiet();
      for (const batch of takeAll(watcher)) {
        if (batch.kind === 'events') events.push(...batch.events.map(({ kv }) => kv.modRevision));
      }
      if (watcher.synced) break;
    }
    expect(watcher.synced).toBe(true);
    expect(events).toEqual(Array.from({ length: history.revision - 1 }, (_, i) => i + 2));
  });
});

describe('scans', () => {
  beforeEach(() => {
    open({ recentMaxEvents: 1, joinWithinRevisions: 100 });
    for (let i = 0; i < 1000; i++) write(put('a'));
  });

  it('serve all that lag at about the same place, and those at another place in turn', async () => {
    history.chunkRevisions = 200;
    history.proceed(true);
    const near = Array.from({ length: 300 }, (_, i) => hub.watch({ range: single('a'), startRevision: 2 + (i % 50) }));
    const far = Array.from({ length: 300 }, () => hub.watch({ range: single('a'), startRevision: 900 }));
    await quiet();
    expect(history.scans).toBe(2);
    for (const [i, watcher] of near.entries()) {
      expect(watcher.take()).toMatchObject({ kind: 'events', events: { length: 200 - (i % 50) } });
    }
    for (const watcher of far) expect(watcher.take()).toMatchObject({ kind: 'events', events: { length: 102 } });
  });

  it('go on only while somebody waits for them', async () => {
    const watcher = hub.watch({ range: all(), startRevision: 2 });
    history.proceed(true);
    await quiet();
    expect([history.scans, history.openScans, hub.status.pendingEvents]).toEqual([1, 0, 2]);
    await quiet();
    expect(print(watcher.take())).toBe('1001: put a@2 put a@3');
    await quiet();
    expect([history.scans, history.openScans, hub.status.pendingEvents]).toEqual([2, 0, 2]);
  });

  it('are not begun for a consumer that was told and does not take', async () => {
    const watcher = hub.watch({ range: all(), bufferMaxEvents: 3, onReadable: () => {} });
    write(put('a'));
    await quiet();
    for (let i = 0; i < 10; i++) write(put('a'));
    history.proceed(true);
    await quiet();
    expect(hub.status).toMatchObject({ lagging: 1, pendingEvents: 0 });
    expect([history.scans, watcher.nextRevision]).toEqual([0, 1002]);
    expect(watcher.take()).toBeUndefined();
    await quiet();
    expect([history.scans, hub.status.pendingEvents]).toEqual([1, 2]);
  });

  it('make way for others that wait', async () => {
    open({ recentMaxEvents: 1, joinWithinRevisions: 10, turnMaxChanges: 50 });
    for (let i = 0; i < 1000; i++) write(put(i === 990 ? 'rare' : 'a'));
    history.chunkRevisions = 10;
    hub.watch({ range: single('rare'), startRevision: 2 });
    const near = hub.watch({ range: single('a'), startRevision: 900 });
    await quiet();
    // 5 chunks for the one that has far to go, then the other's turn.
    for (let i = 0; i < 6; i++) {
      history.proceed();
      await quiet();
    }
    expect(near.take()).toBeDefined();
    // And the first one's again.
    expect([history.scans, history.openScans]).toEqual([3, 1]);
  });

  it('begin a little earlier for the sake of who stands not far behind, and take along who asks while they read', async () => {
    history.chunkRevisions = 200;
    const first = hub.watch({ range: single('a'), startRevision: 500 });
    const behind = hub.watch({ range: single('a'), startRevision: 450 });
    await quiet();
    const late = hub.watch({ range: single('a'), startRevision: 460 });
    history.proceed();
    await quiet();
    expect(history.scans).toBe(1);
    const counts = [first, behind, late].map((watcher) =>
      takeAll(watcher).map((batch) => 'events' in batch && batch.events.length),
    );
    expect(counts).toEqual([[150], [200], [190]]);
  });

  it('do not keep whose turn it is from it, however many changes come before', async () => {
    open({ recentMaxEvents: 1, joinWithinRevisions: 100, turnMaxChanges: 10 });
    for (let i = 0; i < 100; i++) write(put('a'), put('a'), put('a'));
    write(put('b'));
    for (let i = 0; i < 200; i++) write(put('a'));
    history.chunkRevisions = 10;
    const turn = hub.watch({ range: single('b'), startRevision: 100 });
    hub.watch({ range: single('c'), startRevision: 10 });
    hub.watch({ range: single('c'), startRevision: 250 });
    await quiet();
    for (let i = 0; i < 10; i++) {
      history.proceed();
      await quiet();
    }
    expect(print(turn.take())).toBe('302: put b@102');
    // The third had to wait for it, and no longer.
    expect([history.scans, history.openScans]).toEqual([2, 1]);
  });

  it('stay shared by watchers that began apart and take when they like', async () => {
    open({ recentMaxEvents: 1, turnMaxDeliveries: 1000 });
    for (let i = 0; i < 1000; i++) write(put('a'));
    history.chunkRevisions = 10;
    let reading = 40;
    const readers = Array.from({ length: reading }, async (_, i) => {
      for (let turns = 0; turns < i; turns++) await quiet();
      let last = 0;
      for await (const batch of hub.watch({ range: single('a'), startRevision: 2 + (i % 7) })) {
        for (let microtasks = 0; microtasks < (i * 5) % 9; microtasks++) await undefined;
        if (batch.kind === 'events') last = batch.events.at(-1)!.kv.modRevision;
        if (last === 1001) break;
      }
      reading--;
    });
    for (; reading > 0; await quiet()) history.proceed();
    await Promise.all(readers);
    // One alone needs 100. Each on its own would need 4000.
    expect(history.scans).toBeLessThan(400);
  });

  it('let many watchers take what they have before they are given more', async () => {
    open({ turnMaxDeliveries: 50 });
    for (let i = 0; i < 100; i++) write(put('a'), put('b'));
    const watchers = Array.from({ length: 10 }, () => hub.watch({ range: all(), startRevision: 2 }));
    await quiet();
    // Three whole revisions of two events: the first at which 50 are reached.
    expect(hub.status).toMatchObject({ pendingEvents: 60, lagging: 10 });
    for (let i = 0; i < 34; i++) {
      for (const watcher of watchers) watcher.take();
      await quiet();
    }
    expect(hub.status).toMatchObject({ takenEvents: 2000, lagging: 0 });
  });

  it('are closed at the next chunk when everybody they are for has cancelled', async () => {
    const watchers = [
      hub.watch({ range: single('b'), startRevision: 2 }),
      hub.watch({ range: single('b'), startRevision: 3 }),
    ];
    await quiet();
    history.proceed();
    await quiet();
    for (const watcher of watchers) watcher.cancel();
    expect(hub.status).toMatchObject({ watchers: 0, lagging: 0, pendingBytes: 0 });
    expect(history.openScans).toBe(1);
    history.proceed();
    await quiet();
    expect([history.scans, history.openScans]).toEqual([1, 0]);
  });

  it('that fail end whom they are for with the error, said once', async () => {
    const watcher = hub.watch({ range: all(), startRevision: 2 });
    const iterated = hub.watch({ range: all(), startRevision: 2 })[Symbol.asyncIterator]();
    const next = iterated.next();
    const bystander = hub.watch({ range: all() });
    history.failure = new Error('the disk is gone');
    history.proceed(true);
    await expect(next).rejects.toThrow('the disk is gone');
    expect(() => watcher.take()).toThrow('the disk is gone');
    expect([watcher.ended, watcher.take()]).toEqual([true, undefined]);
    expect(await iterated.next()).toEqual({ done: true, value: undefined });
    write(put('a'));
    expect(print(bystander.take())).toBe('1002: put a@1002');
  });
});

describe('consumers', () => {
  it('are told once until they take, and never inside a call', async () => {
    const calls: string[] = [];
    const watcher = hub.watch({ range: all(), onReadable: () => calls.push('told') });
    calls.push('watched');
    write(put('a'));
    write(put('a'));
    calls.push('written');
    await quiet();
    write(put('a'));
    await quiet();
    expect(calls).toEqual(['watched', 'written', 'told']);
    // Two are left: told again, once.
    watcher.take();
    calls.push('taken');
    await quiet();
    expect(calls.slice(3)).toEqual(['taken', 'told']);
    takeAll(watcher);
    await quiet();
    expect(calls.length).toBe(5);
  });

  it('that also iterate are told once of what no reader waits for', async () => {
    const onReadable = vi.fn();
    const watcher = hub.watch({ range: all(), onReadable });
    const next = watcher[Symbol.asyncIterator]().next();
    write(put('a'));
    write(put('a'));
    await quiet();
    expect(print((await next).value)).toBe('2: put a@2');
    expect(onReadable).toHaveBeenCalledTimes(1);
    expect(takeAll(watcher).map(print)).toEqual(['3: put a@3']);
  });

  it('cost one microtask together', () => {
    const spy = vi.spyOn(globalThis, 'queueMicrotask');
    for (let i = 0; i < 1000; i++) hub.watch({ range: all(), onReadable: () => {} });
    write(put('a'));
    write(put('a'));
    expect(spy).toHaveBeenCalledTimes(1);
    spy.mockRestore();
  });

  it('are told although another one throws, which is not hushed up', () => {
    const microtasks: (() => void)[] = [];
    const spy = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((task) => void microtasks.push(task));
    const told: number[] = [];
    for (let i = 0; i < 3; i++) {
      hub.watch({
        range: all(),
        onReadable: () => {
          told.push(i);
          if (i === 1) throw new Error('consumer 1');
        },
      });
    }
    write(put('a'));
    expect(() => microtasks.shift()!()).toThrow('consumer 1');
    microtasks.shift()!();
    expect([told, microtasks.length]).toEqual([[0, 1, 2], 0]);
    spy.mockRestore();
  });

  it('may cancel others, and themselves, and watch anew, while they are told', async () => {
    const told: string[] = [];
    const other = hub.watch({ range: all(), onReadable: () => told.push('other') });
    const first = hub.watch({
      range: all(),
      onReadable: () => {
        told.push('first');
        first.cancel();
        third.cancel();
        hub.watch({ range: all(), startRevision: 2, onReadable: () => told.push('new') });
      },
    });
    const third = hub.watch({ range: all(), onReadable: () => told.push('third') });
    write(put('a'));
    await quiet();
    expect(told).toEqual(['other', 'first', 'new']);
    expect([other.ended, hub.status.watchers]).toEqual([false, 2]);
  });

  it('that are slowest lose their buffers first when all together hold too much', async () => {
    open({ backlogMaxBytes: 1000 });
    const [slow, quick] = [hub.watch({ range: single('a') }), hub.watch({ range: single('b') })];
    for (let i = 0; i < 6; i++) {
      write(put('a'));
      write(put('b'));
      await quiet();
      expect(quick.take()).toBeDefined();
    }
    expect(hub.status.pendingBytes).toBeGreaterThan(700);
    for (let i = 0; i < 3; i++) write(put('b'));
    expect(hub.status).toMatchObject({ lagging: 1, pendingEvents: 3 });
    expect(takeAll(quick).length).toBe(3);
    expect(slow.take()).toBeUndefined();
    await quiet();
    expect(takeAll(slow).map(print)).toEqual(['16: put a@2 put a@4 put a@6 put a@8 put a@10 put a@12']);
  });

  it('that do not take are within the same bound when history serves them', async () => {
    open({ backlogMaxBytes: 1000, recentMaxEvents: 0, joinWithinRevisions: 1 });
    for (let i = 0; i < 100; i++) write(put('a'));
    history.proceed(true);
    const watchers = Array.from({ length: 20 }, (_, i) => hub.watch({ range: all(), startRevision: 2 + 4 * i }));
    for (let i = 0; i < 5; i++) await quiet();
    expect(history.scans).toBe(20);
    expect(hub.status.pendingBytes).toBeGreaterThan(500);
    expect(hub.status.pendingBytes).toBeLessThan(1500);
    // Nobody's place is lost.
    expect(watchers.map(({ nextRevision }) => nextRevision)).toEqual(Array.from({ length: 20 }, (_, i) => 2 + 4 * i));
  });

  it('holding one event count its bytes once', () => {
    const watchers = Array.from({ length: 100 }, () => hub.watch({ range: all() }));
    write(put('a'));
    const { pendingBytes, pendingEvents } = hub.status;
    expect(pendingEvents).toBe(100);
    expect(pendingBytes).toBeLessThan(1000);
    for (const watcher of watchers.slice(1)) watcher.take();
    expect(hub.status).toMatchObject({ pendingBytes, pendingEvents: 1 });
    watchers[0]!.cancel();
    expect(hub.status).toMatchObject({ pendingBytes: 0, pendingEvents: 0, takenEvents: 99 });
  });
});

describe('the end of a watcher', () => {
  it('releases everything at once, ten thousand at a time, and new ones work', () => {
    const watchers = Array.from({ length: 10_000 }, (_, i) => hub.watch({ range: prefix(`/${i % 5000}/`) }));
    write(put('/1/a'));
    for (const watcher of watchers) watcher.cancel();
    for (const watcher of watchers) watcher.cancel();
    expect(hub.status).toEqual({ watchers: 0, lagging: 0, pendingEvents: 0, pendingBytes: 0, takenEvents: 0 });
    const watcher = hub.watch({ range: prefix('/1/') });
    write(put('/1/a'));
    expect([watchers[1]!.take(), print(watcher.take())]).toEqual([undefined, '3: put /1/a@3']);
  });

  it('knows where another one can go on', async () => {
    open({ bufferMaxEvents: 3 });
    write(put('a'));
    const buffered = hub.watch({ range: all() });
    const silent = hub.watch({ range: single('b') });
    const lagging = hub.watch({ range: all() });
    for (let i = 0; i < 2; i++) write(put('a'));
    expect([buffered.nextRevision, silent.nextRevision]).toEqual([3, 5]);
    buffered.take();
    expect(buffered.nextRevision).toBe(4);
    buffered.cancel();
    expect(buffered.nextRevision).toBe(4);
    for (let i = 0; i < 2; i++) write(put('a'));
    expect(lagging.nextRevision).toBe(3);
    await hub.close();
    expect([buffered.nextRevision, silent.nextRevision, lagging.nextRevision]).toEqual([4, 7, 3]);
  });

  it('comes for all when the store closes, and not before a scan is through', async () => {
    open({ recentMaxEvents: 1 });
    for (let i = 0; i < 9; i++) write(put('a'));
    const onReadable = vi.fn();
    const watchers = [
      hub.watch({ range: all(), onReadable }),
      hub.watch({ range: all(), startRevision: 2, onReadable }),
    ];
    const iterator = watchers[0]![Symbol.asyncIterator]();
    const next = iterator.next();
    await quiet();
    const closed = vi.fn();
    const closing = hub.close().then(closed);
    expect(await next).toEqual({ done: true, value: undefined });
    await quiet();
    expect([closed.mock.calls.length, history.openScans]).toEqual([0, 1]);
    history.proceed();
    await closing;
    expect([history.openScans, onReadable.mock.calls.length]).toEqual([0, 0]);
    for (const watcher of watchers)
      expect([watcher.ended, watcher.take(), watcher.synced]).toEqual([true, undefined, false]);
    expect(() => hub.watch({ range: all() })).toThrow(MvccError);
  });
});

describe('iterating', () => {
  it('waits for what is to come, and ends with the word of compaction', async () => {
    const watcher = hub.watch({ range: all() });
    const seen: string[] = [];
    const reading = (async () => {
      for await (const batch of watcher) seen.push(print(batch));
    })();
    write(put('a'));
    write(put('b'));
    await quiet();
    expect(seen).toEqual(['2: put a@2', '3: put b@3']);
    write(put('c'));
    await quiet();
    expect(seen[2]).toBe('4: put c@4');
    history.compact(4);
    for await (const batch of hub.watch({ range: all(), startRevision: 2 })) seen.push(print(batch));
    expect(seen[3]).toBe('compacted 4');
    watcher.cancel();
    await reading;
  });

  it('can be broken off, and returned from while it waits', async () => {
    const watcher = hub.watch({ range: all() });
    write(put('a'));
    for await (const batch of watcher) {
      expect(print(batch)).toBe('2: put a@2');
      break;
    }
    expect(watcher.ended).toBe(true);
    const waiting = hub.watch({ range: all() })[Symbol.asyncIterator]();
    const next = waiting.next();
    expect(await waiting.return!()).toEqual({ done: true, value: undefined });
    expect(await next).toEqual({ done: true, value: undefined });
    expect(hub.status.watchers).toBe(0);
  });

  it('answers as many calls as were made, in order', async () => {
    const iterator = hub.watch({ range: all() })[Symbol.asyncIterator]();
    const nexts = [iterator.next(), iterator.next(), iterator.next()];
    write(put('a'));
    write(put('b'));
    expect(print((await nexts[0]!).value)).toBe('2: put a@2');
    expect(print((await nexts[1]!).value)).toBe('3: put b@3');
    await iterator.return!();
    expect(await nexts[2]).toEqual({ done: true, value: undefined });
  });
});

describe('watch', () => {
  it('refuses an empty range, and a negative revision as one that is long gone', () => {
    const code = (call: () => unknown) => {
      try {
        call();
      } catch (error) {
        return error instanceof MvccError ? error.code : error;
      }
      return 'none';
    };
    expect(code(() => hub.watch({ range: between('b', 'a') }))).toBe('EMPTY_RANGE');
    expect(code(() => hub.watch({ range: between('b', 'b') }))).toBe('EMPTY_RANGE');
    expect(code(() => hub.watch({ range: all(), startRevision: -1 }))).toBe('COMPACTED');
    expect(code(() => hub.watch({ range: all(), startRevision: Number.MIN_SAFE_INTEGER }))).toBe('COMPACTED');
    expect(code(() => hub.watch({ range: all(), startRevision: Number.MAX_SAFE_INTEGER }))).toBe('none');
    expect(hub.status.watchers).toBe(1);
  });
});
