import { type FileSystem, SeededRandom } from '@kontiki/std';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { failNth, flipBit } from './damage.js';
import { MemoryFileSystem } from './memory-file-system.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const seeds = Array.from({ length: 200 }, (_, seed) => seed);

async function withFile(path: string): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  await disk.makeDirectory('/d');
  await disk.syncDirectory('/');
  const file = await disk.open(path, 'create');
  await file.write([bytes('safe')], 0);
  await file.datasync();
  await file.close();
  await disk.syncDirectory('/d');
  return disk;
}

describe('MemoryFileSystem', () => {
  it('fills the port', () => {
    expectTypeOf<MemoryFileSystem>().toExtend<FileSystem>();
  });

  it('reads back what was written, sparse and truncated files too', async () => {
    const disk = await withFile('/d/a');
    const file = await disk.open('/d/a', 'write');
    await file.write([bytes('xy'), bytes('z')], 6);
    expect(disk.contents('/d/a')).toEqual(bytes('safe\0\0xyz'));
    await file.truncate(2);
    await file.truncate(4);
    expect(disk.contents('/d/a')).toEqual(bytes('sa\0\0'));
    const buffer = new Uint8Array(9);
    expect(await file.read(buffer, 1)).toBe(3);
    expect(await file.size()).toBe(4);
  });

  it('fails as Node does', async () => {
    const disk = await withFile('/d/a');
    await expect(disk.open('/d/a', 'create')).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(disk.open('/d/b', 'read')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(disk.list('/none')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(disk.remove('/d')).rejects.toMatchObject({ code: 'EISDIR' });
    await disk.makeDirectory('/e');
    await expect(disk.rename('/e', '/d')).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    const reader = await disk.open('/d/a', 'read');
    await expect(reader.write([bytes('x')], 0)).rejects.toMatchObject({ code: 'EBADF' });
    await reader.close();
    await expect(reader.size()).rejects.toMatchObject({ code: 'EBADF' });
  });

  it('keeps synced contents under synced names through any power cut', async () => {
    for (const seed of seeds) {
      const disk = await withFile('/d/a');
      const file = await disk.open('/d/a', 'write');
      await file.write([bytes('UNSYNCED')], 4);
      const after = disk.powerCut(new SeededRandom(seed));
      expect(after.paths()).toEqual(['/d/a']);
      expect(after.contents('/d/a').subarray(0, 4)).toEqual(bytes('safe'));
    }
  });

  it('loses, keeps, or tears at any byte or sector what was not synced: all of that happens', async () => {
    const found = new Set<string>();
    for (const seed of seeds) {
      const disk = await withFile('/d/a');
      const file = await disk.open('/d/a', 'write');
      await file.write([new Uint8Array(600).fill(0x41)], 4);
      const after = disk.powerCut(new SeededRandom(seed)).contents('/d/a');
      // The first sector, the second, and whether the size is neither the old nor the new one.
      found.add(`${after[4] ?? '-'} ${after[600] ?? '-'}${[4, 604].includes(after.length) ? '' : ' short'}`);
    }
    expect([...found].sort()).toEqual(['- -', '0 0', '0 65', '65 - short', '65 0', '65 65', '65 65 short'].sort());
  });

  it('never shows a later write of a sector without an earlier one', async () => {
    for (const seed of seeds) {
      const disk = await withFile('/d/a');
      const file = await disk.open('/d/a', 'write');
      await file.write([bytes('1')], 4);
      await file.write([bytes('2')], 5);
      const after = Buffer.from(disk.powerCut(new SeededRandom(seed), 'sectors').contents('/d/a')).toString();
      expect(['safe', 'safe1', 'safe12', 'safe\0', 'safe\0\0', 'safe1\0']).toContain(after);
    }
  });

  it('may lose or keep names that were not synced, but not tear a rename', async () => {
    const found = new Set<string>();
    for (const seed of seeds) {
      const disk = await withFile('/d/a');
      await disk.rename('/d/a', '/d/b');
      await (await disk.open('/d/c', 'create')).close();
      found.add(disk.powerCut(new SeededRandom(seed)).paths().join(' '));
    }
    expect([...found].sort()).toEqual(['/d/a', '/d/a /d/c', '/d/b', '/d/b /d/c']);
  });

  it('loses what a failed datasync should have kept, even when a later one succeeds', async () => {
    const disk = await withFile('/d/a');
    const file = await disk.open('/d/a', 'write');
    disk.before = failNth(1, ({ kind }) => kind === 'datasync');
    await file.write([bytes('LOST')], 0);
    await expect(file.datasync()).rejects.toMatchObject({ code: 'EIO' });
    await file.datasync();
    expect(disk.contents('/d/a')).toEqual(bytes('LOST'));
    expect(disk.powerCut(new SeededRandom(1), 'kept').contents('/d/a')).toEqual(bytes('safe'));
  });

  it('keeps what a killed process wrote, but not safer than it was', async () => {
    const disk = await withFile('/d/a');
    const file = await disk.open('/d/a', 'write');
    await file.write([bytes('seen')], 0);
    const next = disk.restart();
    await expect(file.size()).rejects.toMatchObject({ code: 'EIO' });
    expect(next.contents('/d/a')).toEqual(bytes('seen'));
    expect(next.powerCut(new SeededRandom(1), 'lost').contents('/d/a')).toEqual(bytes('safe'));
  });

  it('fills up: a write beyond the capacity has written what fitted', async () => {
    const disk = await withFile('/d/a');
    disk.capacityBytes = 6;
    const file = await disk.open('/d/a', 'write');
    await file.write([bytes('over')], 0);
    await expect(file.write([bytes('wxyz')], 4)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(disk.contents('/d/a')).toEqual(bytes('overwx'));
  });

  it('locks a folder until it is released or the process ends', async () => {
    const disk = await withFile('/d/a');
    const lock = await disk.lock('/d');
    await expect(disk.lock('/d')).rejects.toThrow('in use');
    await lock.release();
    await disk.lock('/d');
    await disk.restart().lock('/d');
  });

  it('rots where it is told to, for good', async () => {
    const disk = await withFile('/d/a');
    flipBit(disk, '/d/a', 9);
    expect(disk.contents('/d/a')).toEqual(bytes('scfe'));
    expect(disk.powerCut(new SeededRandom(1)).contents('/d/a')).toEqual(bytes('scfe'));
  });
});
