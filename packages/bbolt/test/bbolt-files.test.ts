/** Files bbolt itself wrote, and what it finds in them: see fixtures/README.md. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { DatabaseReader } from '../src/index.js';
import { linesOf, MemoryPages, type NaiveBucket, readNaively } from '../src/testing/index.js';
import { database, readAll, write } from './support.js';

const fixture = (name: string): Buffer => gunzipSync(readFileSync(new URL(`./fixtures/${name}.gz`, import.meta.url)));

it.each(['synced', 'unsynced'])('%s: is read as bbolt reads it', async (name) => {
  const file = new MemoryPages(fixture(`${name}.db`));
  expect((await DatabaseReader.open(file)).pageSize).toBe(1024);
  const lines = await readAll(file);
  const listed = lines.map((line) => {
    const [path, value] = line.split(' = ');
    if (value === undefined) return `B ${path}`;
    const hash = createHash('sha256').update(Buffer.from(value, 'hex')).digest('hex').slice(0, 16);
    return `R ${path} ${value.length / 2} ${hash}`;
  });
  expect(listed).toEqual(fixture(`${name}.txt`).toString().trimEnd().split('\n'));
  // The twin agrees, so that it may stand for bbolt elsewhere.
  const { root, pages } = readNaively(file.bytes);
  expect(linesOf(root)).toEqual(lines);
  expect(new Set(pages.map(({ kind }) => kind)).has('freelist')).toBe(name === 'synced');
  expect(pages.some(({ kind }) => kind === 'branch')).toBe(true);
  expect(pages.some(({ overflow }) => overflow > 1)).toBe(true);
});

it('records of such a file survive being written again', async () => {
  const { root } = readNaively(fixture('synced.db'));
  const top: NaiveBucket = database(
    new Map([...root.buckets].map(([name, { records }]) => [name, { records, buckets: new Map() }])),
  );
  expect(await readAll(await write(top, { pageSize: 1024 }))).toEqual(linesOf(top));
});
