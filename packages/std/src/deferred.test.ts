import { expect, it } from 'vitest';
import { Deferred } from './deferred.js';

it('settles once, the way it is told first', async () => {
  const kept = new Deferred<number>();
  kept.resolve(1);
  kept.resolve(2);
  kept.reject(new Error('late'));
  expect(await kept.promise).toBe(1);

  const broken = new Deferred<number>();
  broken.reject(new Error('first'));
  broken.resolve(1);
  await expect(broken.promise).rejects.toThrow('first');
});

it('hands out ends that need no receiver', async () => {
  const { promise, resolve } = new Deferred<string>();
  queueMicrotask(() => resolve('done'));
  expect(await promise).toBe('done');
});
