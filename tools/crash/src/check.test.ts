import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { check } from './check.js';
import type { Attempt, Commit, Evidence, Read } from './evidence.js';
import { apply, effects, type State, type Write } from './store.js';
import { rightHistories, watcherOf } from './testing/right-history.js';

function put(key: string, value: string, lease = 0n): Write {
  return { kind: 'put', key, value, lease };
}

/** Three puts, a delete, a transaction; each answered before the next is asked for. */
const writes: readonly Write[] = [
  put('a', 'v1'),
  put('b', 'v2', 5n),
  put('a', 'v3'),
  { kind: 'delete', prefix: 'b', single: true },
  {
    kind: 'txn',
    puts: [
      { key: 'a', value: 'v4' },
      { key: 'c', value: 'v5' },
    ],
    deletes: [],
  },
];

function acked(write: Write, revision: number, changed = true): Attempt {
  const calledAt = revision * 10;
  return { write, calledAt, returnedAt: calledAt + 5, outcome: { kind: 'acked', revision, changed } };
}

function unknown(write: Write, calledAt: number): Attempt {
  return { write, calledAt, returnedAt: Number.POSITIVE_INFINITY, outcome: { kind: 'unknown' } };
}

function logOf(list: readonly Write[]): Commit[] {
  const state: State = new Map();
  return list.map((write, i) => {
    const changes = effects(write, state, i + 2);
    apply(state, changes);
    return { revision: i + 2, changes };
  });
}

function stateAt(log: readonly Commit[], revision: number): State {
  const state: State = new Map();
  for (const commit of log) if (commit.revision <= revision) apply(state, commit.changes);
  return state;
}

function readOf(log: readonly Commit[], revision: number, calledAt: number): Read {
  return { calledAt, returnedAt: calledAt + 1, revision, prefix: '', single: false, entries: stateAt(log, revision) };
}

function evidence(changed: Partial<Evidence> = {}): Evidence {
  const log = logOf(writes);
  return {
    attempts: writes.map((write, i) => acked(write, i + 2)),
    log,
    reads: [readOf(log, 4, 46)],
    snapshots: [{ revision: 3, entries: stateAt(log, 3) }],
    watchers: [watcherOf('all', '', false, 1, log)],
    hashes: [{ revision: 4, compactRevision: -1, hash: 1 }],
    leases: [{ id: 5n, ttl: 50, grantedTtl: 60, expectedTtl: 60, keys: ['b'], revision: 3, status: 'acked' }],
    restarts: [{ revision: 6, highestSeen: 6 }],
    ...changed,
  };
}

/** The rules broken, each once. */
function rules(changed: Partial<Evidence>): string[] {
  return [...new Set(check(evidence(changed)).map(({ rule }) => rule))].sort();
}

describe('check', () => {
  it('finds nothing in a right history', () => {
    expect(check(evidence())).toEqual([]);
  });

  it('finds nothing in any right history', () =>
    fc.assert(
      fc.property(rightHistories, (history) => {
        expect(check(history)).toEqual([]);
      }),
      { numRuns: 500 },
    ));

  it('lets a write of unknown outcome happen, or not, but only once', () => {
    const log = logOf(writes);
    const attempts = writes.map((write, i) => (i === 2 ? unknown(write, 40) : acked(write, i + 2)));
    expect(rules({ attempts })).toEqual([]);
    expect(rules({ attempts: [...evidence().attempts, unknown(put('z', 'never'), 50)] })).toEqual([]);
    const twice = logOf([...writes, writes[2]!]);
    expect(rules({ attempts, log: twice, watchers: [] })).toEqual(['no owner']);
    expect(log).toHaveLength(5);
  });

  it('takes a delete of unknown outcome by what it did', () => {
    const attempts = writes.map((write, i) => (i === 3 ? unknown(write, 1) : acked(write, i + 2)));
    expect(rules({ attempts })).toEqual([]);
    const other: Write = { kind: 'delete', prefix: 'a', single: true };
    expect(rules({ attempts: attempts.map((attempt, i) => (i === 3 ? unknown(other, 1) : attempt)) })).toEqual([
      'no owner',
    ]);
  });

  it('takes a revocation by what it did, at the revision it was answered with', () => {
    const list = [put('a', 'v1', 9n), { kind: 'revoke', lease: 9n } as const, put('b', 'v2')];
    const log = logOf(list);
    const revoked = (revision: number): Attempt => ({
      ...acked(list[1]!, revision),
      outcome: { kind: 'acked', revision },
    });
    const base = { log, watchers: [], reads: [], snapshots: [], leases: [] };
    expect(rules({ ...base, attempts: [acked(list[0]!, 2), revoked(3), acked(list[2]!, 4)] })).toEqual([]);
    expect(rules({ ...base, attempts: [acked(list[0]!, 2), revoked(2), acked(list[2]!, 4)] })).toContain('no owner');
  });
});

describe('check finds', () => {
  const log = logOf(writes);

  it('an acknowledged write that is lost at the end', () => {
    expect(rules({ log: log.slice(0, 4), watchers: [], restarts: [] })).toEqual(['lost']);
  });

  it('an acknowledged revision that holds something else', () => {
    const other = log.map((commit) =>
      commit.revision === 4 ? { ...commit, changes: effects(put('a', 'other'), stateAt(log, 3), 4) } : commit,
    );
    const found = rules({ log: other, watchers: [], reads: [], snapshots: [] });
    expect(found).toContain('acknowledged');
  });

  it('a revision that was given to two writes', () => {
    expect(rules({ attempts: [...evidence().attempts, acked(put('y', 'v9'), 4)] })).toEqual(['one owner']);
  });

  it('a revision nobody asked for', () => {
    expect(rules({ attempts: evidence().attempts.filter((_, i) => i !== 1) })).toEqual(['no owner']);
  });

  it('a write that was refused and happened', () => {
    const attempts = writes.map((write, i) =>
      i === 1 ? { ...acked(write, 3), outcome: { kind: 'refused' as const } } : acked(write, i + 2),
    );
    expect(rules({ attempts })).toEqual(['no owner']);
  });

  it('a revision that is skipped', () => {
    const skipped = log.filter(({ revision }) => revision !== 5);
    expect(rules({ log: skipped, watchers: [] })).toContain('gap');
  });

  it('half a transaction', () => {
    const half = log.map((commit) =>
      commit.revision === 6 ? { ...commit, changes: commit.changes.slice(0, 1) } : commit,
    );
    expect(rules({ log: half, watchers: [] })).toEqual(['acknowledged']);
  });

  it('a version that was counted wrongly', () => {
    const wrong = log.map((commit) =>
      commit.revision === 4
        ? {
            ...commit,
            changes: commit.changes.map((change) =>
              change.type === 'put' ? { ...change, entry: { ...change.entry, version: 1 } } : change,
            ),
          }
        : commit,
    );
    expect(rules({ log: wrong, watchers: [], reads: [], snapshots: [] })).toContain('acknowledged');
  });

  it('a delete that was said to find nothing and should have found something', () => {
    const idle = acked({ kind: 'delete', prefix: 'a', single: true }, 4, false);
    expect(rules({ attempts: [...evidence().attempts, idle] })).toEqual(['no effect']);
  });

  it('a write that comes before one that had returned when it was called', () => {
    const attempts = evidence().attempts.map((attempt, i) =>
      i === 1 ? { ...attempt, calledAt: 90, returnedAt: 95 } : attempt,
    );
    expect(rules({ attempts, reads: [] })).toEqual(['real time']);
  });

  it('a stale read', () => {
    expect(rules({ reads: [readOf(log, 3, 46)] })).toEqual(['stale read']);
  });

  it('a read that falls behind another read', () => {
    expect(rules({ reads: [readOf(log, 6, 61.1), readOf(log, 5, 63)] })).toEqual(['stale read']);
  });

  it('a read of what was not there at its revision', () => {
    const wrong = { ...readOf(log, 4, 46), entries: stateAt(log, 2) };
    expect(rules({ reads: [wrong] })).toEqual(['read']);
    expect(rules({ reads: [{ ...readOf(log, 4, 46), entries: stateAt(log, 6) }] })).toEqual(['read']);
  });

  it('a past revision that reads differently now', () => {
    expect(rules({ snapshots: [{ revision: 3, entries: stateAt(log, 4) }] })).toEqual(['read']);
  });

  it('a revision that fell over a restart', () => {
    expect(rules({ restarts: [{ revision: 5, highestSeen: 6 }] })).toEqual(['revision fell']);
  });

  it('a hash that changed', () => {
    const hash = { revision: 4, compactRevision: -1, hash: 1 };
    expect(rules({ hashes: [hash, { ...hash, hash: 2 }] })).toEqual(['hash']);
    expect(rules({ hashes: [hash, { ...hash, hash: 2, compactRevision: 3 }] })).toEqual([]);
  });

  it.each([
    ['that is gone', { ttl: -1 }],
    ['with another time', { grantedTtl: 61 }],
    ['without its key', { keys: [] }],
    ['with a key too many', { keys: ['a', 'b'] }],
    ['that was revoked', { status: 'revoked' as const }],
    ['that is gone while its key is not', { status: 'maybe' as const, ttl: -1 }],
  ])('a lease %s', (_, changed) => {
    expect(rules({ leases: evidence().leases.map((lease) => ({ ...lease, ...changed })) })).toEqual(['lease']);
  });
});

describe('check finds of a watcher', () => {
  const log = logOf(writes);
  const [right] = evidence().watchers;
  const responses = log.map(({ revision, changes }) => ({ headerRevision: revision, changes }));
  const seen = (changed: typeof responses, completeTo = 6): string[] =>
    rules({ watchers: [{ ...right!, responses: changed, completeTo }] });

  it('nothing when it got everything', () => {
    expect(seen(responses)).toEqual([]);
    expect(seen(responses.slice(0, 3), 4)).toEqual([]);
  });

  it('a lost event, in the middle and at the end', () => {
    expect(seen(responses.filter((_, i) => i !== 2))).toEqual(['watch events']);
    expect(seen(responses.slice(0, 4))).toEqual(['watch events']);
  });

  it('a repeated event', () => {
    expect(seen([...responses.slice(0, 3), ...responses.slice(1)])).toEqual(['split', 'watch events', 'watch order']);
    expect(seen([...responses, responses[4]!])).toEqual(['split', 'watch events']);
  });

  it('events out of order', () => {
    expect(seen([responses[1]!, responses[0]!, ...responses.slice(2)])).toEqual(['watch events', 'watch order']);
  });

  it('a revision split over two responses', () => {
    const [first, second] = responses[4]!.changes;
    const split = [
      { headerRevision: 6, changes: [first!] },
      { headerRevision: 6, changes: [second!] },
    ];
    expect(seen([...responses.slice(0, 4), ...split])).toEqual(['split']);
  });

  it('a header below the event it carries', () => {
    expect(seen(responses.map((response) => ({ ...response, headerRevision: 2 })))).toEqual(['watch header']);
  });

  it('an event that is not of its range', () => {
    expect(rules({ watchers: [{ ...right!, prefix: 'a', single: true }] })).toEqual(['watch events']);
  });

  it('an event of before its start', () => {
    expect(rules({ watchers: [{ ...right!, start: 3 }] })).toEqual(['watch events']);
  });
});

describe('a history that begins later', () => {
  const log = logOf(writes);
  /** What happened up to revision 3 is known; everything after it is judged. */
  const later: Partial<Evidence> = {
    base: { revision: 3, entries: stateAt(log, 3) },
    log: log.filter(({ revision }) => revision > 3),
    attempts: writes.map((write, i) => acked(write, i + 2)).slice(2),
    watchers: [],
    snapshots: [],
    reads: [],
  };

  it('is judged from the state it begins with', () => {
    expect(rules(later)).toEqual([]);
    expect(rules({ ...later, base: { revision: 3, entries: stateAt(log, 2) } })).not.toEqual([]);
    expect(rules({ ...later, base: { revision: 2, entries: stateAt(log, 2) } })).toContain('gap');
  });

  it('a serializable read may be old, but is what was then', () => {
    const old = readOf(log, 3, 1_000);
    expect(rules({ ...later, serializable: [old] })).toEqual([]);
    expect(rules({ ...later, reads: [old] })).toEqual(['stale read']);
    expect(rules({ ...later, serializable: [{ ...old, revision: 5 }] })).toContain('read');
    expect(rules({ ...later, serializable: [{ ...old, revision: 99 }] })).toContain('lost');
  });
});
