import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeFile, nodeFileSystem } from './node-file-system.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kontiki-files-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const modeOf = (path: string): number => statSync(path).mode & 0o777;
const code = (code: string): object => expect.objectContaining({ code });

describe('folders', () => {
  it('are made with their parents, for their owner only, and may be there already', async () => {
    const deep = join(directory, 'a', 'b');
    await nodeFileSystem.makeDirectory(deep);
    await nodeFileSystem.makeDirectory(deep);
    expect([modeOf(join(directory, 'a')), modeOf(deep)]).toEqual([0o700, 0o700]);
    writeFileSync(join(deep, 'file'), '');
    await expect(nodeFileSystem.makeDirectory(join(deep, 'file'))).rejects.toEqual(code('EEXIST'));
  });

  it('list their names sorted by code units, whatever the disk says', async () => {
    for (const name of ['b', 'a', 'B', '10', '9', 'ä']) writeFileSync(join(directory, name), '');
    expect(await nodeFileSystem.list(directory)).toEqual(['10', '9', 'B', 'a', 'b', 'ä']);
    await expect(nodeFileSystem.list(join(directory, 'no'))).rejects.toEqual(code('ENOENT'));
  });

  it('are synced, or fail as the disk does', async () => {
    await nodeFileSystem.syncDirectory(directory);
    await expect(nodeFileSystem.syncDirectory(join(directory, 'no'))).rejects.toEqual(code('ENOENT'));
  });
});

describe('names', () => {
  it('exist, move over others, and go', async () => {
    const [a, b] = [join(directory, 'a'), join(directory, 'b')];
    writeFileSync(a, 'new');
    writeFileSync(b, 'old');
    expect(await nodeFileSystem.exists(a)).toBe(true);
    await nodeFileSystem.rename(a, b);
    expect(await nodeFileSystem.exists(a)).toBe(false);
    expect(readFileSync(b, 'utf8')).toBe('new');
    await nodeFileSystem.remove(b);
    expect(await nodeFileSystem.list(directory)).toEqual([]);
    await expect(nodeFileSystem.remove(b)).rejects.toEqual(code('ENOENT'));
    await expect(nodeFileSystem.rename(a, b)).rejects.toEqual(code('ENOENT'));
  });

  it('that cannot be looked at are not said to be missing', async () => {
    writeFileSync(join(directory, 'file'), '');
    await expect(nodeFileSystem.exists(join(directory, 'file', 'below'))).rejects.toEqual(code('ENOTDIR'));
  });
});

describe('open', () => {
  it('creates what is not there, for its owner only, and refuses what is', async () => {
    const path = join(directory, 'file');
    const file = await nodeFileSystem.open(path, 'create');
    expect(file.path).toBe(path);
    expect(modeOf(path)).toBe(0o600);
    await file.write([Buffer.from('x')], 0);
    await file.close();
    await expect(nodeFileSystem.open(path, 'create')).rejects.toEqual(code('EEXIST'));
    expect(readFileSync(path, 'utf8')).toBe('x');
  });

  it('reads and writes only what is there, and keeps what it holds', async () => {
    const path = join(directory, 'file');
    await expect(nodeFileSystem.open(path, 'read')).rejects.toEqual(code('ENOENT'));
    await expect(nodeFileSystem.open(path, 'write')).rejects.toEqual(code('ENOENT'));
    writeFileSync(path, 'hello');
    const writer = await nodeFileSystem.open(path, 'write');
    await writer.write([Buffer.from('J')], 0);
    await writer.close();
    const reader = await nodeFileSystem.open(path, 'read');
    const buffer = new Uint8Array(5);
    expect(await reader.read(buffer, 0)).toBe(5);
    expect(Buffer.from(buffer).toString()).toBe('Jello');
    await expect(reader.write([Buffer.from('x')], 0)).rejects.toEqual(code('EBADF'));
    await reader.close();
  });
});

describe('a file', () => {
  it('reads fewer bytes only at its end', async () => {
    const path = join(directory, 'file');
    writeFileSync(path, 'abcdef');
    const file = await nodeFileSystem.open(path, 'read');
    const buffer = new Uint8Array(4).fill(0x2e);
    expect(await file.read(buffer, 4)).toBe(2);
    expect(Buffer.from(buffer).toString()).toBe('ef..');
    expect(await file.read(buffer, 6)).toBe(0);
    expect(await file.read(buffer, 60)).toBe(0);
    expect(await file.read(new Uint8Array(0), 0)).toBe(0);
    await file.close();
  });

  it('writes more chunks at once than the system takes in one call', async () => {
    const file = await nodeFileSystem.open(join(directory, 'file'), 'create');
    const chunks = Array.from({ length: 5000 }, (_, i) => Buffer.from(i % 7 === 0 ? '' : `${i},`));
    await file.write(chunks, 3);
    await file.write([], 0);
    await file.write([new Uint8Array(0)], 0);
    const meant = Buffer.concat([Buffer.alloc(3), ...chunks]);
    expect(await file.size()).toBe(meant.length);
    expect(readFileSync(file.path).equals(meant)).toBe(true);
    await file.datasync();
    await file.close();
  });

  it('holds what an array of bytes would, whatever is written, cut and read', async () => {
    const step = fc.oneof(
      fc.tuple(fc.constant('write' as const), fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 4 }), fc.nat(60)),
      fc.tuple(fc.constant('truncate' as const), fc.nat(80)),
      fc.tuple(fc.constant('read' as const), fc.nat(60), fc.nat(40)),
    );
    let n = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const file = await nodeFileSystem.open(join(directory, `file-${n++}`), 'create');
        let twin: number[] = [];
        for (const each of steps) {
          if (each[0] === 'write') {
            await file.write(each[1], each[2]);
            const bytes = each[1].flatMap((chunk) => [...chunk]);
            if (bytes.length > 0) while (twin.length < each[2]) twin.push(0);
            twin.splice(each[2], bytes.length, ...bytes);
          } else if (each[0] === 'truncate') {
            await file.truncate(each[1]);
            twin = Array.from({ length: each[1] }, (_, i) => twin[i] ?? 0);
          } else {
            const buffer = new Uint8Array(each[2]);
            const count = await file.read(buffer, each[1]);
            expect([...buffer.subarray(0, count)]).toEqual(twin.slice(each[1], each[1] + each[2]));
          }
          expect(await file.size()).toBe(twin.length);
        }
        await file.close();
      }),
      { numRuns: 50 },
    );
  });

  it('goes on where the disk takes or gives less than it was asked for', async () => {
    const portions = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
    const chunks = fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(portions, chunks, fc.nat(5), async (portion, parts, position) => {
        const disk = new Uint8Array(100);
        let calls = 0;
        const little = (asked: number): number => Math.min(asked, portion[calls++ % portion.length]!);
        const handle = {
          writev: async (buffers: Uint8Array[], at: number) => {
            const whole = Buffer.concat(buffers);
            const bytesWritten = little(whole.length);
            // A disk that takes nothing would be asked for ever.
            expect(bytesWritten).toBeGreaterThan(0);
            disk.set(whole.subarray(0, bytesWritten), at);
            return { bytesWritten };
          },
          read: async (buffer: Uint8Array, offset: number, length: number, at: number) => {
            const bytesRead = little(length);
            buffer.set(disk.subarray(at, at + bytesRead), offset);
            return { bytesRead };
          },
        };
        const file = new NodeFile('file', handle as unknown as FileHandle);
        const meant = Buffer.concat(parts);
        await file.write(parts, position);
        expect(Buffer.from(disk.subarray(position, position + meant.length))).toEqual(meant);
        const back = new Uint8Array(meant.length);
        expect(await file.read(back, position)).toBe(meant.length);
        expect(Buffer.from(back)).toEqual(meant);
      }),
      { numRuns: 300 },
    );
  });
});
