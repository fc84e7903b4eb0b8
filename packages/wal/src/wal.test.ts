import { SeededRandom } from '@kontiki/std';
import { beforeEach, describe, expect, it } from 'vitest';
import { decodeSegment } from '../test/naive-decoder.js';
import { collect, DIRECTORY, options, readAll, record, text } from '../test/support.js';
import type { WalError } from './errors.js';
import { MemoryFileSystem } from './testing/index.js';
import { type OpenOptions, Wal } from './wal.js';

const FIRST = `${DIRECTORY}/0000000000000000-0000000000000000.wal`;
const sync = { sync: true, nextPosition: 0 };

let disk: MemoryFileSystem;

beforeEach(() => {
  disk = new MemoryFileSystem();
});

/** One record to a segment; record n is at position n. The last segment is empty. */
async function createOf(records: number, more: Partial<OpenOptions> = {}): Promise<Wal> {
  const wal = await Wal.create(options(disk, { segmentBytes: 64, ...more }));
  for (let i = 0; i < records; i++) await wal.append([record(2, `number ${i}`)], { sync: true, nextPosition: i + 1 });
  // The last cut is made after the last append was answered, and before this one.
  await wal.append([], sync);
  return wal;
}

describe('creating', () => {
  it('starts a log with its head and the initial records, readable at once and after a power cut', async () => {
    const wal = await Wal.create({
      ...options(disk, { head: () => [record(1, 'head')] }),
      initial: [record(5, 'zero')],
    });
    await wal.close();
    disk = disk.powerCut(new SeededRandom(1), 'lost');
    expect((await readAll(disk)).texts).toEqual(['1:head', '5:zero']);
  });

  it('makes the folders above it, durably', async () => {
    const wal = await Wal.create(options(disk, { directory: '/a/b/c/wal' }));
    await wal.append([record(2, 'x')], sync);
    disk = disk.powerCut(new SeededRandom(1), 'lost');
    expect((await readAll(disk, { directory: '/a/b/c/wal' })).texts).toEqual(['2:x']);
  });

  it('refuses a folder with anything in it, and takes an empty one', async () => {
    await disk.makeDirectory(DIRECTORY);
    await (await Wal.create(options(disk))).close();
    await expect(Wal.create(options(disk))).rejects.toMatchObject({ code: 'WAL_EXISTS' });
  });

  it('starts over what an interrupted creation left', async () => {
    disk.alter(`${DIRECTORY}.tmp/0000000000000000-0000000000000000.wal`, () => new Uint8Array(99).fill(9));
    disk.alter(`${DIRECTORY}.tmp/0000000000000000-0000000000000000.wal.tmp`, () => new Uint8Array(9).fill(9));
    await (await Wal.create(options(disk))).close();
    expect(disk.paths()).toEqual([FIRST]);
    expect((await readAll(disk)).texts).toEqual([]);
  });

  it('interrupted by a kill at any moment is finished by the next start, for good', async () => {
    let interrupted = 0;
    for (let nth = 1; ; nth++) {
      disk = new MemoryFileSystem();
      let next: MemoryFileSystem | undefined;
      disk.before = ({ number }) => void (number === nth && (next = disk.restart()));
      await Wal.create(options(disk)).catch(() => interrupted++);
      if (next === undefined) break;
      disk = next;
      const { wal } = await Wal.open(options(disk)).catch(async () => ({ wal: await Wal.create(options(disk)) }));
      await wal.append([record(2, 'acknowledged')], sync);
      disk = disk.powerCut(new SeededRandom(1), 'lost');
      expect((await readAll(disk)).texts, `killed at operation ${nth}`).toEqual(['2:acknowledged']);
    }
    expect(interrupted).toBeGreaterThan(10);
  });

  it('says so when there is no room', async () => {
    disk.capacityBytes = 10;
    await expect(Wal.create(options(disk))).rejects.toMatchObject({ code: 'WAL_NO_SPACE' });
    disk.capacityBytes = 1000;
    await (await Wal.create(options(disk))).close();
  });
});

describe('opening', () => {
  it('finds nothing where there is no log', async () => {
    await expect(Wal.open(options(disk))).rejects.toMatchObject({ code: 'WAL_MISSING' });
    disk.alter(`${DIRECTORY}/notes.txt`, () => new Uint8Array(1));
    await expect(Wal.open(options(disk))).rejects.toMatchObject({ code: 'WAL_MISSING' });
  });

  it('reads from the segment that holds the position, its head first', async () => {
    await (await createOf(4, { head: () => [record(1, 'head')] })).close();
    const read = async (from: number): Promise<string[]> =>
      (await readAll(disk, { from })).texts.filter((one) => one !== '1:head');
    expect(await read(0)).toEqual(['2:number 0', '2:number 1', '2:number 2', '2:number 3']);
    expect(await read(2)).toEqual(['2:number 2', '2:number 3']);
    expect(await read(99)).toEqual([]);
    expect((await readAll(disk, { from: 99 })).texts).toEqual(['1:head']);
  });

  it('finds no log that is old enough when the segments are gone', async () => {
    const wal = await createOf(4);
    await wal.releaseBefore(3);
    await wal.close();
    await expect(Wal.open(options(disk, { from: 2 }))).rejects.toMatchObject({ code: 'WAL_MISSING' });
    expect((await readAll(disk, { from: 3 })).texts).toEqual(['2:number 3']);
  });

  it('lets the records be read again, and while more are appended: they end where the log ended', async () => {
    await (await createOf(3, { segmentBytes: 4096 })).close();
    const { wal, records } = await Wal.open(options(disk, { segmentBytes: 4096 }));
    await wal.append([record(2, 'later')], sync);
    for (let i = 0; i < 2; i++) expect((await collect(records)).map(text)).toHaveLength(3);
    await wal.close();
    expect((await readAll(disk)).texts).toHaveLength(4);
  });

  it('removes what was begun and never finished, and ignores other files', async () => {
    await (await createOf(1)).close();
    for (const name of ['0.tmp', '0000000000000009-0000000000000000.wal.tmp', 'x.broken', 'notes.txt']) {
      disk.alter(`${DIRECTORY}/${name}`, () => new Uint8Array(4));
    }
    await (await Wal.open(options(disk))).wal.close();
    expect(disk.paths().map((path) => path.slice(DIRECTORY.length + 1))).toEqual([
      '0000000000000000-0000000000000000.wal',
      '0000000000000001-0000000000000001.wal',
      'notes.txt',
      'x.broken',
    ]);
  });

  it('leaves no file open when it fails', async () => {
    await (await createOf(0)).close();
    disk.alter(FIRST, (bytes) => bytes.fill(7, 0, 8));
    let open = 0;
    disk.before = ({ kind }) => void (open += kind === 'open' ? 1 : kind === 'close' ? -1 : 0);
    await expect(Wal.open(options(disk))).rejects.toMatchObject({ code: 'WAL_CORRUPT', file: FIRST, offset: 0 });
    expect(open).toBe(0);
  });

  it('changes nothing when there is no room to keep what it cuts off', async () => {
    const wal = await createOf(0, { segmentBytes: 4096 });
    await wal.append([record(2, 'safe')], sync);
    await wal.append([record(2, 'torn'.repeat(20))], sync);
    const torn = disk.contents(FIRST).fill(0, 150);
    disk.alter(FIRST, () => torn);
    disk = disk.restart();
    disk.capacityBytes = torn.length + 5;
    await expect(Wal.open(options(disk))).rejects.toMatchObject({ code: 'WAL_NO_SPACE' });
    expect(disk.contents(FIRST)).toEqual(torn);
    disk.capacityBytes = torn.length + 5000;
    expect((await readAll(disk)).texts).toEqual(['2:safe']);
  });

  it('refuses a last segment whose head is gone or cut short: it had no name before its head was safe', async () => {
    const wal = await createOf(1, { head: () => [record(1, 'head of it')] });
    await wal.close();
    const last = disk.paths().at(-1)!;
    const head = disk.contents(last).slice(0, 48);
    for (const bytes of [
      new Uint8Array(0),
      new Uint8Array(4096),
      head.slice(0, 8),
      head.slice(0, 20),
      head.slice(0, 40),
    ]) {
      disk.alter(last, () => bytes);
      await expect(Wal.open(options(disk)), `${bytes.length}`).rejects.toMatchObject({
        code: 'WAL_CORRUPT',
        file: last,
      });
    }
  });

  it('marks the end of what a writer without marks left, so that its own torn batches can be told', async () => {
    await (await createOf(0, { sync: false, segmentBytes: 4096 })).close();
    const wal = (await Wal.open(options(disk, { sync: false }))).wal;
    await wal.append([record(2, 'foreign')], sync);
    await wal.close();
    const { wal: ours } = await readAll(disk);
    const types = decodeSegment(disk.contents(FIRST), 0).records.map(({ type }) => type);
    expect(types).toEqual([4n, 2n, 4n]);
    await ours.append([record(2, 'ours')], sync);
    expect(decodeSegment(disk.contents(FIRST), 0).records.map(({ type }) => type)).toEqual([4n, 2n, 4n, 2n]);
  });
});

describe('cutting', () => {
  it('names a segment by sequence and position, and starts it with the chain and the head', async () => {
    const wal = await createOf(3, { head: () => [record(1, 'head')] });
    expect(wal.segments.map(({ name }) => name)).toEqual([
      '0000000000000000-0000000000000000.wal',
      '0000000000000001-0000000000000001.wal',
      '0000000000000002-0000000000000002.wal',
      '0000000000000003-0000000000000003.wal',
    ]);
    let chain = 0;
    for (const { name } of wal.segments) {
      const decoded = decodeSegment(disk.contents(`${DIRECTORY}/${name}`), chain);
      expect(decoded.records.slice(0, 2).map(({ type }) => type)).toEqual([4n, 1n]);
      expect(decoded.records[0]!.crc).toBe(chain);
      chain = decoded.chain;
    }
  });

  it('asks for the head as it is with the append that fills the segment, not as it is later', async () => {
    // The owner's state, told by the head, runs ahead of what is written.
    let state = 0;
    const wal = await Wal.create(options(disk, { segmentBytes: 64, head: () => [record(3, `state ${state}`)] }));
    const appends = [1, 2, 3].map((n) => {
      state = n;
      return wal.append([record(3, `state ${n}`), record(2, 'and forty bytes more, to fill the segment')], {
        sync: true,
        nextPosition: n,
      });
    });
    await Promise.all(appends);
    await wal.close();
    const { texts } = await readAll(disk);
    expect(texts.filter((one) => one.startsWith('3'))).toEqual([
      '3:state 0',
      '3:state 1',
      '3:state 1',
      '3:state 2',
      '3:state 2',
      '3:state 3',
      '3:state 3',
    ]);
  });

  it('happens at about the size asked for', async () => {
    const wal = await Wal.create(options(disk, { segmentBytes: 10_000 }));
    for (let i = 0; i < 800; i++)
      await wal.append([record(2, new Uint8Array(i % 97))], { sync: i % 3 === 0, nextPosition: i });
    await wal.close();
    const sizes = disk
      .paths()
      .slice(0, -1)
      .map((path) => disk.contents(path).length);
    expect(sizes.length).toBeGreaterThan(3);
    for (const size of sizes) {
      expect(size).toBeGreaterThan(9_500);
      expect(size).toBeLessThan(12_000);
    }
  });

  it('interrupted by a kill between naming the file and syncing the folder costs nothing later', async () => {
    const wal = await createOf(0);
    disk.before = ({ kind }) => {
      if (kind === 'syncDirectory') disk = disk.restart();
    };
    await wal.append([record(2, 'fills the segment up')], { sync: true, nextPosition: 1 });
    await expect(wal.append([], sync)).rejects.toMatchObject({ code: 'WAL_POISONED' });
    // The new file has a name, so far only in memory; what follows goes into it.
    const { wal: again } = await readAll(disk);
    await again.append([record(2, 'acknowledged')], sync);
    disk = disk.powerCut(new SeededRandom(1), 'lost');
    expect((await readAll(disk)).texts).toEqual(['2:fills the segment up', '2:acknowledged']);
  });

  it('that finds no room ends the log; what was acknowledged is safe', async () => {
    const wal = await Wal.create(options(disk, { segmentBytes: 200 }));
    disk.capacityBytes = 230;
    let acknowledged = 0;
    let failure: WalError | undefined;
    for (let i = 0; i < 20 && failure === undefined; i++) {
      await wal.append([record(2, `number ${i}`)], { sync: true, nextPosition: i }).then(
        () => acknowledged++,
        (error) => (failure = error),
      );
    }
    expect(failure).toMatchObject({ code: 'WAL_NO_SPACE' });
    await wal.close();
    disk.capacityBytes = 1e6;
    const { texts } = await readAll(disk);
    expect(texts.length).toBeGreaterThanOrEqual(acknowledged);
    expect(acknowledged).toBeGreaterThan(2);
  });
});

describe('releasing', () => {
  const names = (): string[] => disk.paths().map((path) => path.slice(DIRECTORY.length + 1).slice(14, 16));

  it('removes the segments that hold only records before the position', async () => {
    const wal = await createOf(5);
    expect(await wal.releaseBefore(3)).toEqual([
      '0000000000000000-0000000000000000.wal',
      '0000000000000001-0000000000000001.wal',
      '0000000000000002-0000000000000002.wal',
    ]);
    expect(names()).toEqual(['03', '04', '05']);
    expect(await wal.releaseBefore(3)).toEqual([]);
    await wal.close();
    expect((await readAll(disk, { from: 3 })).texts).toEqual(['2:number 3', '2:number 4']);
  });

  it('keeps the last segment, and as many as it is told to', async () => {
    const wal = await createOf(5);
    expect(await wal.releaseBefore(99, { segments: 4 })).toHaveLength(2);
    expect(await wal.releaseBefore(99, { segments: 0 })).toHaveLength(3);
    expect(names()).toEqual(['05']);
    await wal.append([record(2, 'still')], { sync: true, nextPosition: 6 });
  });

  it('makes each removal durable before the next, so that no power cut leaves a gap', async () => {
    const wal = await createOf(5);
    const log: string[] = [];
    disk.before = ({ kind }) => void log.push(kind);
    await wal.releaseBefore(2);
    expect(log).toEqual(['remove', 'syncDirectory', 'remove', 'syncDirectory']);
  });

  it('that fails says so, and can be tried again', async () => {
    const wal = await createOf(5);
    let refused = false;
    disk.before = ({ kind }) => {
      if (kind !== 'remove' || refused) return;
      refused = true;
      throw Object.assign(new Error('no'), { code: 'EACCES' });
    };
    await expect(wal.releaseBefore(3)).rejects.toMatchObject({ code: 'EACCES' });
    expect(await wal.releaseBefore(3)).toHaveLength(3);
    await wal.append([record(2, 'goes on')], { sync: true, nextPosition: 6 });
  });
});

describe('verifying', () => {
  it('counts what is there, while appends go on', async () => {
    const wal = await createOf(5);
    const appends = [
      wal.append([record(2, 'more')], { sync: true, nextPosition: 6 }),
      wal.append([record(2, 'more')], { sync: true, nextPosition: 7 }),
    ];
    expect(await wal.verify()).toMatchObject({ segments: 6, records: 5 });
    await Promise.all(appends);
    expect(await wal.verify()).toMatchObject({ records: 7 });
  });

  it('finds damage in any segment', async () => {
    const wal = await createOf(5);
    for (const path of disk.paths().slice(0, -1)) {
      const bytes = disk.contents(path);
      disk.alter(path, (changed) => changed.fill(0xff, 60, 61));
      await expect(wal.verify()).rejects.toMatchObject({ code: 'WAL_CORRUPT', file: path });
      disk.alter(path, () => bytes);
    }
    expect(await wal.verify()).toMatchObject({ records: 5 });
  });
});
