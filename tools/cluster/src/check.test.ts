import { History, type RegisterInput, type RegisterOutput } from '@kontiki/sim';
import { describe, expect, it } from 'vitest';
import type { Attempt, Commit, Entry, Read } from '../../crash/src/index.js';
import { type ClusterEvidence, checkEvidence } from './check.js';
import { eventOf } from './load/watcher.js';

/** A stretch of three writes, two reads and one lease that ran out, right in every point. */
function right(): ClusterEvidence {
  const registers = new History<RegisterInput, RegisterOutput>();
  registers.call(0, { kind: 'put', key: 'r/0', value: 'v1' }).returned({ kind: 'done' });
  registers.call(1, { kind: 'cas', key: 'r/0', expected: 'v1', value: 'v2' }).returned({ kind: 'done' });
  registers.call(0, { kind: 'get', key: 'r/0' }).returned({ kind: 'got', value: 'v2' });
  const entry = (value: string, createRevision: number, modRevision: number, version: number, lease = 0n): Entry => ({
    value,
    createRevision,
    modRevision,
    version,
    lease,
  });
  const first = entry('v1', 11, 11, 1);
  const second = entry('v2', 11, 12, 2);
  const leased = entry('x1', 13, 13, 1, 5n);
  const log: Commit[] = [
    { revision: 11, changes: [{ type: 'put', key: 'r/0', entry: first }] },
    { revision: 12, changes: [{ type: 'put', key: 'r/0', entry: second }] },
    { revision: 13, changes: [{ type: 'put', key: 'l/1', entry: leased }] },
    { revision: 14, changes: [{ type: 'delete', key: 'l/1', modRevision: 14 }] },
  ];
  const acked = (revision: number): Attempt['outcome'] => ({ kind: 'acked', revision, changed: true });
  const attempts: Attempt[] = [
    { write: { kind: 'put', key: 'r/0', value: 'v1', lease: 0n }, calledAt: 1, returnedAt: 2, outcome: acked(11) },
    {
      write: {
        kind: 'txn',
        guard: { key: 'r/0', modRevision: 11 },
        puts: [{ key: 'r/0', value: 'v2' }],
        deletes: [],
      },
      calledAt: 3,
      returnedAt: 4,
      outcome: acked(12),
    },
    { write: { kind: 'put', key: 'l/1', value: 'x1', lease: 5n }, calledAt: 5, returnedAt: 6, outcome: acked(13) },
    {
      write: { kind: 'revoke', lease: 5n },
      calledAt: 2_000,
      returnedAt: Number.POSITIVE_INFINITY,
      outcome: { kind: 'unknown' },
    },
  ];
  const read = (revision: number, seen: Entry, calledAt: number): Read => ({
    calledAt,
    returnedAt: calledAt + 1,
    revision,
    prefix: 'r/0',
    single: true,
    entries: new Map([['r/0', seen]]),
  });
  const commits = log.map(({ revision, changes }) => ({ headerRevision: revision, events: changes.map(eventOf) }));
  return {
    base: { revision: 10, entries: new Map() },
    attempts,
    reads: [read(13, second, 7)],
    serializable: [read(11, first, 9)],
    registers: registers.operations(),
    sightings: [
      { member: 'm1', incarnation: 1, calledAt: 1, returnedAt: 2, revision: 11 },
      { member: 'm1', incarnation: 1, calledAt: 3, returnedAt: 4, revision: 12 },
      // Another life of it may begin behind.
      { member: 'm1', incarnation: 2, calledAt: 9, returnedAt: 10, revision: 11 },
    ],
    leaders: [
      { member: 'm1', term: 2, leader: 1n },
      { member: 'm2', term: 2, leader: 1n },
      { member: 'm2', term: 3, leader: 2n },
    ],
    watches: [
      { name: 'all at m1', start: '\0', end: '\u{10ffff}', sessions: [{ from: 11, answers: commits }], completeTo: 14 },
    ],
    logs: [
      { member: 'm1', log },
      { member: 'm2', log },
    ],
    end: { revision: 14, entries: new Map([['r/0', second]]) },
    hashes: [
      { member: 'm1', hash: 7, compactRevision: 3 },
      { member: 'm2', hash: 7, compactRevision: 3 },
    ],
    faults: [],
  };
}

const rules = (change: (evidence: ClusterEvidence) => Partial<ClusterEvidence>): string[] => {
  const evidence = right();
  return checkEvidence({ ...evidence, ...change(evidence) }).violations.map(({ rule }) => rule);
};

describe('checkEvidence', () => {
  it('finds nothing wrong with what is right', () => {
    expect(rules(() => ({}))).toEqual([]);
  });

  it('finds an acknowledged write that is gone on all members', () => {
    const found = rules(({ logs }) => ({
      logs: logs.map(({ member, log }) => ({ member, log: log.filter(({ revision }) => revision !== 12) })),
    }));
    expect(found).toContain('gap');
    expect(found).toContain('invented');
  });

  it('finds acknowledged writes that are gone from the end on', () => {
    const found = rules(({ logs, end }) => ({
      logs: logs.map(({ member, log }) => ({ member, log: log.slice(0, 1) })),
      watches: [],
      end: { ...end, revision: 11, entries: new Map() },
    }));
    expect(found.filter((rule) => rule === 'lost')).toHaveLength(3);
  });

  it('finds members that tell different histories', () => {
    const found = rules(({ logs }) => ({ logs: [logs[0]!, { member: 'm2', log: logs[1]!.log.slice(0, 3) }] }));
    expect(found).toEqual(['members differ']);
  });

  it('finds a stale linearizable read, and lets a serializable one be', () => {
    const found = rules(({ serializable }) => ({ reads: serializable, serializable: [] }));
    expect(found).toEqual(['stale read']);
  });

  it('finds a serializable read of what never was', () => {
    const found = rules(({ reads }) => ({ serializable: [{ ...reads[0]!, revision: 11 }] }));
    expect(found).toEqual(['read']);
  });

  it('finds answers that no order explains, without looking at revisions', () => {
    const registers = new History<RegisterInput, RegisterOutput>();
    registers.call(0, { kind: 'put', key: 'r/0', value: 'v1' }).returned({ kind: 'done' });
    registers.call(0, { kind: 'get', key: 'r/0' }).returned({ kind: 'got', value: undefined });
    expect(rules(() => ({ registers: registers.operations() }))).toEqual(['violation']);
  });

  it('finds a lease that ended before its time', () => {
    const late: Attempt = {
      write: { kind: 'put', key: 'a/1', value: 'late', lease: 0n },
      calledAt: 100,
      returnedAt: 101,
      outcome: { kind: 'acked', revision: 15, changed: true },
    };
    const entry: Entry = { value: 'late', createRevision: 15, modRevision: 15, version: 1, lease: 0n };
    const found = rules(({ attempts, logs, end }) => ({
      attempts: [...attempts, late],
      logs: logs.map(({ member, log }) => ({
        member,
        log: [...log, { revision: 15, changes: [{ type: 'put' as const, key: 'a/1', entry }] }],
      })),
      end: { revision: 15, entries: new Map([...end.entries, ['a/1', entry]]) },
    }));
    // Acknowledged at 101, behind a revocation that was not to happen before 2,000.
    expect(found).toEqual(['real time']);
  });

  it('finds a key that went away though nobody asked and no lease ran out', () => {
    expect(rules(({ attempts }) => ({ attempts: attempts.slice(0, 3) }))).toEqual(['no owner']);
  });

  it('finds a watcher that missed an event', () => {
    const found = rules(({ watches }) => ({
      watches: watches.map((trace) => ({
        ...trace,
        sessions: trace.sessions.map(({ from, answers }) => ({ from, answers: answers.toSpliced(1, 1) })),
      })),
    }));
    expect(found).toEqual(['complete']);
  });

  it('finds a revision that fell within one life of a member', () => {
    const found = rules(({ sightings }) => ({ sightings: sightings.map((one) => ({ ...one, incarnation: 1 })) }));
    expect(found).toEqual(['revision fell']);
  });

  it('finds two leaders of one term', () => {
    const found = rules(({ leaders }) => ({ leaders: [...leaders, { member: 'm3', term: 3, leader: 3n }] }));
    expect(found).toEqual(['one leader']);
  });

  it('finds hashes that differ', () => {
    const found = rules(({ hashes }) => ({ hashes: [...hashes, { member: 'm3', hash: 8, compactRevision: 3 }] }));
    expect(found).toEqual(['hash']);
  });

  it('passes on what nobody is told to expect', () => {
    expect(rules(() => ({ faults: [{ rule: 'unexpected error', text: 'put: boom' }] }))).toEqual(['unexpected error']);
  });
});
