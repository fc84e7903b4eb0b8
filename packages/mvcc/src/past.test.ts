import { fromLatin1 } from '@kontiki/std';
import { MemoryLevel } from 'memory-level';
import { describe, expect, it } from 'vitest';
import { openLevelBackend } from './adapters/level-backend.js';
import { contentOf } from './content.js';
import { withSilence } from './metrics.js';
import { Past } from './past.js';
import { restore } from './restore.js';
import { MvccStore } from './store.js';
import { ManualClock } from './testing/manual-clock.js';
import type { Op } from './txn/txn.js';

describe('the past', () => {
  it('comes in chunks of whole revisions, however large these are', async () => {
    const clock = new ManualClock();
    const backend = await openLevelBackend(new MemoryLevel(), { clock });
    const store = await MvccStore.open({ backend, clock });
    // The backend's chunks are 500 records: one revision over several chunks, many in one, and edges that meet.
    const sizes = [1, 499, 500, 1, 1200, 500, 3, ...new Array<number>(700).fill(1), 1000];
    for (const size of sizes) {
      const success = Array.from(
        { length: size },
        (_, i): Op => ({ kind: 'put', key: `k${i}`, value: fromLatin1('') }),
      );
      store.txn({ compares: [], success, failure: [] });
    }
    const content = contentOf(backend, await restore(backend), { clock }, withSilence());
    const past = new Past(() => content);
    for (const [from, to] of [
      [2, store.revision],
      [3, 7],
      [6, 6],
      [8, 500],
      [5, 1e6],
      [1, 1],
      [700, 4],
    ] as const) {
      const seen: string[] = [];
      let last = 0;
      for await (const chunk of past.scan(from, to)) {
        expect(chunk.length).toBeGreaterThan(0);
        expect(chunk[0]!.revision.main).toBeGreaterThan(last);
        last = chunk.at(-1)!.revision.main;
        for (const { revision } of chunk) seen.push(`${revision.main}.${revision.sub}`);
      }
      const expected = sizes.flatMap((size, i) =>
        i + 2 >= from && i + 2 <= to ? Array.from({ length: size }, (_, sub) => `${i + 2}.${sub}`) : [],
      );
      expect(seen).toEqual(expected);
    }
  });
});
