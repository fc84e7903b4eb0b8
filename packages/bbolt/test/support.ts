import fc from 'fast-check';
import { DatabaseReader, DatabaseWriter, type PageSource, type Records, type WriterOptions } from '../src/index.js';
import { bytesOf, latin1, linesOf, MemoryPages, type NaiveBucket } from '../src/testing/index.js';

/** Latin1 text of any bytes, mostly short; now and then longer than a page. */
export function text(least: number, most = 4000): fc.Arbitrary<string> {
  const short = fc.uint8Array({ minLength: least, maxLength: 12 }).map(latin1);
  const long = fc.tuple(short, fc.nat(most - 12)).map(([start, more]) => start + 'x'.repeat(more));
  const alike = fc.nat(999).map((n) => `key-${n}`);
  return fc.oneof({ weight: 10, arbitrary: alike }, { weight: 8, arbitrary: short }, { weight: 1, arbitrary: long });
}

const records = (maxLength: number): fc.Arbitrary<Map<string, string>> =>
  fc.array(fc.tuple(text(1), text(0)), { maxLength, size: 'max' }).map((entries) => new Map(entries));

/** Top-level buckets of records. */
export const flatDatabase: fc.Arbitrary<NaiveBucket> = fc
  .array(fc.tuple(text(1), fc.oneof(records(3), records(60), records(400))), { maxLength: 12 })
  .map((entries) => database(new Map(entries.map(([name, each]) => [name, { records: each, buckets: new Map() }]))));

/** Buckets in buckets in buckets. */
export const nestedDatabase: fc.Arbitrary<NaiveBucket> = nested(4).map((bucket) => database(bucket.buckets));

function nested(depth: number): fc.Arbitrary<NaiveBucket> {
  const below = depth === 0 ? fc.constant([]) : fc.array(fc.tuple(text(1), nested(depth - 1)), { maxLength: 3 });
  return fc.tuple(fc.oneof(records(3), records(60)), below).map(([found, entries]) => {
    const buckets = new Map(entries);
    for (const name of buckets.keys()) found.delete(name);
    return { records: found, buckets };
  });
}

export function database(buckets: ReadonlyMap<string, NaiveBucket>): NaiveBucket {
  return { records: new Map(), buckets };
}

/** Chunks of one to five records, in order. */
export function* chunksOf(bucket: NaiveBucket): Generator<Records> {
  const sorted = [...bucket.records].sort(([a], [b]) => (a < b ? -1 : 1));
  for (let i = 0, length = 1; i < sorted.length; i += length, length = (length % 5) + 1) {
    yield sorted.slice(i, i + length).map(([key, value]) => [bytesOf(key), bytesOf(value)] as const);
  }
}

/** Writes top-level buckets the way a caller does. */
export async function write(root: NaiveBucket, options: WriterOptions = {}): Promise<MemoryPages> {
  const pages = new MemoryPages();
  const writer = new DatabaseWriter(pages, options);
  for (const name of [...root.buckets.keys()].sort()) {
    await writer.bucket(bytesOf(name), chunksOf(root.buckets.get(name)!));
  }
  const { sizeBytes } = await writer.finish();
  if (sizeBytes !== pages.sizeBytes) throw new Error(`finish says ${sizeBytes}, the file has ${pages.sizeBytes}`);
  return pages;
}

/** Checks and reads everything. */
export async function readAll(source: PageSource, chunk?: number): Promise<string[]> {
  const reader = await DatabaseReader.open(source);
  await reader.check();
  return linesOf(await readBucket(reader, [], chunk));
}

async function readBucket(reader: DatabaseReader, path: readonly Uint8Array[], chunk = 7): Promise<NaiveBucket> {
  const found = { records: new Map<string, string>(), buckets: new Map<string, NaiveBucket>() };
  for (const name of await reader.buckets(path)) {
    found.buckets.set(latin1(name), await readBucket(reader, [...path, name], chunk));
  }
  if (path.length === 0) return found;
  let last = '';
  for await (const each of reader.records(path.length === 1 ? path[0]! : path, { chunk })) {
    if (each.length === 0 || each.length > chunk) throw new Error(`a chunk of ${each.length}`);
    for (const [key, value] of each) {
      if (latin1(key) <= last) throw new Error('out of order');
      last = latin1(key);
      found.records.set(last, latin1(value));
    }
  }
  return found;
}
