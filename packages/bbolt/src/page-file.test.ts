import { SeededRandom } from '@kontiki/std';
import { describe, expect, it } from 'vitest';
import { PageFile } from './page-file.js';
import { DatabaseReader } from './reader.js';
import { bytesOf, MemoryPages, metaPage, readNaively, writeNaively } from './testing/index.js';
import { DatabaseWriter } from './writer.js';

const PAGE_BYTES = 1024;

/** Pages: 2 and 3 a leaf with overflow, 4 a leaf, 5 their branch, 6 the root, 7 the freelist. */
async function file(): Promise<Uint8Array> {
  const pages = new MemoryPages();
  const writer = new DatabaseWriter(pages, { pageSize: PAGE_BYTES });
  const value = (length: number): Uint8Array => new Uint8Array(length).fill(0x76);
  await writer.bucket(bytesOf('b'), [
    ['a', 'b', 'c', 'd'].map((key) => [bytesOf(key), value(key === 'a' ? 900 : 400)]),
  ]);
  await writer.finish();
  return pages.bytes;
}

async function spoilt(page: number, spoil: (view: DataView) => void): Promise<DatabaseReader> {
  const bytes = await file();
  spoil(new DataView(bytes.buffer, page * PAGE_BYTES, PAGE_BYTES));
  return DatabaseReader.open(new MemoryPages(bytes));
}

async function read(reader: DatabaseReader): Promise<number> {
  let count = 0;
  for await (const records of reader.records(bytesOf('b'))) count += records.length;
  return count;
}

it('the file the tests spoil is in order, and looks as they take it to', async () => {
  const bytes = await file();
  const { pages } = readNaively(bytes);
  expect(pages.map(({ at, kind, overflow }) => [at / PAGE_BYTES, kind, overflow])).toEqual([
    [6, 'leaf', 0],
    [5, 'branch', 0],
    [2, 'leaf', 1],
    [4, 'leaf', 0],
    [7, 'freelist', 0],
  ]);
  const reader = await DatabaseReader.open(new MemoryPages(bytes));
  await reader.check();
  expect(await read(reader)).toBe(4);
});

describe('a page', () => {
  const u16 = (at: number, value: number) => (view: DataView) => view.setUint16(at, value, true);
  const u32 = (at: number, value: number) => (view: DataView) => view.setUint32(at, value, true);

  it.each([
    ['in the place of another', 4, u32(0, 5), 'it says that it is page 5'],
    ['with an id of 64 bits', 4, u32(4, 1), 'it says that it is page 4294967300'],
    ['of no kind', 4, u16(8, 0), 'it is of kind 0x0, not a branch or leaf'],
    ['of two kinds', 4, u16(8, 3), 'it is of kind 0x3, not a branch or leaf'],
    ['that is a freelist', 4, u16(8, 16), 'it is of kind 0x10, not a branch or leaf'],
    ['with overflow it does not need', 4, u32(12, 1), 'it has 2 pages for '],
    ['with overflow beyond the last page', 4, u32(12, 4), 'its 5 pages reach beyond the last'],
    ['with overflow of 2^32 pages', 4, u32(12, 2 ** 32 - 1), 'its 4294967296 pages reach beyond the last'],
    ['with less overflow than it needs', 2, u32(12, 0), 'element 1 reaches beyond it'],
    ['with more overflow than it needs', 2, u32(12, 2), 'it has 3 pages for '],
    ['with overflow, empty', 2, u16(10, 0), '0 elements do not take 2 pages'],
    ['with overflow and more elements than fit', 2, u16(10, 200), '200 elements do not take 2 pages'],
  ])('%s is damaged', async (_, page, spoil, problem) => {
    const reader = await spoilt(page, spoil);
    const damaged = `page ${page} at offset ${page * PAGE_BYTES} is damaged: ${problem}`;
    await expect(read(reader)).rejects.toThrow(damaged);
    await expect(reader.check()).rejects.toThrow(damaged);
  });

  it('with a record at the top, where buckets belong, is damaged', async () => {
    const reader = await spoilt(6, u32(16, 0));
    await expect(reader.check()).rejects.toThrow(
      'page 6 at offset 6144 is damaged: element 0 is a record outside of every',
    );
    await expect(reader.buckets()).rejects.toThrow(
      'page 6 at offset 6144 is damaged: element 0 is a record outside of every',
    );
  });

  it('may have one page more than it needs when its data ends with one: some bbolt wrote that', async () => {
    const pages = new MemoryPages();
    const writer = new DatabaseWriter(pages, { pageSize: PAGE_BYTES });
    await writer.bucket(bytesOf('b'), [[[bytesOf('k'), new Uint8Array(2 * PAGE_BYTES - 16 - 16 - 1)]]]);
    await writer.finish();
    // Root and freelist move up by one page, for one more page of overflow.
    const old = pages.bytes;
    const bytes = new Uint8Array(old.length + PAGE_BYTES);
    bytes.set(old.subarray(0, 4 * PAGE_BYTES));
    bytes.set(old.subarray(4 * PAGE_BYTES), 5 * PAGE_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(2 * PAGE_BYTES + 12, 2, true);
    view.setUint32(5 * PAGE_BYTES, 5, true);
    view.setUint32(6 * PAGE_BYTES, 6, true);
    for (const id of [0, 1]) bytes.set(metaPage(id, PAGE_BYTES, [5n, 0n, 6n, 7n, 9n]), id * PAGE_BYTES);
    const reader = await DatabaseReader.open(new MemoryPages(bytes));
    await reader.check();
    expect(await read(reader)).toBe(1);
  });

  it('with so many elements that the last is in its overflow is read, and checked before the overflow is', async () => {
    const records = new Map(Array.from({ length: 200 }, (_, i) => [String(i).padStart(3, '0'), '']));
    const root = { records: new Map(), buckets: new Map([['b', { records, buckets: new Map() }]]) };
    const shape = { pageSize: PAGE_BYTES, freelist: 'synced', freePages: 0, fanOut: 2000 } as const;
    // The naive writer draws how much it puts on a page: until it is a lot.
    for (let seed = 1; seed < 50; seed++) {
      const bytes = writeNaively(root, shape, new SeededRandom(seed));
      const full = readNaively(bytes).pages.find(({ count }) => count > 100);
      if (full === undefined) continue;
      expect(await read(await DatabaseReader.open(new MemoryPages(bytes)))).toBe(200);
      new DataView(bytes.buffer).setUint16(full.at + 10, full.count - 1, true);
      await expect(read(await DatabaseReader.open(new MemoryPages(bytes)))).rejects.toThrow(/is damaged/);
      return;
    }
    expect.unreachable('no page of more than 100 elements');
  });
});

describe('a freelist', () => {
  const free = (ids: readonly number[]) => (view: DataView) => {
    view.setUint16(10, ids.length, true);
    for (const [i, id] of ids.entries()) view.setBigUint64(16 + i * 8, BigInt(id), true);
  };

  it.each([
    ['in the place of another', (view: DataView) => view.setUint32(0, 8, true), 'it says that it is page 8'],
    ['of another kind', (view: DataView) => view.setUint16(8, 2, true), 'it is of kind 0x2, not a freelist'],
    [
      'with overflow beyond the last page',
      (view: DataView) => view.setUint32(12, 1, true),
      'its 2 pages reach beyond the last',
    ],
    ['with more ids than fit', (view: DataView) => view.setUint16(10, 127, true), 'its 127 ids do not fit into it'],
    ['with meta pages on it', free([1]), 'it lists 1, which is no page'],
    ['with pages behind the last', free([8]), 'it lists 8, which is no page'],
    ['with a page of 64 bits', free([2 ** 52]), 'it lists 4503599627370496, which is no page'],
  ])('%s is damaged', async (_, spoil, problem) => {
    const reader = await spoilt(7, spoil);
    await expect(reader.check()).rejects.toThrow(`page 7 at offset 7168 is damaged: ${problem}`);
    // Reading has no use for it.
    expect(await read(reader)).toBe(4);
  });

  it('that frees a page in use, or itself, shows which', async () => {
    for (const id of [2, 3, 4, 5, 6, 7]) {
      await expect((await spoilt(7, free([id]))).check()).rejects.toThrow(
        `page ${id} at offset ${id * PAGE_BYTES} is damaged: it is in use and free`,
      );
    }
    await expect((await spoilt(7, free([4, 4]))).check()).rejects.toThrow('it lists page 4 twice');
  });

  it('that does not name a free page shows that', async () => {
    const root = { records: new Map(), buckets: new Map() };
    const shape = { pageSize: PAGE_BYTES, freelist: 'synced', freePages: 3, fanOut: 2 } as const;
    const bytes = writeNaively(root, shape, new SeededRandom(1));
    const { pages, free: ids } = readNaively(bytes);
    const list = pages.find(({ kind }) => kind === 'freelist')!;
    new DataView(bytes.buffer).setUint16(list.at + 10, 2, true);
    await expect((await DatabaseReader.open(new MemoryPages(bytes))).check()).rejects.toThrow(
      `page ${ids[2]} at offset ${ids[2]! * PAGE_BYTES} is damaged: it is neither in use nor free`,
    );
  });
});

describe('windows', () => {
  /** A file of 2,000 pages, none of them looked at. */
  async function pages(): Promise<{ file: PageFile; source: MemoryPages }> {
    const bytes = new Uint8Array(2000 * 4096);
    for (const id of [0, 1]) bytes.set(metaPage(id, 4096, [2n, 0n, 3n, 2000n, 9n]), id * 4096);
    const source = new MemoryPages(bytes);
    return { file: await PageFile.open(source), source };
  }
  const range = (start: number, end: number, step = 1): number[] =>
    Array.from({ length: Math.ceil((end - start) / step) }, (_, i) => start + i * step);

  it.each([
    ['neighbours in one read, 256 KiB of them', range(10, 200), 0, [[10, 74]]],
    ['from the one asked for on', range(10, 20), 4, [[14, 20]]],
    [
      'over small gaps',
      [10, 13, 18, 24],
      0,
      [
        [10, 19],
        [24, 25],
      ],
    ],
    ['others beside it, 16 at most', range(10, 1000, 20), 0, range(10, 330, 20).map((id) => [id, id + 1])],
    [
      'not backwards',
      [10, 9, 8],
      0,
      [
        [10, 11],
        [9, 10],
        [8, 9],
      ],
    ],
    ['not what is no page', [10, 11, 1, 12], 0, [[10, 12]]],
    ['not what is behind the last page', [1999, 2000], 0, [[1999, 2000]]],
    [
      'a page twice as often',
      [10, 10],
      0,
      [
        [10, 11],
        [10, 11],
      ],
    ],
  ])('are %s', async (_, ids, index, expected) => {
    const { file, source } = await pages();
    const before = source.readBytes;
    const windows = await file.windows(ids, index);
    expect(windows.map(({ first, end }) => [first, end])).toEqual(expected);
    for (const { first, end, bytes } of windows) expect(bytes).toHaveLength((end - first) * 4096);
    expect(source.readBytes - before).toBeLessThanOrEqual(256 << 10);
  });
});
