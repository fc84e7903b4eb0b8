import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeFileSystem } from '@kontiki/std/node';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fileSink, fileSource } from './ports.js';
import { DatabaseReader } from './reader.js';
import { bytesOf, latin1 } from './testing/index.js';
import { DatabaseWriter } from './writer.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bbolt-ports-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

it('a file of a FileSystem is written and read', async () => {
  const path = join(directory, 'db');
  const file = await nodeFileSystem.open(path, 'create');
  const writer = new DatabaseWriter(fileSink(file));
  await writer.bucket(bytesOf('b'), [[[bytesOf('key'), bytesOf('v'.repeat(3_000_000))]]]);
  const { sizeBytes } = await writer.finish();
  await file.datasync();
  expect(await file.size()).toBe(sizeBytes);
  await file.close();

  const again = await nodeFileSystem.open(path, 'read');
  const reader = await DatabaseReader.open(await fileSource(again));
  await reader.check();
  for await (const [record] of reader.records(bytesOf('b'))) {
    expect([latin1(record![0]), record![1].length]).toEqual(['key', 3_000_000]);
  }
  await again.close();
});

it('a file that ends early gives what there is', async () => {
  const file = await nodeFileSystem.open(join(directory, 'db'), 'create');
  await file.write([bytesOf('hello')], 0);
  const source = await fileSource(file);
  expect(source.sizeBytes).toBe(5);
  expect(latin1(await source.read(3, 10))).toBe('lo');
  expect(await source.read(30, 10)).toHaveLength(0);
  await file.close();
});
