import { fromLatin1, SeededRandom } from '@kontiki/std';
import { MemoryLevel } from 'memory-level';
import { describe, expect, it } from 'vitest';
import { openLevelBackend } from './adapters/level-backend.js';
import type { Backend } from './backend/backend.js';
import { KEY_TABLE, markFinished, markScheduled } from './backend/layout.js';
import { encodePut, encodeTombstone } from './codec.js';
import { single } from './range.js';
import { restore } from './restore.js';
import { encodeRevision } from './revision.js';
import { MvccStore } from './store.js';
import { ManualClock } from './testing/manual-clock.js';

const clock = new ManualClock();
const value = fromLatin1('v');

/** A backend with these records: a put with createRevision and version, or a tombstone. */
async function holding(...records: [key: string, main: number, put?: [number, number]][]): Promise<Backend> {
  const backend = await openLevelBackend(new MemoryLevel(), { clock });
  for (const [key, main, put] of records) {
    const encoded = put === undefined ? encodeTombstone(key) : encodePut(key, put[0], main, put[1], value, 0n);
    backend.put(KEY_TABLE, encodeRevision(main, 0, put === undefined), encoded);
  }
  return backend;
}

describe('what is read back', () => {
  it('has lives whose beginning is compacted, and tombstones of lives that are gone', async () => {
    const backend = await holding(['a', 5, [2, 4]], ['b', 6], ['c', 7, [7, 1]], ['a', 8, [2, 5]], ['c', 9]);
    markScheduled(backend, 6);
    markFinished(backend, 6);
    const store = await MvccStore.open({ backend, clock });
    expect(store).toMatchObject({ revision: 9, compactedRevision: 6, size: 1 });
    store.put('a', value);
    store.put('b', value);
    expect(store.range(single('a')).kvs[0]).toMatchObject({ createRevision: 2, modRevision: 10, version: 6 });
    expect(store.range(single('b')).kvs[0]).toMatchObject({ createRevision: 11, version: 1 });
    expect(store.range(single('a'), { revision: 7 }).kvs[0]).toMatchObject({ modRevision: 5, version: 4 });
    expect(store.range(single('b'), { revision: 8 }).count).toBe(0);
  });

  it('is the same store, however many batches it takes', async () => {
    const backend = await openLevelBackend(new MemoryLevel(), { clock, commitBytes: 2 ** 30, commitChanges: 1e9 });
    const random = new SeededRandom(3);
    const lives = new Map<string, { created: number; version: number }>();
    const COUNT = 450_000;
    for (let main = 2; main < COUNT + 2; main++) {
      const key = `k${random.int(COUNT / 3)}`;
      const life = lives.get(key);
      const dead = life !== undefined && random.int(4) === 0;
      const next = { created: life?.created ?? main, version: (life?.version ?? 0) + 1 };
      if (dead) lives.delete(key);
      else lives.set(key, next);
      const encoded = dead ? encodeTombstone(key) : encodePut(key, next.created, main, next.version, value, 0n);
      backend.put(KEY_TABLE, encodeRevision(main, 0, dead), encoded);
    }
    const { index, revision, versions } = await restore(backend);
    expect({ revision, versions, live: index.live }).toEqual({
      revision: COUNT + 1,
      versions: COUNT,
      live: lives.size,
    });
    for (const [key, { created, version }] of lives) {
      const head = index.head(key);
      if (head?.createRevision !== created || head.version !== version) expect.unreachable(key);
    }
  });

  it('is never below a compaction, even when that took the newest change away', async () => {
    // Versions of etcd up to 3.5.15 remove a tombstone at the compacted revision.
    const done = await holding(['a', 5, [5, 1]]);
    markScheduled(done, 9);
    markFinished(done, 9);
    expect(await restore(done)).toMatchObject({ revision: 9, compactedRevision: 9, interrupted: undefined });
    const underWay = await holding(['a', 5, [5, 1]]);
    markFinished(underWay, 3);
    markScheduled(underWay, 9);
    expect(await restore(underWay)).toMatchObject({ revision: 9, compactedRevision: 9, interrupted: 9 });
    const none = await holding();
    expect(await restore(none)).toMatchObject({ revision: 1, compactedRevision: -1, interrupted: undefined });
    markScheduled(none, 0);
    expect(await restore(none)).toMatchObject({ revision: 1, compactedRevision: 0, interrupted: 0 });
  });
});
