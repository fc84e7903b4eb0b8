import { SeededRandom } from '@kontiki/std';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BboltError, DatabaseReader, DatabaseWriter } from '../src/index.js';
import {
  bytesOf,
  linesOf,
  MemoryPages,
  metaPage,
  type NaiveBucket,
  readNaively,
  writeNaively,
} from '../src/testing/index.js';
import { database, readAll, write } from './support.js';

const flat = (entries: readonly (readonly [string, string])[]): NaiveBucket => ({
  records: new Map(entries),
  buckets: new Map(),
});
const numbered = (count: number, length: number): [string, string][] =>
  Array.from({ length: count }, (_, i) => [`key${String(i).padStart(4, '0')}`, 'v'.repeat(i % length)]);
const small = database(
  new Map([
    ['empty', flat([])],
    ['inline', flat(numbered(3, 5))],
    ['many', flat([...numbered(30, 20), ['long', 'l'.repeat(1100)]])],
  ]),
);
const used = database(
  new Map([
    ['inline', flat(numbered(3, 9))],
    ['nest', { records: new Map(numbered(9, 30)), buckets: new Map([['below', flat(numbered(30, 40))]]) }],
  ]),
);

/** Reads everything: the lines, or the error, which is ours and says where. Reads no more than a few times the file. */
async function outcome(file: Uint8Array): Promise<string[] | BboltError> {
  const pages = new MemoryPages(file);
  try {
    return await readAll(pages);
  } catch (error) {
    if (!(error instanceof BboltError)) throw error;
    const { code, message, page, offset } = error;
    if (code === 'BBOLT_CORRUPT' && message.startsWith(`page ${page} at offset ${offset} is damaged: `)) return error;
    if (code === 'BBOLT_INVALID' || code === 'BBOLT_TRUNCATED') return error;
    throw error;
  } finally {
    if (pages.readBytes > 20 * file.length + 20_000) expect.unreachable(`${pages.readBytes} bytes were read`);
  }
}

/**
 * The bytes no check can vouch for: keys and values, and how long the last of a page is, behind which are only zeros. And
 * where no freelist says which pages are in use, which element is a bucket and where its root is.
 */
function unguarded(file: Uint8Array): { values: Set<number>; buckets: Set<number> } {
  const view = new DataView(file.buffer, file.byteOffset);
  const found = new Set<number>();
  const buckets = new Set<number>();
  const { pages } = readNaively(file);
  const unsynced = !pages.some(({ kind }) => kind === 'freelist');
  for (const { at, kind, count } of pages) {
    if (kind !== 'leaf') continue;
    for (let i = 0, element = at + 16; i < count; i++, element += 16) {
      const [isBucket, keyBytes, valueBytes] = [0, 8, 12].map((field) => view.getUint32(element + field, true));
      const keyAt = element + view.getUint32(element + 4, true);
      const guarded = isBucket === 1 ? keyAt + keyBytes! : keyAt + keyBytes! + valueBytes!;
      for (let byte = keyAt; byte < guarded; byte++) found.add(byte);
      if (unsynced && isBucket === 1) for (let byte = 0; byte < 8; byte++) buckets.add(guarded + byte);
      if (unsynced && isBucket === 1) buckets.add(element);
      if (i === count - 1) for (let byte = element + 8; byte < element + 16; byte++) found.add(byte);
    }
  }
  return { values: found, buckets };
}

async function everyBit(file: Uint8Array, stride: number): Promise<{ errors: number; equal: number; others: number }> {
  const right = await outcome(file);
  if (right instanceof BboltError) throw right;
  const excused = unguarded(file);
  // Traces of tens of thousands of errors nobody looks at would take most of the time.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  onTestFinished(() => {
    Error.stackTraceLimit = stackTraceLimit;
  });
  const seen = { errors: 0, equal: 0, others: 0 };
  for (let bit = 0; bit < file.length * 8; bit += stride) {
    const damaged = file.slice();
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    const found = await outcome(damaged);
    if (found instanceof BboltError) seen.errors++;
    else if (found.length === right.length && found.every((line, i) => line === right[i])) seen.equal++;
    else {
      // Other bytes in a key or value; never a record more or less.
      if (excused.buckets.has(bit >> 3)) continue;
      if (!excused.values.has(bit >> 3)) expect.unreachable(`bit ${bit & 7} of byte ${bit >> 3} goes unnoticed`);
      if (found.length !== right.length) expect.unreachable(`bit ${bit & 7} of byte ${bit >> 3} changes the count`);
      seen.others++;
    }
  }
  return seen;
}

describe('any one bit changed gives an error, the same answer, or other bytes in one key or value', () => {
  it('in the smallest file of everything but branches, every bit', async () => {
    const tiny = database(
      new Map([
        ['empty', flat([])],
        ['inline', flat(numbered(2, 5))],
        ['page', flat([...numbered(8, 20), ['last', '']])],
      ]),
    );
    const seen = await everyBit((await write(tiny, { pageSize: 1024 })).bytes, 1);
    expect(seen.errors).toBeGreaterThan(1000);
    expect(seen.equal).toBeGreaterThan(1000);
    expect(seen.others).toBeGreaterThan(300);
  });

  it('in a file with branches and overflow, a bit of every byte', async () => {
    const file = (await write(small, { pageSize: 1024 })).bytes;
    const { pages } = readNaively(file);
    expect(pages.some(({ kind }) => kind === 'branch')).toBe(true);
    expect(pages.some(({ overflow }) => overflow > 0)).toBe(true);
    const seen = await everyBit(file, 9);
    expect(seen.errors).toBeGreaterThan(300);
  });

  it.each(['synced', 'long', 'unsynced'] as const)(
    'in a used file with a freelist that is %s, a bit of every fourth byte',
    async (freelist) => {
      const shape = { pageSize: 1024, freelist, freePages: 3, fanOut: 6 };
      const seen = await everyBit(writeNaively(used, shape, new SeededRandom(7)), 31);
      expect(seen.errors).toBeGreaterThan(100);
    },
  );
});

it('a file cut short anywhere is an error', async () => {
  const file = (await write(small, { pageSize: 1024 })).bytes;
  for (let length = 0; length < file.length; length++) {
    const found = await outcome(file.slice(0, length));
    expect(found).toBeInstanceOf(BboltError);
    expect((found as BboltError).code).toBe(length < 80 ? 'BBOLT_INVALID' : 'BBOLT_TRUNCATED');
  }
  // Longer it may be: bbolt makes files grow ahead.
  expect(await outcome(Buffer.concat([file, Buffer.alloc(10_000, 7)]))).toEqual(linesOf(small));
});

it('noise, zeros, and pages in the place of others end in an error of ours or in an answer', async () => {
  const random = new SeededRandom(3);
  const files = [
    (await write(small, { pageSize: 1024 })).bytes,
    writeNaively(used, { pageSize: 1024, freelist: 'synced', freePages: 3, fanOut: 4 }, random),
  ];
  let errors = 0;
  for (let run = 0; run < 3000; run++) {
    const file = files[run % files.length]!.slice();
    // The meta pages have a checksum: what stands in them is not reached by noise.
    const at = 2048 + random.int(file.length - 2048);
    const length = 1 + random.int(run % 3 === 0 ? 2000 : 12);
    if (run % 5 === 0) file.fill(0, at, at + length);
    else if (run % 5 === 1) {
      const [from, to] = [2 + random.int(file.length / 1024 - 2), 2 + random.int(file.length / 1024 - 2)];
      file.copyWithin(to * 1024, from * 1024, (from + 1) * 1024);
      // As if it had been written for that place.
      if (run % 2 === 0) file[to * 1024] = to;
    } else for (let i = at; i < Math.min(at + length, file.length); i++) file[i] = random.int(256);
    if ((await outcome(file)) instanceof BboltError) errors++;
  }
  expect(errors).toBeGreaterThan(1000);
});

describe('pages that are right in themselves and wrong together', () => {
  const shape = { pageSize: 1024, freelist: 'synced', freePages: 2, fanOut: 3 } as const;
  const file = (): Uint8Array => writeNaively(used, shape, new SeededRandom(11));
  const words = (bytes: Uint8Array): bigint[] => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return Array.from({ length: 5 }, (_, i) => view.getBigUint64(32 + i * 8, true));
  };
  const withMetas = (change: (words: bigint[]) => void): Uint8Array => {
    const bytes = file();
    const changed = words(bytes);
    change(changed);
    for (const id of [0, 1]) bytes.set(metaPage(id, 1024, changed), id * 1024);
    return bytes;
  };

  it.each([
    ['root', 0, [0n, 1n, 2n ** 40n, 2n ** 64n - 1n]],
    ['freelist', 2, [0n, 1n, 2n ** 40n, 2n ** 64n - 2n]],
    ['number of pages', 3, [0n, 1n, 2n, 3n, 2n ** 60n, 2n ** 64n - 1n]],
  ] as const)('a %s that cannot be is an error', async (_, word, values) => {
    for (const value of values) {
      const found = await outcome(withMetas((each) => each.fill(value, word, word + 1)));
      expect(found, String(value)).toBeInstanceOf(BboltError);
    }
  });

  it('every page as the root, and as the freelist, is an error or nothing new', async () => {
    const right = words(file());
    for (let id = 2n; id < right[3]!; id++) {
      for (const word of [0, 2]) {
        const found = await outcome(withMetas((each) => each.fill(id, word, word + 1)));
        if (id === right[word]) expect(found).toEqual(linesOf(used));
        else expect(found, `page ${id} as word ${word}`).toBeInstanceOf(BboltError);
      }
    }
  });

  it('a branch that leads to itself, up, or to a page twice is an error', async () => {
    const bytes = file();
    const branches = readNaively(bytes).pages.filter(({ kind }) => kind === 'branch');
    expect(branches.length).toBeGreaterThan(2);
    for (const { at, count } of branches) {
      for (let i = 0; i < count; i++) {
        for (let target = 0; target < bytes.length / 1024 + 3; target++) {
          const damaged = bytes.slice();
          const view = new DataView(damaged.buffer);
          if (view.getBigUint64(at + 24 + i * 16, true) === BigInt(target)) continue;
          view.setBigUint64(at + 24 + i * 16, BigInt(target), true);
          expect(await outcome(damaged)).toBeInstanceOf(BboltError);
        }
      }
    }
  });

  it('without check too reading ends, whatever a branch leads to', async () => {
    const bytes = file();
    for (const { at } of readNaively(bytes).pages.filter(({ kind }) => kind === 'branch')) {
      const damaged = bytes.slice();
      new DataView(damaged.buffer).setBigUint64(at + 24, BigInt(at / 1024), true);
      const reader = await DatabaseReader.open(new MemoryPages(damaged));
      const read = async (): Promise<void> => {
        await reader.buckets();
        for (const path of [['inline'], ['nest'], ['nest', 'below']]) {
          for await (const records of reader.records(path.map(bytesOf))) expect(records.length).toBeGreaterThan(0);
        }
      };
      await expect(read()).rejects.toThrow(/is reached twice/);
    }
  });

  it('a page inside the overflow of another is an error, whichever comes first', async () => {
    // Page 3 is the overflow of page 2, and all of it is one value: which looks like a leaf of id 3.
    const value = new Uint8Array(1500);
    value.set([3, 0, 0, 0, 0, 0, 0, 0, 2], 1024 - 33);
    for (const [first, second] of ['ab', 'ba']) {
      const pages = new MemoryPages();
      const writer = new DatabaseWriter(pages, { pageSize: 1024 });
      for (const name of ['a', 'b']) {
        const key = bytesOf('k');
        await writer.bucket(bytesOf(name), [[[key, name === first ? value : new Uint8Array(500)]]]);
      }
      await writer.finish();
      const bytes = pages.bytes;
      const inside = BigInt(readNaively(bytes).pages.find(({ overflow }) => overflow > 0)!.at / 1024 + 1);
      const view = new DataView(bytes.buffer);
      bytes[Number(inside) * 1024] = Number(inside);
      // The roots stand in the last page but one, a behind its name, then b.
      const root = bytes.length - 2048 + 16 + 32 + (second === 'a' ? 1 : 16 + 1 + 1);
      view.setBigUint64(root, inside, true);
      const found = await outcome(bytes);
      expect(found).toBeInstanceOf(BboltError);
      expect((found as BboltError).message).toMatch(/is reached twice/);
    }
  });

  it('a tree too deep to be one is an error', async () => {
    // 100 branches of one child each: valid one by one.
    const pages = 104;
    const bytes = new Uint8Array(pages * 1024);
    const view = new DataView(bytes.buffer);
    for (const id of [0, 1]) bytes.set(metaPage(id, 1024, [2n, 0n, 2n ** 64n - 1n, BigInt(pages), 5n]), id * 1024);
    for (let id = 2; id < pages; id++) {
      view.setBigUint64(id * 1024, BigInt(id), true);
      view.setUint16(id * 1024 + 8, id === pages - 1 ? 2 : 1, true);
      if (id === pages - 1) break;
      view.setUint16(id * 1024 + 10, 1, true);
      view.setUint32(id * 1024 + 16, 16, true);
      view.setUint32(id * 1024 + 20, 1, true);
      view.setBigUint64(id * 1024 + 24, BigInt(id + 1), true);
      bytes[id * 1024 + 32] = 1;
    }
    const found = await outcome(bytes);
    expect(found).toBeInstanceOf(BboltError);
    expect((found as BboltError).message).toMatch(/levels deep/);
    const reader = await DatabaseReader.open(new MemoryPages(bytes));
    const read = async (): Promise<void> => {
      for await (const _ of reader.records(bytesOf('x'))) expect.unreachable();
    };
    await expect(read()).rejects.toThrow(/levels deep/);
  });
});

describe('the meta pages', () => {
  it('one damaged is made up for by the other', async () => {
    const file = (await write(small, { pageSize: 4096 })).bytes;
    for (const id of [0, 1]) {
      const damaged = file.slice();
      damaged.fill(0, id * 4096, id * 4096 + 4096);
      expect(await outcome(damaged)).toEqual(linesOf(small));
    }
    const both = file.slice();
    both[20]! ^= 1;
    both[4096 + 70]! ^= 1;
    expect(await outcome(both)).toMatchObject({ code: 'BBOLT_INVALID' });
  });

  it('the newer valid one counts, wherever it is', async () => {
    const file = (await write(small, { pageSize: 1024 })).bytes;
    const view = new DataView(file.buffer);
    const words = Array.from({ length: 5 }, (_, i) => view.getBigUint64(32 + i * 8, true));
    const older = [2n ** 40n, 0n, 0n, 3n, 6n];
    for (const newer of [0, 1]) {
      const bytes = file.slice();
      bytes.set(metaPage(newer, 1024, [...words.slice(0, 4), 7n]), newer * 1024);
      bytes.set(metaPage(1 - newer, 1024, older), (1 - newer) * 1024);
      expect(await outcome(bytes)).toEqual(linesOf(small));
      expect((await DatabaseReader.open(new MemoryPages(bytes))).txid).toBe(7n);
      // Beyond what a number can tell apart, too.
      bytes.set(metaPage(newer, 1024, [...words.slice(0, 4), 2n ** 60n + 1n]), newer * 1024);
      bytes.set(metaPage(1 - newer, 1024, [...older.slice(0, 4), 2n ** 60n]), (1 - newer) * 1024);
      expect(await outcome(bytes)).toEqual(linesOf(small));
    }
  });

  it('of another version are not read, nor is one of a page size that cannot be', async () => {
    const file = (await write(small, { pageSize: 1024 })).bytes;
    const view = new DataView(file.buffer);
    const words = Array.from({ length: 5 }, (_, i) => view.getBigUint64(32 + i * 8, true));
    const both = (pageSize: number, version: number): Uint8Array => {
      for (const id of [0, 1]) file.set(metaPage(id, pageSize, words, version), id * 1024);
      return file.slice();
    };
    expect(await outcome(both(1024, 3))).toMatchObject({
      code: 'BBOLT_INVALID',
      message: expect.stringContaining('it has version 3, not 2'),
    });
    for (const pageSize of [0, 512, 1000, 2 ** 25]) {
      expect(await outcome(both(pageSize, 2))).toMatchObject({ code: 'BBOLT_INVALID' });
    }
    expect(await outcome(both(1024, 2))).toEqual(linesOf(small));
  });

  it('a header that is wrong where the checksum is right is damage, not an older state', async () => {
    const file = (await write(small, { pageSize: 1024 })).bytes;
    for (const at of [0, 8, 1024, 1032]) {
      const damaged = file.slice();
      damaged[at]! ^= 0x40;
      expect(await outcome(damaged)).toMatchObject({ code: 'BBOLT_CORRUPT', page: at < 1024 ? 0 : 1 });
    }
  });
});
