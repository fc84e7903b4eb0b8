/**
 * Torn tails and damage, exhaustively on small logs: every length, every byte, every bit, every sector.
 *
 * Two promises: what was acknowledged is never missing from a log that opens, and what is wrong is never served.
 */

import { SeededRandom } from '@kontiki/std';
import { describe, expect, it } from 'vitest';
import { Wal, WalError } from '../src/index.js';
import { cutOff, flipBit, MemoryFileSystem, scramble, zero } from '../src/testing/index.js';
import { decodeSegment } from './naive-decoder.js';
import { collect, DIRECTORY, options, readAll, record, text } from './support.js';

const FIRST = `${DIRECTORY}/0000000000000000-0000000000000000.wal`;

/** What ended the writing of a log. */
type Ending = 'closed' | 'killed';

interface Log {
  readonly bytes: Uint8Array;
  /** Where each batch ends. */
  readonly ends: readonly number[];
  readonly texts: readonly string[];
}

/** A log of one file whose batches are the given data, each acknowledged before the next. */
async function makeLog(ending: Ending, batches: readonly (readonly Uint8Array[])[]): Promise<Log> {
  const disk = new MemoryFileSystem();
  const wal = await Wal.create(options(disk, { segmentBytes: 1 << 20, head: () => [record(1, 'head')] }));
  const ends: number[] = [];
  for (const datas of batches) {
    await wal.append(
      datas.map((data) => record(2, data)),
      { sync: true, nextPosition: 0 },
    );
    ends.push(contentEnd(disk));
  }
  if (ending === 'closed') await wal.close();
  const bytes = disk.contents(FIRST);
  // What lies ahead in zeros is cut short: a few sectors show all there is to see.
  return {
    bytes: bytes.slice(0, Math.ceil(contentEnd(disk) / 512) * 512 + 1024),
    ends,
    texts: ['1:head', ...batches.flat().map((data) => text(record(2, data)))],
  };
}

/** Where the last record ends: not the last byte that is not zero, records may end in zeros. */
function contentEnd(disk: MemoryFileSystem): number {
  return decodeSegment(disk.contents(FIRST), 0).end;
}

function diskWith(bytes: Uint8Array): MemoryFileSystem {
  const disk = new MemoryFileSystem();
  disk.alter(FIRST, () => bytes.slice());
  return disk;
}

type Outcome =
  | { readonly kind: 'corrupt'; readonly offset: number | undefined }
  | { readonly kind: 'opened'; readonly texts: string[]; readonly repaired: boolean };

/** Opens, reads, and when that worked writes and reads again. */
async function tryOpen(disk: MemoryFileSystem): Promise<Outcome> {
  try {
    const { texts, repaired, wal } = await readAll(disk, { segmentBytes: 1 << 13 });
    await wal.append([record(2, 'more')], { sync: true, nextPosition: 0 });
    await wal.close();
    const again = await readAll(disk);
    expect(again.texts).toEqual([...texts, '2:more']);
    expect(again.repaired).toBe(false);
    return { kind: 'opened', texts, repaired };
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    expect(error.code).toBe('WAL_CORRUPT');
    expect(error.message).toContain(FIRST);
    expect(error.message).toContain('restore a backup');
    return { kind: 'corrupt', offset: error.offset };
  }
}

const isPrefix = (some: readonly string[], all: readonly string[]): boolean =>
  some.length <= all.length && some.every((one, i) => one === all[i]);

const small = [
  [Buffer.from('one')],
  [Buffer.from('two'), Buffer.from('three')],
  [Buffer.from([9, 0, 0, 0])],
  [Buffer.from('last')],
];
/** Records across sectors, with whole sectors of zeros inside, and ends that are zeros themselves. */
const wide = [
  [new Uint8Array(700).fill(1)],
  [new Uint8Array(1500), new Uint8Array(40).fill(7)],
  [Uint8Array.from({ length: 1400 }, (_, i) => (i < 300 ? i : 0))],
];

describe('an interrupted write of the last batch', () => {
  // Nothing of the last batch was acknowledged: everything before it must be there, none of it need be.
  async function sweep(
    batches: readonly (readonly Uint8Array[])[],
    tear: (log: Log, at: number) => Uint8Array,
  ): Promise<number> {
    const log = await makeLog('killed', batches);
    const before = log.ends.at(-2)!;
    const acknowledged = log.texts.slice(0, log.texts.length - batches.at(-1)!.length);
    let repairs = 0;
    for (let at = before; at <= log.ends.at(-1)!; at++) {
      const disk = diskWith(tear(log, at));
      const outcome = await tryOpen(disk);
      expect(outcome.kind, `torn at ${at}`).toBe('opened');
      if (outcome.kind !== 'opened') continue;
      expect(outcome.texts.slice(0, acknowledged.length)).toEqual(acknowledged);
      expect(isPrefix(outcome.texts, log.texts), `torn at ${at}`).toBe(true);
      if (outcome.repaired) repairs++;
    }
    return repairs;
  }

  it.each([
    ['small', small],
    ['wide', wide],
  ])('is cut off when the file ends at any byte of it (%s records)', async (_, batches) => {
    expect(await sweep(batches, (log, at) => log.bytes.slice(0, at))).toBeGreaterThan(10);
  });

  it.each([
    ['small', small],
    ['wide', wide],
  ])('is cut off when zeros start at any byte of it (%s records)', async (_, batches) => {
    expect(await sweep(batches, (log, at) => log.bytes.map((byte, i) => (i < at ? byte : 0)))).toBeGreaterThan(10);
  });

  it('is cut off whichever of its sectors are missing, though later ones are there', async () => {
    const batches = [[Buffer.from('safe')], Array.from({ length: 12 }, (_, i) => new Uint8Array(250).fill(i + 1))];
    const log = await makeLog('killed', batches);
    const before = log.ends[0]!;
    const sectors = Math.ceil(log.ends[1]! / 512);
    let holes = 0;
    for (let missing = 1; missing < 2 ** sectors; missing++) {
      // Of the first sector only what the last batch put there can be missing.
      const bytes = log.bytes.map((byte, i) => (i >= before && missing & (1 << Math.floor(i / 512)) ? 0 : byte));
      const outcome = await tryOpen(diskWith(bytes));
      expect(outcome.kind, `missing ${missing.toString(2)}`).toBe('opened');
      if (outcome.kind !== 'opened') continue;
      expect(outcome.texts.slice(0, 2)).toEqual(['1:head', '2:safe']);
      expect(isPrefix(outcome.texts, log.texts)).toBe(true);
      holes += Number(outcome.repaired);
    }
    expect(holes).toBeGreaterThan(100);
  });

  it('is kept beside the segment, and never over an older one', async () => {
    const log = await makeLog('killed', small);
    let disk = diskWith(log.bytes.slice(0, log.ends.at(-1)! - 3));
    const first = await Wal.open(options(disk));
    expect(first.repaired).toEqual({ segment: FIRST, offset: log.ends.at(-2)! + 16, keptAs: `${FIRST}.broken` });
    expect(disk.contents(`${FIRST}.broken`)).toEqual(log.bytes.slice(log.ends.at(-2)! + 16, log.ends.at(-1)! - 3));
    await first.wal.append([record(2, 'again')], { sync: true, nextPosition: 0 });
    disk = disk.powerCut(new SeededRandom(1), 'lost');
    expect(disk.contents(`${FIRST}.broken`)).toEqual(log.bytes.slice(log.ends.at(-2)! + 16, log.ends.at(-1)! - 3));
    const end = contentEnd(disk);
    disk.alter(FIRST, (bytes) => bytes.fill(0, end - 4));
    const second = await Wal.open(options(disk));
    expect(second.repaired?.keptAs).toBe(`${FIRST}.broken.1`);
    expect(disk.paths()).toContain(`${FIRST}.broken`);
  });
});

describe('damage', () => {
  it.each([
    ['small', 'closed', small],
    ['small', 'killed', small],
    ['wide', 'closed', wide],
    ['wide', 'killed', wide],
  ] as const)(
    'in any single bit is noticed or harmless, never served (%s records, %s)',
    async (_, ending, batches) => {
      const log = await makeLog(ending, batches);
      const end = log.ends.at(-1)! + (ending === 'closed' ? 16 : 0);
      const lastBatch = log.ends.at(-2)!;
      const found = { corrupt: 0, harmless: 0, cut: 0, retyped: 0 };
      // In large uniform data one bit in each byte is as good as any other.
      for (let bit = 0; bit < (end + 600) * 8; bit += batches === small ? 1 : 7) {
        const disk = diskWith(log.bytes);
        flipBit(disk, FIRST, bit);
        const outcome = await tryOpen(disk);
        if (outcome.kind === 'corrupt') {
          found.corrupt++;
          continue;
        }
        const missing = log.texts.length - outcome.texts.length;
        // The type is the one thing etcd's format does not protect: `check` is for that, see below.
        const retyped = missing === 0 && outcome.texts.some((one, i) => one !== log.texts[i]);
        if (retyped) {
          found.retyped++;
          const bodies = (texts: readonly string[]): string[] => texts.map((one) => one.slice(one.indexOf(':')));
          expect(bodies(outcome.texts)).toEqual(bodies(log.texts));
          continue;
        }
        expect(isPrefix(outcome.texts, log.texts)).toBe(true);
        if (missing === 0) found.harmless++;
        else {
          // Only at the very end of a log that was not closed could it be an interrupted write.
          expect(ending).toBe('killed');
          expect(bit / 8).toBeGreaterThanOrEqual(lastBatch);
          found.cut++;
        }
      }
      expect(found.corrupt).toBeGreaterThan(batches === small ? 1000 : 3000);
      expect(found.retyped).toBeLessThanOrEqual(8 * log.texts.length);
      expect(found).toMatchSnapshot();
    },
    60_000,
  );

  it('of a type is noticed by an owner who can tell types apart', async () => {
    const log = await makeLog('closed', small);
    const check = (one: { type: number; data: Uint8Array }): string | undefined =>
      text(one).endsWith(':head') === (one.type === 1) && one.type <= 2 && one.type > 0 ? undefined : 'the wrong type';
    for (let bit = 0; bit < log.ends.at(-1)! * 8; bit++) {
      const disk = diskWith(log.bytes);
      flipBit(disk, FIRST, bit);
      const reading = readAll(disk, { check });
      const texts = await reading.then(({ texts }) => texts).catch((error: WalError) => error.code);
      if (texts !== 'WAL_CORRUPT') expect(texts).toEqual(log.texts);
    }
  });

  it('in a whole sector of acknowledged records is refused, not taken for an interrupted write', async () => {
    const batches = Array.from({ length: 12 }, (_, i) => [new Uint8Array(400).fill(i + 1)]);
    const log = await makeLog('closed', batches);
    for (let sector = 0; sector * 512 < log.ends.at(-1)!; sector++) {
      const disk = diskWith(log.bytes);
      zero(disk, FIRST, sector * 512, Math.min((sector + 1) * 512, log.ends.at(-1)!));
      expect((await tryOpen(disk)).kind, `sector ${sector}`).toBe('corrupt');
    }
  });

  it('in a sector of the last, never followed batch may be an interrupted write, and is then cut off', async () => {
    const batches = [[Buffer.from('safe')], [new Uint8Array(2000).fill(1)]];
    const log = await makeLog('killed', batches);
    const disk = diskWith(log.bytes);
    zero(disk, FIRST, 1024, 1536);
    expect(await tryOpen(disk)).toEqual({ kind: 'opened', texts: ['1:head', '2:safe'], repaired: true });
  });

  it('by noise is refused, wherever acknowledged records are', async () => {
    const log = await makeLog('closed', wide);
    const end = log.ends.at(-1)!;
    const random = new SeededRandom(3);
    for (let i = 0; i < 300; i++) {
      const disk = diskWith(log.bytes);
      const start = random.int(end - 16);
      scramble(disk, FIRST, start, Math.min(end, start + 9 + random.int(600)), random);
      expect((await tryOpen(disk)).kind, `noise from ${start} on`).toBe('corrupt');
    }
  });

  it('that cuts a closed log short anywhere is never served as something else', async () => {
    const log = await makeLog('closed', small);
    for (let length = 0; length < log.bytes.length; length++) {
      const disk = diskWith(log.bytes);
      cutOff(disk, FIRST, length);
      const outcome = await tryOpen(disk);
      if (outcome.kind === 'opened') expect(isPrefix(outcome.texts, log.texts)).toBe(true);
      else expect(length).toBeLessThan(100);
    }
  });
});

describe('a huge length', () => {
  it('costs no memory: it is damage, or the end of the file', async () => {
    const log = await makeLog('closed', small);
    const at = log.ends[0]! + 16;
    for (const length of [
      'ffffffffff7f0000',
      '00000000000001ff',
      'ffffffffffffffff',
      '0000000000ff0000',
      'f8ffff7f00000000',
    ]) {
      const disk = diskWith(log.bytes);
      disk.alter(FIRST, (bytes) => {
        bytes.set(Buffer.from(length, 'hex'), at);
        return bytes;
      });
      expect(await tryOpen(disk)).toEqual({ kind: 'corrupt', offset: at });
    }
  });
});

describe('a log of several files', () => {
  async function makeSegments(): Promise<{ disk: MemoryFileSystem; texts: string[]; paths: readonly string[] }> {
    const disk = new MemoryFileSystem();
    const wal = await Wal.create(options(disk, { segmentBytes: 120 }));
    for (let i = 0; i < 12; i++) await wal.append([record(2, `number ${i}`)], { sync: true, nextPosition: i + 1 });
    await wal.close();
    const { texts } = await readAll(disk);
    return { disk, texts, paths: disk.paths() };
  }

  it('is refused when one is missing, doubled or swapped', async () => {
    const { paths } = await makeSegments();
    expect(paths.length).toBeGreaterThan(3);
    for (let i = 1; i < paths.length - 1; i++) {
      const { disk } = await makeSegments();
      await disk.remove(paths[i]!);
      await expect(Wal.open(options(disk))).rejects.toMatchObject({
        code: 'WAL_CORRUPT',
        message: expect.stringContaining('missing'),
      });
    }
    const { disk } = await makeSegments();
    const [first, second] = paths as [string, string];
    const one = disk.contents(first);
    const two = disk.contents(second);
    disk.alter(first, () => two);
    disk.alter(second, () => one);
    await expect(readAll(disk)).rejects.toMatchObject({ code: 'WAL_CORRUPT' });
    disk.alter(`${DIRECTORY}/0000000000000000-0000000000000009.wal`, () => one);
    await expect(Wal.open(options(disk))).rejects.toMatchObject({
      code: 'WAL_CORRUPT',
      message: expect.stringContaining('same place'),
    });
  });

  it('is served up to the damage and no further', async () => {
    const { texts, paths } = await makeSegments();
    for (const [i, path] of paths.slice(0, -1).entries()) {
      const { disk } = await makeSegments();
      flipBit(disk, path, (16 + 16 + 8 + 20) * 8);
      const { records } = await Wal.open(options(disk));
      const served: string[] = [];
      const reading = (async () => {
        for await (const one of records) served.push(text(one));
      })();
      await expect(reading).rejects.toMatchObject({ code: 'WAL_CORRUPT', file: path });
      expect(isPrefix(served, texts)).toBe(true);
      expect(served.length).toBeGreaterThanOrEqual(i);
      expect(served.length).toBeLessThan(texts.length);
    }
  });

  it('is refused when any but the last is cut short anywhere, even between records', async () => {
    const { paths } = await makeSegments();
    const full = (await makeSegments()).disk.contents(paths[1]!);
    for (let length = 0; length < full.length; length++) {
      const { disk } = await makeSegments();
      cutOff(disk, paths[1]!, length);
      await expect(readAll(disk), `cut at ${length}`).rejects.toMatchObject({ code: 'WAL_CORRUPT' });
    }
  });

  it('does not ask for files before the position it is opened from', async () => {
    const { disk, paths, texts } = await makeSegments();
    await disk.remove(paths[1]!);
    const { records } = await Wal.open(options(disk, { from: 10 }));
    const served = (await collect(records)).map(text);
    expect(served.length).toBeGreaterThan(0);
    expect(texts.slice(-served.length)).toEqual(served);
  });
});
