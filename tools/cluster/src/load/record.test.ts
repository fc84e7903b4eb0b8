import { describe, expect, it } from 'vitest';
import type { Attempt, Entry } from '../../../crash/src/index.js';
import { LoadRecord } from './record.js';

const entry = (value: string): Entry => ({ value, createRevision: 2, modRevision: 2, version: 1, lease: 0n });
const unknown = (key: string, value: string): Attempt => ({
  write: { kind: 'put', key, value, lease: 0n },
  calledAt: 1,
  returnedAt: Number.POSITIVE_INFINITY,
  outcome: { kind: 'unknown' },
});

describe('a stretch of load', () => {
  it('inherits what may still happen, and nothing that did', () => {
    const first = new LoadRecord({ revision: 1, entries: new Map() });
    first.attempts.push(unknown('r/0', 'happened'), unknown('r/0', 'open'), unknown('a/0', 'open too'));
    first.openInputs.push({ kind: 'put', key: 'r/0', value: 'happened' }, { kind: 'put', key: 'r/0', value: 'open' });
    first.leases.push({ id: 1n, ttlSeconds: 2, renewedAt: 1_000, over: false });
    first.leases.push({ id: 2n, ttlSeconds: 2, renewedAt: 1_000, over: true });
    expect(first.count('unknown')).toBe(3);
    const base = { revision: 2, entries: new Map([['r/0', entry('happened')]]) };
    const second = new LoadRecord(base, first, new Set(['happened']));
    expect(second.attempts).toEqual([unknown('r/0', 'open'), unknown('a/0', 'open too')]);
    expect(second.count('unknown')).toBe(0);
    const inputs = second.registers.operations().map(({ input, output }) => [input, output?.kind]);
    expect(inputs).toEqual([
      [{ kind: 'put', key: 'r/0', value: 'happened' }, 'done'],
      [{ kind: 'put', key: 'r/0', value: 'open' }, undefined],
    ]);
    expect(second.leases.map(({ id }) => id)).toEqual([1n]);
  });

  it('lets a lease run out by itself, but not early', () => {
    const record = new LoadRecord({ revision: 1, entries: new Map() });
    record.leases.push({ id: 7n, ttlSeconds: 2, renewedAt: 1_000, over: false });
    expect(record.expiries()).toMatchObject([{ write: { kind: 'revoke', lease: 7n }, calledAt: 3_000 }]);
  });

  it('counts what is expected and keeps what is not', () => {
    const record = new LoadRecord({ revision: 1, entries: new Map() });
    expect(record.fail('put', 14, 'etcdserver: leader changed')).toBe('unknown');
    expect(record.fail('put', 14, 'No connection established. Last error: refused')).toBe('refused');
    expect(record.faults).toEqual([]);
    expect(record.fail('put', 13, 'boom')).toBe('unknown');
    expect(record.faults).toEqual(['put: boom (code 13)']);
    expect([...record.errors.values()]).toEqual([1, 1, 1]);
  });

  it('keeps one sighting of each leader of a term', () => {
    const record = new LoadRecord({ revision: 1, entries: new Map() });
    for (const leader of [1n, 1n, 2n]) record.seeLeader({ member: 'm1', term: 2, leader });
    expect(record.leaders.map(({ leader }) => leader)).toEqual([1n, 2n]);
  });
});
