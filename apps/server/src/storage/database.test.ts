import { openLevelBackend } from '@kontiki/mvcc/level';
import { MemoryLevel } from 'memory-level';
import { expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { databaseOf } from './database.js';

function recorded(): { readonly seen: string[]; readonly metrics: Parameters<typeof databaseOf>[2] } {
  const seen: string[] = [];
  return {
    seen,
    metrics: {
      defragSeconds: { observe: (seconds) => seen.push(`defrag ${seconds}`) },
      defragInflight: { set: (value) => seen.push(`inflight ${value}`) },
      hashSeconds: { observe: (seconds) => seen.push(`hash ${seconds}`) },
    },
  };
}

it('says that it defragments while it does, and how long it took', async () => {
  const clock = new ManualClock();
  const { seen, metrics } = recorded();
  const ends: (() => void)[] = [];
  const backend = { defragment: () => new Promise<void>((resolve) => ends.push(resolve)) };
  const database = databaseOf(backend as never, clock, metrics);
  const first = database.defragment();
  const second = database.defragment();
  await clock.advance(2000);
  ends[0]!();
  await first;
  expect(seen).toEqual(['inflight 1', 'inflight 1', 'defrag 2']);
  ends[1]!();
  await second;
  expect(seen.slice(3)).toEqual(['defrag 2', 'inflight 0']);
});

it('does not go on saying so after it failed', async () => {
  const { seen, metrics } = recorded();
  const backend = { defragment: () => Promise.reject(new Error('disk')) };
  const database = databaseOf(backend as never, new ManualClock(), metrics);
  await expect(database.defragment()).rejects.toThrow('disk');
  expect(seen).toEqual(['inflight 1', 'inflight 0']);
});

it('hashes what was written, and not how far the member is', async () => {
  const { seen, metrics } = recorded();
  const clock = new ManualClock();
  const backend = await openLevelBackend(new MemoryLevel<Uint8Array, Uint8Array>(), { clock });
  const database = databaseOf(backend, clock, metrics);
  backend.put('key', Uint8Array.of(1), Uint8Array.of(2));
  const hash = await database.hash();
  backend.put('meta', Buffer.from('consistent_index'), Uint8Array.of(7));
  backend.put('meta', Buffer.from('term'), Uint8Array.of(7));
  const withMeta = await database.hash();
  backend.put('meta', Buffer.from('term'), Uint8Array.of(8));
  expect(await database.hash()).toBe(withMeta);
  backend.put('key', Uint8Array.of(1), Uint8Array.of(3));
  expect(await database.hash()).not.toBe(withMeta);
  backend.put('key', Uint8Array.of(1), Uint8Array.of(2));
  expect(await database.hash()).toBe(withMeta);
  expect(hash).not.toBe(0);
  expect(seen).toHaveLength(5);
  expect(seen[0]).toBe('hash 0');
  await backend.close();
});
