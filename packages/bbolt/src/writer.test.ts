import { setTimeout as later } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BboltError, type BboltErrorCode } from './errors.js';
import type { PageSink, Records } from './ports.js';
import { DatabaseReader } from './reader.js';
import { bytesOf, latin1, linesOf, MemoryPages, readNaively } from './testing/index.js';
import { DatabaseWriter } from './writer.js';

const record = (key: string, value = ''): Records[number] => [bytesOf(key), bytesOf(value)];
const numbered = (count: number, value: string): Records =>
  Array.from({ length: count }, (_, i) => record(String(i).padStart(8, '0'), value));
const code = (code: BboltErrorCode): object => expect.objectContaining({ code });

describe('what a page can hold', () => {
  it('fills pages to the asked percentage when records come in order', async () => {
    for (const [fillPercent, least, most] of [
      [50, 40, 50],
      [90, 80, 90],
      [100, 90, 100],
    ] as const) {
      const pages = new MemoryPages();
      const writer = new DatabaseWriter(pages, { fillPercent });
      await writer.bucket(bytesOf('b'), [numbered(5000, 'v'.repeat(100))]);
      await writer.finish();
      const leaves = readNaively(pages.bytes).pages.filter(({ kind, depth }) => kind === 'leaf' && depth === 2);
      const bytes = leaves.map(({ count }) => 16 + count * (16 + 8 + 100));
      const full = bytes.slice(0, -1);
      expect(Math.min(...full)).toBeGreaterThan((least / 100) * 4096);
      expect(Math.max(...full)).toBeLessThanOrEqual((most / 100) * 4096);
    }
  });

  it('gives every branch two children at least, over many levels, whatever the count', async () => {
    // Keys of 400 bytes: two to a page of 1 KiB.
    for (const count of [1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 64, 65, 127, 129, 255, 257]) {
      const pages = new MemoryPages();
      const writer = new DatabaseWriter(pages, { pageSize: 1024 });
      const records = Array.from({ length: count }, (_, i) => record(String(i).padStart(400, '0'), 'v'));
      await writer.bucket(bytesOf('b'), [records]);
      await writer.finish();
      const { pages: found, root } = readNaively(pages.bytes);
      expect([...root.buckets.get('b')!.records.keys()]).toEqual(records.map(([key]) => latin1(key)));
      for (const { kind, count } of found) if (kind === 'branch') expect(count).toBeGreaterThanOrEqual(2);
      if (count > 200) expect(Math.max(...found.map(({ depth }) => depth))).toBeGreaterThan(6);
      await (await DatabaseReader.open(pages)).check();
    }
  });

  it('takes the longest key and values of many pages', async () => {
    const pages = new MemoryPages();
    const writer = new DatabaseWriter(pages, { pageSize: 1024 });
    const long = 'k'.repeat(32_768);
    const records = [record('a', 'v'.repeat(3_000_000)), record(long, 'w'.repeat(10)), record(`${long.slice(1)}l`, '')];
    await writer.bucket(bytesOf('b'), [records]);
    await writer.finish();
    const found = [];
    for await (const chunk of (await DatabaseReader.open(pages)).records(bytesOf('b'))) found.push(...chunk);
    expect(found.map(([key, value]) => [key.length, value.length])).toEqual([
      [1, 3_000_000],
      [32_768, 10],
      [32_768, 0],
    ]);
    expect(
      found.every(
        ([key, value], i) => Buffer.from(key).equals(records[i]![0]) && Buffer.from(value).equals(records[i]![1]),
      ),
    ).toBe(true);
  });

  it('keeps a page under 65,535 elements, which is how a freelist says that its count is elsewhere', async () => {
    const pages = new MemoryPages();
    const writer = new DatabaseWriter(pages, { pageSize: 16 << 20, fillPercent: 100 });
    await writer.bucket(bytesOf('b'), [numbered(70_000, '')]);
    await writer.finish();
    const counts = readNaively(pages.bytes)
      .pages.filter(({ depth }) => depth === 2)
      .map(({ count }) => count);
    expect(counts).toEqual([65_534, 4_466]);
  });

  it('writes databases without buckets, and buckets without records', async () => {
    for (const names of [[], ['a'], ['a', 'b', 'c']]) {
      const pages = new MemoryPages();
      const writer = new DatabaseWriter(pages);
      for (const name of names) await writer.bucket(bytesOf(name), []);
      expect(await writer.finish()).toEqual({ sizeBytes: 4 * 4096 });
      const reader = await DatabaseReader.open(pages);
      await reader.check();
      expect((await reader.buckets()).map(latin1)).toEqual(names);
      expect(linesOf(readNaively(pages.bytes).root)).toEqual(
        names.map((name) => `${Buffer.from(name).toString('hex')}/`),
      );
    }
  });

  it('makes equal files of equal input, however it is cut into chunks', async () => {
    const files = [];
    const all = numbered(5000, 'v'.repeat(90));
    for (const chunks of [[all], all.map((each) => [each]), [[], all.slice(0, 777), [], all.slice(777)]]) {
      const pages = new MemoryPages();
      const writer = new DatabaseWriter(pages);
      await writer.bucket(bytesOf('b'), chunks);
      await writer.finish();
      files.push(Buffer.from(pages.bytes));
    }
    expect(files[1]!.equals(files[0]!)).toBe(true);
    expect(files[2]!.equals(files[0]!)).toBe(true);
  });

  it('says which transaction it looks to be the outcome of, the next one writing over the older meta page', async () => {
    for (const txid of [1, 2, 3, 2 ** 53 - 1]) {
      const pages = new MemoryPages();
      const writer = new DatabaseWriter(pages, { txid });
      await writer.finish();
      expect((await DatabaseReader.open(pages)).txid).toBe(BigInt(txid));
      const view = new DataView(pages.bytes.buffer);
      expect([0, 1].map((id) => view.getBigUint64(id * 4096 + 64, true))[txid % 2]).toBe(BigInt(txid));
    }
  });
});

describe('what is refused', () => {
  it.each([
    ['keys out of order', [[record('b'), record('a')]], 'BBOLT_ORDER', 'key in bucket x out of order: a comes after b'],
    ['a key twice, in different chunks', [[record('a')], [record('a')]], 'BBOLT_ORDER', 'a comes twice'],
    ['an empty key', [[record('')]], 'BBOLT_RECORD', 'a key has 0 bytes, not 1 to 32768'],
    ['a key too long', [[record('k'.repeat(32_769))]], 'BBOLT_RECORD', 'a key has 32769 bytes, not 1 to 32768'],
  ] as const)('%s', async (_, chunks, code, message) => {
    const writer = new DatabaseWriter(new MemoryPages());
    const call = writer.bucket(bytesOf('x'), chunks);
    await expect(call).rejects.toThrow(message);
    await expect(call).rejects.toEqual(expect.objectContaining({ code }));
    await expect(writer.finish()).rejects.toThrow('the writer has failed');
  });

  it('buckets out of order, twice, or without a name', async () => {
    for (const [names, code] of [
      [['b', 'a'], 'BBOLT_ORDER'],
      [['a', 'a'], 'BBOLT_ORDER'],
      [[''], 'BBOLT_RECORD'],
    ] as const) {
      const writer = new DatabaseWriter(new MemoryPages());
      for (const name of names.slice(0, -1)) await writer.bucket(bytesOf(name), []);
      await expect(writer.bucket(bytesOf(names.at(-1)!), [])).rejects.toEqual(expect.objectContaining({ code }));
    }
  });

  it('options out of range', () => {
    for (const options of [
      { pageSize: 512 },
      { pageSize: 4097 },
      { pageSize: 32 << 20 },
      { pageSize: Number.NaN },
      { fillPercent: 0.9 },
      { fillPercent: 101 },
      { fillPercent: Number.NaN },
      { txid: 0 },
      { txid: 1.5 },
      { txid: 2 ** 53 },
    ]) {
      expect(() => new DatabaseWriter(new MemoryPages(), options)).toThrow(code('BBOLT_OPTION') as Error);
    }
  });

  it('calls while another is at work, and after the end', async () => {
    const writer = new DatabaseWriter(new MemoryPages());
    const first = writer.bucket(bytesOf('a'), [numbered(3, '')]);
    await expect(writer.bucket(bytesOf('b'), [])).rejects.toThrow('the writer is busy with another call');
    await expect(writer.finish()).rejects.toThrow(BboltError);
    await first;
    await writer.finish();
    await expect(writer.finish()).rejects.toThrow('the writer has finished');
    await expect(writer.bucket(bytesOf('b'), [])).rejects.toEqual(code('BBOLT_CLOSED'));
  });
});

describe('the sink', () => {
  it('gets at most 1 MiB at once, one write at a time, positions rising, the meta pages last', async () => {
    const calls: [number, number][] = [];
    const pages = new MemoryPages();
    const sink: PageSink = {
      async write(bytes, position) {
        calls.push([position, bytes.length]);
        await later(1);
        await pages.write(bytes, position);
      },
    };
    const writer = new DatabaseWriter(sink, { pageSize: 1024 });
    await writer.bucket(bytesOf('a'), [numbered(2, 'v'.repeat(1_500_000))]);
    await writer.bucket(bytesOf('b'), [numbered(3000, 'v'.repeat(50))]);
    const { sizeBytes } = await writer.finish();
    expect(calls.at(-1)).toEqual([0, 2048]);
    let at = 2048;
    for (const [position, length] of calls.slice(0, -1)) {
      expect(position).toBe(at);
      expect(length).toBeLessThanOrEqual(1 << 20);
      at += length;
    }
    expect(at).toBe(sizeBytes);
    expect(pages.sizeBytes).toBe(sizeBytes);
    await (await DatabaseReader.open(pages)).check();
  });

  it('that fails ends it, with its own error, at the nth write for every n', async () => {
    for (let fail = 1; fail <= 4; fail++) {
      let calls = 0;
      let busy = false;
      const full = new Error('disk full');
      const writer = new DatabaseWriter({
        async write() {
          busy = true;
          await later(1);
          busy = false;
          if (++calls === fail) throw full;
        },
      });
      const work = async (): Promise<void> => {
        await writer.bucket(bytesOf('a'), [numbered(30, 'v'.repeat(100_000))]);
        await writer.finish();
      };
      await expect(work()).rejects.toBe(full);
      expect(busy).toBe(false);
      await expect(writer.finish()).rejects.toEqual(code('BBOLT_CLOSED'));
    }
  });

  it('is left alone once a call has failed', async () => {
    let busy = false;
    const writer = new DatabaseWriter({
      async write() {
        busy = true;
        await later(20);
        busy = false;
      },
    });
    const broken = (async function* (): AsyncGenerator<Records> {
      yield numbered(15, 'v'.repeat(100_000));
      throw new Error('the source broke');
    })();
    await expect(writer.bucket(bytesOf('a'), broken)).rejects.toThrow('the source broke');
    expect(busy).toBe(false);
  });
});
