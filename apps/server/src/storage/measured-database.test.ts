import { openLevelBackend } from '@kontiki/mvcc/level';
import { MemoryLevel } from 'memory-level';
import { expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { measured } from './measured-database.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);

/** A clock that runs a second further at every look. */
class LookedAtClock extends ManualClock {
  #looks = 0;
  override monotonic(): number {
    return super.monotonic() + 1000 * ++this.#looks;
  }
}

it('times every commit, those a backend makes by itself too', async () => {
  const clock = new ManualClock();
  const whole: number[] = [];
  const writing: number[] = [];
  const db = measured(new MemoryLevel<Uint8Array, Uint8Array>({ keyEncoding: 'view', valueEncoding: 'view' }), {
    clock: new LookedAtClock(),
    commitSeconds: { observe: (seconds) => whole.push(seconds) },
    commitWriteSeconds: { observe: (seconds) => writing.push(seconds) },
    openReads: { add: () => {} },
  });
  const backend = await openLevelBackend(db, { clock, commitIntervalMs: 100 });
  await backend.commit();
  expect(whole).toEqual([]);
  backend.put('t', bytes('a'), bytes('1'));
  await clock.advance(100);
  expect([whole, writing]).toEqual([[2], [1]]);
  backend.put('t', bytes('a'), bytes('2'));
  await backend.commit({ sync: true });
  expect([whole, writing]).toEqual([
    [2, 2],
    [1, 1],
  ]);
  expect(Buffer.from(backend.get('t', bytes('a'))!).toString()).toBe('2');
  await backend.close();
});

it('counts reads of several records while they are under way, those given up too', async () => {
  const clock = new ManualClock();
  let open = 0;
  const silent = { observe: () => {} };
  const db = measured(new MemoryLevel<Uint8Array, Uint8Array>({ keyEncoding: 'view', valueEncoding: 'view' }), {
    clock,
    commitSeconds: silent,
    commitWriteSeconds: silent,
    openReads: { add: (amount) => (open += amount) },
  });
  const backend = await openLevelBackend(db, { clock });
  for (let i = 0; i < 10; i++) backend.put('t', bytes(`${i}`), bytes('v'));
  await backend.commit();
  expect(open).toBe(0);
  const seen: number[] = [];
  for await (const _ of backend.scan('t', { chunk: 3 })) {
    seen.push(open);
    if (seen.length === 2) break;
  }
  expect(seen).toEqual([1, 1]);
  expect(open).toBe(0);
  await backend.close();
});
