import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Deferred, fromLatin1, toLatin1 } from '@kontiki/std';
import { systemClock } from '@kontiki/std/node';
import { Level } from 'level';
import { MemoryLevel } from 'memory-level';
import { describe, expect, it, vi } from 'vitest';
import { backendSuite } from '../testing/backend-suite.js';
import { ManualClock } from '../testing/manual-clock.js';
import { openLevelBackend } from './level-backend.js';
import { LevelFiles } from './level-files.js';
import { newestBatch, REMEMBERED } from './level-tables.js';

const bytes = (text: string): Uint8Array => fromLatin1(text);

async function onDisk(): Promise<{ directory: string; remove(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'kontiki-level-'));
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}

describe('on level', () => {
  const place = async () => {
    const { directory, remove } = await onDisk();
    return { open: () => openLevelBackend(new Level(directory), { clock: systemClock, directory }), remove };
  };
  for (const { name, run } of backendSuite(place, { durable: true })) it(name, run);
});

describe('on memory-level', () => {
  const place = () => {
    // Closing does not clear it, so it lasts as long as the place.
    const db = new MemoryLevel();
    return { open: () => openLevelBackend(db, { clock: systemClock }) };
  };
  for (const { name, run } of backendSuite(place, { durable: true })) it(name, run);
});

describe('a LevelBackend', () => {
  const inMemory = async (options: object = {}) => {
    const clock = new ManualClock();
    const db = new MemoryLevel();
    const batches: number[] = [];
    db.on('write', (operations: unknown[]) => batches.push(operations.length));
    return { clock, db, batches, backend: await openLevelBackend(db, { clock, ...options }) };
  };
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('commits by itself after the interval, counted from the first change', async () => {
    const { clock, backend, batches } = await inMemory({ commitIntervalMs: 100 });
    clock.advance(1000);
    backend.put('t', bytes('a'), bytes('1'));
    clock.advance(60);
    backend.put('t', bytes('b'), bytes('1'));
    clock.advance(39);
    await turn();
    expect(batches.length).toBe(0);
    clock.advance(1);
    await turn();
    expect(batches.length).toBe(1);
    expect(backend.pending.changes).toBe(0);
    clock.advance(1000);
    await turn();
    expect(batches.length).toBe(1);
  });

  it('commits when enough waits, but never in the middle of a turn', async () => {
    for (const limit of [{ commitChanges: 3 }, { commitBytes: 6 }]) {
      const { backend, db, batches } = await inMemory(limit);
      for (const key of 'abcde') backend.put('t', bytes(key), bytes('1'));
      expect(batches.length).toBe(0);
      expect(backend.pending.changes).toBe(5);
      await turn();
      expect(batches.length).toBe(1);
      expect(await db.keys({ gte: '\x01' }).all()).toHaveLength(5);
    }
  });

  it('writes all of a turn as one batch, however many tables are in it', async () => {
    const { backend, batches } = await inMemory();
    for (const table of ['one', 'two', 'three']) backend.put(table, bytes('k'), bytes('v'));
    await backend.commit();
    expect(batches.length).toBe(1);
  });

  it('is poisoned by a failed commit: it says so once, and to everyone who calls', async () => {
    const onError = vi.fn();
    const { backend, db } = await inMemory({ onError });
    backend.put('t', bytes('a'), bytes('1'));
    const batch = db.batch();
    vi.spyOn(batch, 'write').mockRejectedValue(new Error('the disk is on fire'));
    vi.spyOn(db, 'batch').mockReturnValue(batch);
    await expect(backend.commit()).rejects.toMatchObject({ code: 'POISONED', cause: new Error('the disk is on fire') });
    expect(() => backend.put('t', bytes('b'), bytes('1'))).toThrow('commit failed');
    expect(() => backend.get('t', bytes('a'))).toThrow('commit failed');
    expect(() => backend.scan('t')).toThrow('commit failed');
    await expect(backend.commit()).rejects.toMatchObject({ code: 'POISONED' });
    expect(onError).toHaveBeenCalledTimes(1);
    await backend.close();
    expect(db.status).toBe('closed');
  });

  it('counts what is in use exactly through puts, replacements and deletes', async () => {
    const { backend, db } = await inMemory();
    const counted = async (): Promise<number> => {
      let sum = 0;
      for await (const records of backend.scan('t', { start: bytes('') })) {
        for (const [key, value] of records) sum += key.length + value.length;
      }
      return sum;
    };
    const steps: (() => void)[] = [
      () => backend.put('t', bytes('m'), bytes('12345')),
      () => backend.put('t', bytes('a'), bytes('123')),
      () => backend.put('t', bytes('m'), bytes('1')),
      () => backend.delete('t', bytes('a')),
      () => backend.delete('t', bytes('absent')),
      () => backend.put('t', bytes('z'), bytes('1234567')),
      () => backend.delete('t', bytes('z'), 7),
      () => backend.put('t', bytes('z'), bytes('12')),
    ];
    for (const step of steps) {
      step();
      await backend.commit();
      expect(backend.sizeInUseBytes()).toBe(await counted());
    }
    // Writes that meet in one batch count once.
    for (const step of steps) step();
    await backend.commit();
    expect(backend.sizeInUseBytes()).toBe(await counted());
    await backend.close();
    const again = await openLevelBackend(db, { clock: new ManualClock() });
    expect(again.sizeInUseBytes()).toBe(backend.sizeInUseBytes());
  });

  it('makes estimates exact again when everything is scanned', async () => {
    const { backend } = await inMemory();
    for (const key of 'abc') backend.put('t', bytes(key), bytes('12345'));
    await backend.commit();
    backend.delete('t', bytes('b'), 3);
    await backend.commit();
    expect(backend.sizeInUseBytes()).toBe(14);
    for await (const _ of backend.scan('t'));
    expect(backend.sizeInUseBytes()).toBe(12);
  });

  it('knows the size of its files, and gives space back', async () => {
    const { directory, remove } = await onDisk();
    const backend = await openLevelBackend(new Level(directory), { clock: systemClock, directory });
    const noise = new Uint8Array(1 << 20);
    for (let i = 0; i < noise.length; i++) noise[i] = (i * 7919 * (i >> 3)) >> 5;
    for (let i = 0; i < 16; i++) {
      backend.put('t', bytes(`k${10 + i}`), noise);
      await backend.commit();
    }
    let files = 0;
    // The database moves things about in the background for a while.
    await vi.waitFor(
      async () => {
        await backend.refreshSize();
        files = 0;
        for (const name of await readdir(directory)) files += (await stat(join(directory, name))).size;
        expect(backend.sizeBytes()).toBe(files);
      },
      { timeout: 30_000 },
    );
    expect(backend.sizeBytes()).toBeGreaterThan(1 << 20);
    for (let i = 0; i < 16; i++) backend.delete('t', bytes(`k${10 + i}`));
    await backend.defragment();
    expect(backend.sizeBytes()).toBeLessThan(files / 4);
    await backend.close();
    await remove();
  });

  it('syncs the logs before this one with a commit that syncs, when something there may not be', async () => {
    const { directory, remove } = await onDisk();
    const syncLogs = vi.spyOn(LevelFiles.prototype, 'syncLogs');
    const backend = await openLevelBackend(new Level(directory), { clock: systemClock, directory });
    const steps: [sync: boolean, synced: number][] = [
      [true, 0],
      [false, 0],
      [false, 0],
      [true, 1],
      [true, 1],
    ];
    for (const [i, [sync, synced]] of steps.entries()) {
      backend.put('t', bytes(String(i)), bytes('1'));
      await backend.commit({ sync });
      expect(syncLogs).toHaveBeenCalledTimes(synced);
    }
    await backend.commit();
    backend.put('t', bytes('x'), bytes('1'));
    await backend.commit();
    // Nothing to write, but something to sync.
    await backend.commit({ sync: true });
    expect(syncLogs).toHaveBeenCalledTimes(2);
    await backend.commit({ sync: true });
    expect(syncLogs).toHaveBeenCalledTimes(2);
    backend.put('t', bytes('y'), bytes('1'));
    await backend.commit();
    syncLogs.mockRejectedValueOnce(new Error('EIO'));
    await expect(backend.commit({ sync: true })).rejects.toMatchObject({ code: 'POISONED', cause: { message: 'EIO' } });
    syncLogs.mockRestore();
    await backend.close();
    await remove();
  });

  it('survives the loss of the last batches, but not of one in the middle', async () => {
    expect(newestBatch(new Set())).toBe(0);
    expect(newestBatch(new Set([1, 2, 3]))).toBe(3);
    const many = Array.from({ length: REMEMBERED }, (_, i) => 1000 + i);
    expect(newestBatch(new Set(many))).toBe(999 + REMEMBERED);
    for (const lost of [1000, 1001, 998 + REMEMBERED]) {
      // Its slot still has the mark of the batch that was there before it.
      const marked = new Set([...many.filter((batch) => batch !== lost), lost - REMEMBERED]);
      expect(() => newestBatch(marked)).toThrow(`lost batch ${lost}`);
    }
    const { backend, db } = await inMemory();
    for (const key of 'abc') {
      backend.put('t', bytes(key), bytes('1'));
      await backend.commit();
    }
    await backend.close();
    await db.open();
    await db.del(new Uint8Array([0, 0, 2]), { keyEncoding: 'view' });
    await expect(openLevelBackend(db, { clock: new ManualClock() })).rejects.toMatchObject({ code: 'CORRUPT' });
  });

  it('takes nothing more once it is being closed', async () => {
    const { backend, db } = await inMemory();
    backend.put('t', bytes('a'), bytes('1'));
    const closed = [backend.close(), backend.close()];
    expect(() => backend.put('t', bytes('b'), bytes('1'))).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    await Promise.all(closed);
    await db.open();
    expect(await db.keys({ gte: '\x01' }).all()).toEqual(['\x01a']);
  });

  it('reads what is being committed', async () => {
    const { backend, db } = await inMemory();
    const batch = db.batch();
    const write = batch.write.bind(batch);
    const released = new Deferred<void>();
    vi.spyOn(batch, 'write').mockImplementation(() => released.promise.then(() => write()));
    vi.spyOn(db, 'batch').mockReturnValueOnce(batch);
    backend.put('t', bytes('a'), bytes('1'));
    backend.put('t', bytes('b'), bytes('1'));
    const committed = backend.commit();
    await turn();
    backend.put('t', bytes('a'), bytes('2'));
    backend.delete('t', bytes('b'));
    expect(backend.get('t', bytes('a'))).toEqual(bytes('2'));
    expect(backend.get('t', bytes('b'))).toBeUndefined();
    expect(backend.pending.changes).toBe(4);
    const seen: string[] = [];
    for await (const records of backend.scan('t'))
      for (const [key, value] of records) seen.push(toLatin1(key) + toLatin1(value));
    expect(seen).toEqual(['a2']);
    const scan = backend.scan('t');
    released.resolve();
    await committed;
    for await (const _ of scan);
    // The scan saw the table without the batch, so what it counted is not what the table comes to.
    expect(backend.sizeInUseBytes() - backend.pending.bytes).toBe(4);
    expect(backend.get('t', bytes('b'))).toBeUndefined();
    await backend.commit();
    expect(backend.get('t', bytes('a'))).toEqual(bytes('2'));
    expect(backend.get('t', bytes('b'))).toBeUndefined();
  });
});
