import { RaftError, type RaftErrorCode } from '@kontiki/raft';
import { describe, expect, it } from 'vitest';
import { passReadBarrier } from './read-barrier.js';

interface Counted {
  failed: number;
  timedOut: number;
}

async function pass(
  readIndex: () => Promise<number>,
  reached: (index: number) => Promise<void>,
): Promise<Counted & { error?: unknown }> {
  const counts: Counted = { failed: 0, timedOut: 0 };
  const metrics = { failed: { add: () => counts.failed++ }, timedOut: { add: () => counts.timedOut++ } };
  try {
    await passReadBarrier({ readIndex, applied: { reached } } as never, metrics as never);
    return counts;
  } catch (error) {
    return { ...counts, error };
  }
}

const now = (): Promise<void> => Promise.resolve();

describe('the read barrier', () => {
  it('waits until the index that raft names is applied', async () => {
    const waited: number[] = [];
    const counts = await pass(
      () => Promise.resolve(7),
      (index) => {
        waited.push(index);
        return now();
      },
    );
    expect([waited, counts]).toEqual([[7], { failed: 0, timedOut: 0 }]);
  });

  it.each<[RaftErrorCode, string, Counted]>([
    ['NO_LEADER', 'Timeout', { failed: 0, timedOut: 1 }],
    ['LEADER_CHANGED', 'LeaderChanged', { failed: 1, timedOut: 0 }],
    ['TOO_MANY_WAITING', 'RequestTooManyRequests', { failed: 1, timedOut: 0 }],
    ['STOPPED', 'Stopped', { failed: 0, timedOut: 0 }],
  ])('answers %s with %s, and counts it where etcd does', async (code, condition, counts) => {
    const { error, ...counted } = await pass(() => Promise.reject(new RaftError(code, 'no')), now);
    expect(error).toMatchObject({ name: 'ServerError', condition });
    expect(counted).toEqual(counts);
  });

  it('passes on what it does not know', async () => {
    const bug = new TypeError('bug');
    expect(await pass(() => Promise.reject(bug), now)).toEqual({ error: bug, failed: 1, timedOut: 0 });
  });
});
