import { fromLatin1, SeededRandom, toLatin1 } from '@kontiki/std';
import { MemoryLevel } from 'memory-level';
import { beforeAll, describe, expect, it } from 'vitest';
import { openLevelBackend } from '../adapters/level-backend.js';
import { encodeKeyValue } from '../codec.js';
import { all, between, from } from '../range.js';
import { MvccStore } from '../store.js';
import { ManualClock } from '../testing/manual-clock.js';
import type { EncodedRangeResult, KeyRange, RangeOptions, RangeResult } from '../types.js';

/** A clock for which every look at it is a slice too late. */
class RestlessClock extends ManualClock {
  #looks = 0;
  looked = 0;

  override monotonic(): number {
    this.looked++;
    return super.monotonic() + 10 * this.#looks++;
  }
}

const KEYS = 6000;
const name = (n: number): string => `k${String(n).padStart(5, '0')}`;

async function filled(): Promise<{ store: MvccStore; clock: RestlessClock; random: SeededRandom }> {
  const clock = new RestlessClock();
  const backend = await openLevelBackend(new MemoryLevel(), {
    clock,
    commitIntervalMs: 1e9,
    commitBytes: 1e9,
    commitChanges: 1e9,
  });
  const store = await MvccStore.open({ backend, clock });
  const random = new SeededRandom(7);
  for (let i = 0; i < KEYS; i++) store.put(name((i * 7919) % KEYS), fromLatin1(String(random.int(1000))));
  for (let i = 0; i < KEYS; i++) store.put(name(random.int(KEYS)), fromLatin1(String(random.int(1000))));
  for (let i = 0; i < KEYS; i += 3) store.deleteRange({ start: name(i), end: null, single: true } as KeyRange);
  return { store, clock, random };
}

/** One line per entry. */
function digest({ kvs, ...rest }: RangeResult | EncodedRangeResult): string {
  const lines = kvs.map((one) => (one instanceof Uint8Array ? toLatin1(one) : toLatin1(encodeKeyValue(one))));
  return [JSON.stringify(rest), ...lines].join('\n');
}

describe('a range read in slices', () => {
  let world: Awaited<ReturnType<typeof filled>>;
  beforeAll(async () => {
    world = await filled();
  });

  it('answers the state at its call, whatever is written while it goes on', async () => {
    const { store, clock, random } = world;
    const past = store.revision - 3000;
    const asked: [KeyRange, RangeOptions][] = [];
    for (const revision of [0, past]) {
      asked.push(
        [all(), { revision }],
        [from(name(2000)), { revision, limit: 3000, keysOnly: true }],
        [between(name(100), name(5000)), { revision, sortTarget: 'value', sortOrder: 'descend' }],
        [all(), { revision, sortTarget: 'version', sortOrder: 'ascend', limit: 100 }],
        [all(), { revision, sortOrder: 'descend', limit: 2500 }],
        [all(), { revision, minModRevision: 8000, limit: 700 }],
        [all(), { revision, countOnly: true }],
      );
    }
    let pauses = 0;
    for (const [range, options] of asked) {
      const expected = digest(store.range(range, options));
      const encoded = digest(store.rangeEncoded(range, options));
      const both = Promise.all([store.rangeInSlices(range, options), store.rangeEncodedInSlices(range, options)]);
      let over = false;
      const disturb = async (): Promise<void> => {
        while (!over) {
          await new Promise<void>((resolve) => setImmediate(resolve));
          pauses++;
          const key = name(random.int(KEYS));
          if (random.int(3) === 0) store.deleteRange({ start: key, end: `${key}\0`, single: true });
          else store.put(key, fromLatin1('while it was read'));
          clock.advance(1);
        }
      };
      const disturbed = disturb();
      const [sliced, slicedEncoded] = await both;
      over = true;
      await disturbed;
      expect(digest(sliced) === expected).toBe(true);
      expect(digest(slicedEncoded) === encoded).toBe(true);
    }
    expect(pauses).toBeGreaterThan(1000);
  });

  it('is refused when a compaction overtakes it', async () => {
    const { store, clock } = await filled();
    const revision = store.revision - 100;
    const failed = Promise.all(
      [
        store.rangeInSlices(all(), { revision }),
        store.rangeEncodedInSlices(all(), { revision, sortTarget: 'mod' }),
      ].map((read) => read.catch((error: unknown) => error)),
    );
    store.put('x', fromLatin1('1'));
    store.compact(store.revision);
    for (const error of await clock.until(failed)) expect(error).toMatchObject({ code: 'COMPACTED' });
  });

  it('goes on when a compaction reaches the very revision it reads', async () => {
    const { store, clock } = await filled();
    const expected = digest(store.range(all()));
    const read = store.rangeInSlices(all());
    const { done } = store.compact(store.revision);
    store.deleteRange(all());
    expect(digest(await clock.until(read)) === expected).toBe(true);
    await clock.until(done);
    expect(store.range(all()).count).toBe(0);
  });

  it('ends with the signal, and with the store', async () => {
    const { store, clock } = await filled();
    const controller = new AbortController();
    const reason = new Error('nobody wants it any more');
    const aborted = store.rangeInSlices(all(), {}, controller.signal).catch((error: unknown) => error);
    controller.abort(reason);
    expect(await clock.until(aborted)).toBe(reason);
    await expect(store.rangeEncodedInSlices(all(), {}, controller.signal)).rejects.toBe(reason);
    const late = store.rangeInSlices(all()).catch((error: unknown) => error);
    await clock.until(store.close());
    expect(await clock.until(late)).toMatchObject({ code: 'CLOSED' });
  });

  it('looks at the clock often enough to keep a slice short', async () => {
    const { store, clock } = world;
    const before = clock.looked;
    const { kvs } = await clock.until(store.rangeInSlices(all()));
    // 64 entries loaded, and 64 decoded, between two looks
    expect(clock.looked - before).toBeGreaterThan((2 * kvs.length) / 64);
  });
});
