import { SeededRandom } from '@kontiki/std';
import { describe, expect, it } from 'vitest';
import type { Records } from './ports.js';
import { DatabaseReader } from './reader.js';
import { bytesOf, latin1, MemoryPages, type NaiveBucket, readNaively, writeNaively } from './testing/index.js';
import { DatabaseWriter } from './writer.js';

const numbered = (count: number, valueBytes: number): Map<string, string> =>
  new Map(Array.from({ length: count }, (_, i) => [String(i).padStart(8, '0'), 'v'.repeat(valueBytes)] as const));
const bucket = (records: Map<string, string>, buckets: Record<string, NaiveBucket> = {}): NaiveBucket => ({
  records,
  buckets: new Map(Object.entries(buckets)),
});
const root = bucket(new Map(), {
  few: bucket(new Map([['a', '1']])),
  many: bucket(numbered(500, 20), { deep: bucket(numbered(2, 3), { deeper: bucket(numbered(100, 30)) }) }),
});
const file = writeNaively(root, { pageSize: 1024, freelist: 'synced', freePages: 9, fanOut: 9 }, new SeededRandom(1));

const collect = async (records: AsyncIterable<Records>): Promise<Records[]> => {
  const chunks: Records[] = [];
  for await (const chunk of records) chunks.push(chunk);
  return chunks;
};

describe('buckets', () => {
  it('are listed by name, at the top and below', async () => {
    const reader = await DatabaseReader.open(new MemoryPages(file));
    expect((await reader.buckets()).map(latin1)).toEqual(['few', 'many']);
    expect((await reader.buckets(bytesOf('few'))).map(latin1)).toEqual([]);
    expect((await reader.buckets(bytesOf('many'))).map(latin1)).toEqual(['deep']);
    expect((await reader.buckets(['many', 'deep'].map(bytesOf))).map(latin1)).toEqual(['deeper']);
  });

  it.each([
    [['no'], 'no'],
    [['a'], 'a'],
    [['zzz'], 'zzz'],
    [['many', 'no'], 'many / no'],
    [['many', 'deep', 'deeper', 'no'], 'many / deep / deeper / no'],
    // A record of that name there is.
    [['few', 'a'], 'few / a'],
    [['\xff\n'], '\\xff\\x0a'],
  ])('that are not there are said so: %j', async (path, printed) => {
    const reader = await DatabaseReader.open(new MemoryPages(file));
    const read = collect(reader.records(path.map(bytesOf)));
    await expect(read).rejects.toThrow(`there is no bucket ${printed}`);
    await expect(read).rejects.toEqual(expect.objectContaining({ code: 'BBOLT_NO_BUCKET' }));
    await expect(reader.buckets(path.map(bytesOf))).rejects.toThrow('there is no bucket');
  });
});

it('a bucket is not looked for past the bounds its branches have', async () => {
  const names = Array.from({ length: 60 }, (_, i) => String(i).padStart(2, '0'));
  const wide = bucket(new Map(), Object.fromEntries(names.map((name) => [name, bucket(new Map())])));
  const shape = { pageSize: 1024, freelist: 'synced', freePages: 0, fanOut: 3 } as const;
  const bytes = writeNaively(wide, shape, new SeededRandom(2));
  const leaves = readNaively(bytes).pages.filter(({ kind, depth }) => kind === 'leaf' && depth > 3);
  expect(leaves.length).toBeGreaterThan(10);
  // Its last key becomes one that belongs to the very end.
  for (const { at, count } of leaves.slice(0, -1)) {
    const damaged = bytes.slice();
    const view = new DataView(damaged.buffer);
    const last = at + 16 + (count - 1) * 16;
    const keyAt = last + view.getUint32(last + 4, true);
    const name = latin1(damaged.subarray(keyAt, keyAt + 2));
    damaged[keyAt] = 0xff;
    const reader = await DatabaseReader.open(new MemoryPages(damaged));
    await expect(reader.buckets(bytesOf(name))).rejects.toThrow('its last key does not come before the next one');
  }
});

describe('records', () => {
  it('come in chunks as asked for, buckets left out', async () => {
    const reader = await DatabaseReader.open(new MemoryPages(file));
    const chunks = await collect(reader.records(bytesOf('many'), { chunk: 150 }));
    expect(chunks.map(({ length }) => length)).toEqual([150, 150, 150, 50]);
    expect(chunks.flat().map(([key]) => latin1(key))).toEqual([...numbered(500, 20).keys()]);
    for (const chunk of [0, -1, 1.5, Number.NaN]) {
      await expect(collect(reader.records(bytesOf('many'), { chunk }))).rejects.toThrow('chunk must be a whole number');
    }
    await expect(collect(reader.records([]))).rejects.toThrow('at least one name');
  });

  it('come in chunks of a few megabytes at most when they are large', async () => {
    const pages = new MemoryPages();
    const writer = new DatabaseWriter(pages);
    const large = Array.from({ length: 12 }, (_, i) => [Uint8Array.of(i), new Uint8Array(400_000).fill(i)] as const);
    await writer.bucket(bytesOf('b'), [large]);
    await writer.finish();
    const chunks = await collect((await DatabaseReader.open(pages)).records(bytesOf('b')));
    expect(chunks.map(({ length }) => length)).toEqual([3, 3, 3, 3]);
    expect(chunks.flat().map(([key, value]) => [key[0], value.length, value[0], value.at(-1)])).toEqual(
      large.map((_, i) => [i, 400_000, i, i]),
    );
  });

  it('may be left before their end, and read side by side', async () => {
    const reader = await DatabaseReader.open(new MemoryPages(file));
    for await (const [first] of reader.records(bytesOf('many'), { chunk: 1 })) {
      expect(latin1(first![0])).toBe('00000000');
      break;
    }
    const both = await Promise.all([bytesOf('many'), bytesOf('many')].map((name) => collect(reader.records(name))));
    expect(both[0]).toEqual(both[1]);
    expect(both[0]!.flat()).toHaveLength(500);
  });
});

describe('the source', () => {
  it('is asked for little at once, and for every page about once', async () => {
    const pages = new MemoryPages();
    const writer = new DatabaseWriter(pages);
    for (const name of ['a', 'b']) {
      const records = [...numbered(30_000, 50)].map(([key, value]) => [bytesOf(key), bytesOf(value)] as const);
      await writer.bucket(bytesOf(name), [records]);
    }
    await writer.finish();
    const reader = await DatabaseReader.open(pages);
    let count = 0;
    for await (const records of reader.records(bytesOf('b'))) count += records.length;
    expect(count).toBe(30_000);
    expect(pages.longestReadBytes).toBeLessThanOrEqual(256 << 10);
    expect(pages.readBytes).toBeLessThan(0.6 * pages.sizeBytes);
    await reader.check();
    expect(pages.longestReadBytes).toBeLessThanOrEqual(256 << 10);
    expect(pages.readBytes).toBeLessThan(1.7 * pages.sizeBytes);
  });

  it('that fails is heard as it is; one that gives less than it has is a file cut short', async () => {
    const pages = new MemoryPages(file);
    const broken = new Error('EIO');
    const failing = {
      sizeBytes: file.length,
      read: (position: number, length: number): Promise<Uint8Array> =>
        position > 2048 ? Promise.reject(broken) : pages.read(position, length),
    };
    await expect((await DatabaseReader.open(failing)).check()).rejects.toBe(broken);
    const short = {
      sizeBytes: file.length,
      read: async (position: number, length: number): Promise<Uint8Array> =>
        (await pages.read(position, length)).subarray(0, position > 2048 ? length - 1 : length),
    };
    await expect((await DatabaseReader.open(short)).check()).rejects.toEqual(
      expect.objectContaining({ code: 'BBOLT_TRUNCATED' }),
    );
  });

  it('that is no database is said to be none', async () => {
    for (const bytes of [new Uint8Array(0), new Uint8Array(100_000), bytesOf('hello'.repeat(5000))]) {
      await expect(DatabaseReader.open(new MemoryPages(bytes))).rejects.toEqual(
        expect.objectContaining({ code: 'BBOLT_INVALID', message: expect.stringContaining('not a bbolt database') }),
      );
    }
  });
});
