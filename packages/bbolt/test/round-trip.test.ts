import { SeededRandom } from '@kontiki/std';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { linesOf, MemoryPages, type NaiveShape, readNaively, writeNaively } from '../src/testing/index.js';
import { flatDatabase, nestedDatabase, readAll, write } from './support.js';

const pageSize = fc.constantFrom(1024, 1024, 2048, 4096, 65_536);

it('what is written is what the naive reader and the reader find', () =>
  fc.assert(
    fc.asyncProperty(
      flatDatabase,
      pageSize,
      fc.integer({ min: 10, max: 100 }),
      fc.integer({ min: 1, max: 9 }),
      async (root, pageSize, fillPercent, txid) => {
        const pages = await write(root, { pageSize, fillPercent, txid });
        const naive = readNaively(pages.bytes);
        expect(linesOf(naive.root)).toEqual(linesOf(root));
        expect(await readAll(pages)).toEqual(linesOf(root));
        // bbolt's deletes take for granted that a branch has two children.
        for (const { kind, count } of naive.pages) if (kind === 'branch') expect(count).toBeGreaterThanOrEqual(2);
      },
    ),
    { numRuns: 60 },
  ));

it('whatever the naive writer makes, the reader finds: nested buckets, scattered pages, every form of freelist', () => {
  const shape: fc.Arbitrary<NaiveShape> = fc.record({
    pageSize,
    freelist: fc.constantFrom('synced' as const, 'long' as const, 'unsynced' as const),
    freePages: fc.nat(40),
    fanOut: fc.integer({ min: 2, max: 20 }),
  });
  return fc.assert(
    fc.asyncProperty(
      nestedDatabase,
      shape,
      fc.nat(),
      fc.integer({ min: 1, max: 50 }),
      async (root, shape, seed, chunk) => {
        const file = writeNaively(root, shape, new SeededRandom(seed));
        expect(linesOf(readNaively(file).root)).toEqual(linesOf(root));
        expect(await readAll(new MemoryPages(file), chunk)).toEqual(linesOf(root));
      },
    ),
    { numRuns: 100 },
  );
});

it('a freelist of more ids than its 16 bits can count is read', async () => {
  const shape = { pageSize: 1024, freelist: 'synced', freePages: 0x10001, fanOut: 4 } as const;
  const file = writeNaively({ records: new Map(), buckets: new Map() }, shape, new SeededRandom(1));
  expect(readNaively(file).free).toHaveLength(0x10001);
  expect(await readAll(new MemoryPages(file))).toEqual([]);
});
