import type { File, FileSystem } from '@kontiki/std';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Machine, SimProcess } from './machine.js';
import { World } from './world.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (found: Uint8Array): string => new TextDecoder().decode(found);
const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);

interface Bench {
  readonly world: World;
  readonly machine: Machine;
  readonly disk: FileSystem;
  /** Lets the world run until the call is answered. */
  after<T>(call: Promise<T>): Promise<T>;
}

function bench(seed = 1): Bench {
  const world = new World({ seed, turn: setImmediate });
  const machine = world.machine('a');
  return { world, machine, disk: machine.boot().fileSystem, after: (call) => answered(world, call) };
}

async function answered<T>(world: World, call: Promise<T>): Promise<T> {
  let done = false;
  call.then(
    () => {
      done = true;
    },
    () => {
      done = true;
    },
  );
  await world.run(world.nowMs + 10_000, () => done);
  expect(done).toBe(true);
  return call;
}

/** A folder `/d` with a file `a` that holds `safe`, all of it synced. */
async function withFile(seed = 1): Promise<Bench & { readonly file: File }> {
  const made = bench(seed);
  const { disk, after } = made;
  await disk.makeDirectory('/d');
  await after(disk.syncDirectory('/'));
  const file = await disk.open('/d/a', 'create');
  await file.write([bytes('safe')], 0);
  await after(file.datasync());
  await after(disk.syncDirectory('/d'));
  return { ...made, file };
}

describe('a disk', () => {
  it('reads back what was written, sparse and truncated files too', async () => {
    const { file, machine } = await withFile();
    await file.write([bytes('xy'), bytes('z')], 6);
    expect(textOf(machine.disk.contents('/d/a'))).toBe('safe\0\0xyz');
    await file.truncate(2);
    await file.truncate(4);
    expect(textOf(machine.disk.contents('/d/a'))).toBe('sa\0\0');
    const buffer = new Uint8Array(9);
    expect(await file.read(buffer, 1)).toBe(3);
    expect(await file.read(buffer, 9)).toBe(0);
    expect(await file.size()).toBe(4);
  });

  it('does not see later changes of a buffer it was given', async () => {
    const { file, machine } = await withFile();
    const buffer = bytes('once');
    await file.write([buffer], 0);
    buffer.fill(0);
    expect(textOf(machine.disk.contents('/d/a'))).toBe('once');
  });

  it('fails as Node does', async () => {
    const { disk } = await withFile();
    await expect(disk.open('/d/a', 'create')).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(disk.open('/d/b', 'read')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(disk.open('/d', 'read')).rejects.toMatchObject({ code: 'EISDIR' });
    await expect(disk.open('/none/b', 'create')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(disk.list('/none')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(disk.list('/d/a')).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(disk.remove('/d')).rejects.toMatchObject({ code: 'EISDIR' });
    await disk.makeDirectory('/e');
    await expect(disk.rename('/e', '/d')).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    await expect(disk.rename('/e', '/d/a')).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(disk.rename('/f', '/g')).rejects.toMatchObject({ code: 'ENOENT' });
    const reader = await disk.open('/d/a', 'read');
    await expect(reader.write([bytes('x')], 0)).rejects.toMatchObject({ code: 'EBADF' });
    await reader.close();
    await expect(reader.size()).rejects.toMatchObject({ code: 'EBADF' });
  });

  it('keeps synced contents under synced names through any power cut', async () => {
    for (const seed of SEEDS) {
      const { file, machine } = await withFile(seed);
      await file.write([bytes('UNSYNCED')], 4);
      machine.powerCut();
      expect(machine.disk.paths()).toEqual(['/d/a']);
      expect(textOf(machine.disk.contents('/d/a').subarray(0, 4))).toBe('safe');
    }
  });

  it('loses, keeps, or tears at any byte or sector what was not synced: all of that happens', async () => {
    const found = new Set<string>();
    for (const seed of SEEDS) {
      const { file, machine } = await withFile(seed);
      await file.write([new Uint8Array(600).fill(0x41)], 4);
      machine.powerCut();
      const after = machine.disk.contents('/d/a');
      const size = [4, 604].includes(after.length) ? '' : ' short';
      found.add(`${after[4] ?? '-'} ${after[600] ?? '-'}${size}`);
    }
    expect(found).toContain('- -');
    expect(found).toContain('65 65');
    expect(found).toContain('65 - short');
    expect(found).toContain('0 65');
    expect(found).toContain('65 0');
  });

  it('never shows a later write of a sector without an earlier one', async () => {
    for (const seed of SEEDS) {
      const { file, machine } = await withFile(seed);
      await file.write([bytes('1')], 4);
      await file.write([bytes('2')], 5);
      machine.powerCut();
      const after = textOf(machine.disk.contents('/d/a'));
      expect(['safe', 'safe1', 'safe12', 'safe\0', 'safe\0\0', 'safe1\0']).toContain(after);
    }
  });

  it('may lose or keep names that were not synced, but does not tear a rename', async () => {
    const found = new Set<string>();
    for (const seed of SEEDS) {
      const { disk, machine } = await withFile(seed);
      await disk.rename('/d/a', '/d/b');
      await (await disk.open('/d/c', 'create')).close();
      machine.powerCut();
      found.add(machine.disk.paths().join(' '));
    }
    expect([...found].sort()).toEqual(['/d/a', '/d/b', '/d/b /d/c']);
  });

  it('renames between folders whole or not at all, and a folder with what is in it', async () => {
    const found = new Set<string>();
    for (const seed of SEEDS) {
      const { disk, machine, after } = await withFile(seed);
      await disk.makeDirectory('/e');
      await after(disk.syncDirectory('/'));
      await disk.rename('/d/a', '/e/a');
      if (seed % 2 === 0) await after(disk.syncDirectory('/e'));
      machine.powerCut();
      found.add(machine.disk.paths().join(' '));
      if (seed % 2 === 0) expect(machine.disk.paths()).toEqual(['/e/a']);
      const next = machine.boot().fileSystem;
      await next.rename('/e', '/moved');
      expect(await next.exists('/e')).toBe(false);
    }
    expect([...found].sort()).toEqual(['/d/a', '/e/a']);
  });

  it('makes durable with a sync what was there when it began, when it ends', async () => {
    const ends = new Set<string>();
    for (const seed of SEEDS) {
      const { file, machine, world } = await withFile(seed);
      machine.disk.syncMs = { min: 10, max: 10 };
      await file.write([bytes('1')], 4);
      let synced = false;
      void file.datasync().then(() => {
        synced = true;
      });
      await file.write([bytes('2')], 5);
      await world.run(world.nowMs + 9);
      expect(synced).toBe(false);
      await world.run(world.nowMs + 2);
      expect(synced).toBe(true);
      machine.powerCut();
      const after = textOf(machine.disk.contents('/d/a'));
      expect(after.startsWith('safe1')).toBe(true);
      ends.add(after);
    }
    expect(ends).toContain('safe1');
    expect(ends).toContain('safe12');
  });

  it('loses what a failed sync should have kept, even when a later one succeeds', async () => {
    for (const seed of SEEDS.slice(0, 20)) {
      const { file, machine, after } = await withFile(seed);
      machine.disk.failSyncs(1);
      await file.write([bytes('LOST')], 0);
      await expect(after(file.datasync())).rejects.toMatchObject({ code: 'EIO' });
      await after(file.datasync());
      expect(textOf(machine.disk.contents('/d/a'))).toBe('LOST');
      machine.powerCut();
      expect(textOf(machine.disk.contents('/d/a'))).toBe('safe');
    }
  });

  it('keeps what a killed process wrote, but not safer than it was', async () => {
    const found = new Set<string>();
    for (const seed of SEEDS) {
      const { file, machine } = await withFile(seed);
      await file.write([bytes('seen')], 0);
      machine.kill();
      expect(textOf(machine.disk.contents('/d/a'))).toBe('seen');
      machine.powerCut();
      found.add(textOf(machine.disk.contents('/d/a')));
    }
    expect(found).toContain('safe');
    expect(found).toContain('seen');
  });

  it('fills up: a write beyond the capacity has written what fitted', async () => {
    const { file, machine } = await withFile();
    machine.disk.capacityBytes = 6;
    await file.write([bytes('over')], 0);
    await expect(file.write([bytes('wx'), bytes('yz')], 4)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(textOf(machine.disk.contents('/d/a'))).toBe('overwx');
    expect(machine.disk.usedBytes).toBe(6);
  });

  it('locks a folder until it is released or the process ends', async () => {
    const { disk, machine } = await withFile();
    const lock = await disk.lock('/d');
    await expect(disk.lock('/d')).rejects.toThrow('in use');
    await lock.release();
    await disk.lock('/d');
    machine.kill();
    await machine.boot().fileSystem.lock('/d');
  });

  it('rots where it is told to, for good', async () => {
    const { machine } = await withFile();
    machine.disk.rot('/d/a', 9);
    expect(textOf(machine.disk.contents('/d/a'))).toBe('scfe');
    machine.powerCut();
    expect(textOf(machine.disk.contents('/d/a'))).toBe('scfe');
  });

  it('is empty once it was replaced', async () => {
    const { machine } = await withFile();
    machine.kill();
    machine.disk.wipe();
    expect(machine.disk.paths()).toEqual([]);
  });

  it('springs a trap at one call, which never happens and never resolves', async () => {
    const { world, machine, disk, file } = await withFile();
    let sprung = 0;
    machine.disk.trap(2, () => {
      sprung++;
      machine.kill();
    });
    await file.write([bytes('1')], 4);
    expect(sprung).toBe(0);
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    file.write([bytes('2')], 5).then(settle, settle);
    disk.list('/').then(settle, settle);
    await world.run(1_000);
    expect([sprung, settled]).toEqual([1, false]);
    expect(textOf(machine.disk.contents('/d/a'))).toBe('safe1');
  });

  it('tells of every call before it happens, and fails as it is told', async () => {
    const { machine, disk, file } = await withFile();
    const calls: string[] = [];
    machine.disk.before = (operation, path) => {
      calls.push(`${operation} ${path}`);
      if (operation === 'remove') throw new Error('no');
    };
    await file.write([bytes('1')], 0);
    await expect(disk.remove('/d/a')).rejects.toThrow('no');
    expect(await disk.exists('/d/a')).toBe(true);
    expect(calls).toEqual(['write /d/a', 'remove /d/a', 'exists /d/a']);
  });
});

describe('a disk beside a naive one', () => {
  const NAMES = ['a', 'b', 'c'];
  const name = fc.constantFrom(...NAMES);
  const step = fc.oneof(
    fc.record({ kind: fc.constant('write' as const), name, at: fc.nat(8), text: fc.string({ maxLength: 6 }) }),
    fc.record({ kind: fc.constant('truncate' as const), name, length: fc.nat(12) }),
    fc.record({ kind: fc.constant('rename' as const), name, to: name }),
    fc.record({ kind: fc.constant('remove' as const), name }),
    fc.record({ kind: fc.constant('datasync' as const), name }),
    fc.record({ kind: fc.constant('syncDirectory' as const) }),
    fc.record({ kind: fc.constant('powerCut' as const) }),
    fc.record({ kind: fc.constant('kill' as const) }),
  );

  it('shows the same files after any history, and after a power cut nothing that never was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(step, { maxLength: 40 }), async (seed, steps) => {
        const { world, machine } = bench(seed);
        let process: SimProcess = machine.process!;
        let files = new Map<string, number[]>();
        const seen = (): Map<string, number[]> =>
          new Map(machine.disk.paths().map((path) => [path.slice(1), [...machine.disk.contents(path)]]));
        for (const each of steps) {
          const { fileSystem } = process;
          if (each.kind === 'powerCut' || each.kind === 'kill') {
            machine[each.kind]();
            process = machine.boot();
            // What a cut leaves is chance; but every name was given once, and nothing is longer than it can be.
            if (each.kind === 'kill') expect(seen()).toEqual(files);
            for (const [path, contents] of seen()) {
              expect(NAMES).toContain(path);
              expect(contents.length).toBeLessThan(15);
            }
            files = seen();
            continue;
          }
          if (each.kind === 'syncDirectory') {
            await answered(world, fileSystem.syncDirectory('/'));
            continue;
          }
          const path = `/${each.name}`;
          const contents = files.get(each.name);
          if (each.kind === 'write') {
            const file = await fileSystem.open(path, contents === undefined ? 'create' : 'write');
            const written = [...bytes(each.text)].slice(0, 6);
            await file.write([Uint8Array.from(written)], each.at);
            const after = contents ?? [];
            if (written.length > 0) {
              while (after.length < each.at) after.push(0);
              after.splice(each.at, written.length, ...written);
            }
            files.set(each.name, after);
          } else if (contents === undefined) {
            await expect(fileSystem.open(path, 'write')).rejects.toMatchObject({ code: 'ENOENT' });
          } else if (each.kind === 'truncate') {
            await (await fileSystem.open(path, 'write')).truncate(each.length);
            while (contents.length < each.length) contents.push(0);
            contents.length = each.length;
          } else if (each.kind === 'rename') {
            await fileSystem.rename(path, `/${each.to}`);
            files.delete(each.name);
            files.set(each.to, contents);
          } else if (each.kind === 'remove') {
            await fileSystem.remove(path);
            files.delete(each.name);
          } else await answered(world, (await fileSystem.open(path, 'write')).datasync());
          expect(seen()).toEqual(files);
        }
      }),
    );
  });

  it('after everything was synced a power cut changes nothing', async () => {
    const writes = fc.array(fc.tuple(name, fc.nat(2_000), fc.uint8Array({ maxLength: 1_200 })), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(fc.nat(), writes, async (seed, list) => {
        const { world, machine, disk } = bench(seed);
        for (const [each, at, data] of list) {
          const file = await disk.open(`/${each}`, (await disk.exists(`/${each}`)) ? 'write' : 'create');
          await file.write([data], at);
          await answered(world, file.datasync());
        }
        await answered(world, disk.syncDirectory('/'));
        const state = (): unknown => machine.disk.paths().map((path) => [path, machine.disk.contents(path)]);
        const before = state();
        machine.powerCut();
        expect(state()).toEqual(before);
      }),
      { numRuns: 50 },
    );
  });
});
