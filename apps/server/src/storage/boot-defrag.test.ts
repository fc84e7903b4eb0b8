import type { LogFields, Logger } from '@kontiki/std';
import { silentLogger } from '@kontiki/std';
import { expect, it } from 'vitest';
import { defragmentAtBoot } from './boot-defrag.js';
import type { Database } from './database.js';

const MEGABYTE = 1024 * 1024;

class FakeDatabase implements Database {
  size = 10 * MEGABYTE;
  runs = 0;
  sizeBytes = (): number => this.size;
  sizeInUseBytes = (): number => 6 * MEGABYTE;
  hash = (): Promise<number> => Promise.resolve(0);
  defragment = (): Promise<void> => {
    this.runs++;
    this.size = this.sizeInUseBytes();
    return Promise.resolve();
  };
}

it.each([
  [0, 0],
  [1, 1],
  [4, 1],
  [5, 0],
])('with 4 MB to gain and a threshold of %d it runs %d times', async (threshold, runs) => {
  const database = new FakeDatabase();
  await defragmentAtBoot(database, threshold, silentLogger);
  expect(database.runs).toBe(runs);
});

it('says what it did, or why it did not', async () => {
  const said: [string, LogFields | undefined][] = [];
  const logger: Logger = { ...silentLogger, info: (message, fields) => said.push([message, fields]) };
  const database = new FakeDatabase();
  await defragmentAtBoot(database, 5, logger);
  await defragmentAtBoot(database, 4, logger);
  expect(said).toEqual([
    [
      'skipping defragmentation',
      {
        'current-db-size-bytes': 10 * MEGABYTE,
        'current-db-size-in-use-bytes': 6 * MEGABYTE,
        'bootstrap-defrag-threshold-bytes': 5 * MEGABYTE,
      },
    ],
    ['defragmenting', { 'current-db-size-bytes': 10 * MEGABYTE, 'current-db-size-in-use-bytes': 6 * MEGABYTE }],
    ['defragmented', { 'current-db-size-bytes': 6 * MEGABYTE, 'current-db-size-in-use-bytes': 6 * MEGABYTE }],
  ]);
});

it('fails the start when the database cannot be defragmented', async () => {
  const database = new FakeDatabase();
  database.defragment = () => Promise.reject(new Error('disk full'));
  await expect(defragmentAtBoot(database, 1, silentLogger)).rejects.toThrow('disk full');
});
