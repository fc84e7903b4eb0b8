import fc, { type Arbitrary } from 'fast-check';
import type { Attempt, Commit, Evidence, LeaseReading, Read, Snapshot, WatcherTrace } from '../evidence.js';
import { apply, effects, keysOf, type State, type Write } from '../store.js';

const keys = ['a/0', 'a/1', 'b/0', 'b/1'];
const leases = [1n, 2n];

/** One step: a write, how its answer fares, and what is read after it. */
interface Step {
  readonly write: (value: string, state: State) => Write;
  readonly answer: 'acked' | 'unknown, done' | 'unknown, not done';
  readonly read: number;
}

const step: Arbitrary<Step> = fc.record({
  write: fc.oneof(
    fc.record({ key: fc.constantFrom(...keys), lease: fc.constantFrom(0n, ...leases) }).map(
      ({ key, lease }) =>
        (value: string): Write => ({ kind: 'put', key, value, lease }),
    ),
    fc.constantFrom(...keys).map((key) => (): Write => ({ kind: 'delete', prefix: key, single: true })),
    fc.constant((): Write => ({ kind: 'delete', prefix: 'a/', single: false })),
    fc.record({ key: fc.constantFrom(...keys), right: fc.boolean() }).map(
      ({ key, right }) =>
        (value: string, state: State): Write => ({
          kind: 'txn',
          guard: { key, modRevision: right ? (state.get(key)?.modRevision ?? 0) : 999_999 },
          puts: [{ key, value }],
          deletes: keys.filter((other) => other !== key).slice(0, 1),
        }),
    ),
    fc.constantFrom(...leases).map((lease) => (): Write => ({ kind: 'revoke', lease })),
  ),
  answer: fc.oneof(
    { weight: 6, arbitrary: fc.constant('acked' as const) },
    { weight: 1, arbitrary: fc.constantFrom('unknown, done' as const, 'unknown, not done' as const) },
  ),
  read: fc.nat({ max: 3 }),
});

/** What a right server shows of some random history. */
export const rightHistories: Arbitrary<Evidence> = fc
  .array(step, { minLength: 1, maxLength: 40, size: 'max' })
  .map(evidenceOf);

function evidenceOf(steps: readonly Step[]): Evidence {
  const state: State = new Map();
  const attempts: Attempt[] = [];
  const reads: Read[] = [];
  const log: Commit[] = [];
  const snapshots: Snapshot[] = [];
  let revision = 1;
  for (const [i, { write: make, answer, read }] of steps.entries()) {
    const write = make(`v${i}`, state);
    const at = i * 10;
    const changes = answer === 'unknown, not done' ? [] : effects(write, state, revision + 1);
    if (changes.length > 0) {
      revision += 1;
      log.push({ revision, changes });
      apply(state, changes);
    }
    const changed = write.kind === 'revoke' ? {} : { changed: changes.length > 0 };
    // Neighbours overlap, so that their order is the server's to choose.
    const acked = { returnedAt: at + 12, outcome: { kind: 'acked' as const, revision, ...changed } };
    const unknown = { returnedAt: Number.POSITIVE_INFINITY, outcome: { kind: 'unknown' as const } };
    attempts.push({ write, calledAt: at, ...(answer === 'acked' ? acked : unknown) });
    if (read > 0) {
      const single = read === 1;
      const prefix = single ? keys[i % keys.length]! : 'a/';
      const entries = new Map([...state].filter(([key]) => (single ? key === prefix : key.startsWith(prefix))));
      reads.push({ calledAt: at + 12, returnedAt: at + 14, revision, prefix, single, entries });
    }
    snapshots.push({ revision, entries: new Map(state) });
  }
  return {
    attempts,
    reads,
    log,
    snapshots,
    watchers: [
      watcherOf('all', '', false, 1, log),
      watcherOf('prefix', 'a/', false, 1, log),
      watcherOf('single', 'b/0', true, 1, log),
      watcherOf('late', '', false, 3, log),
    ],
    hashes: [
      { revision, compactRevision: -1, hash: 7 },
      { revision, compactRevision: -1, hash: 7 },
      { revision, compactRevision: 2, hash: 8 },
    ],
    leases: leases.map(
      (id): LeaseReading => ({
        id,
        ttl: 100,
        grantedTtl: 100,
        expectedTtl: 100,
        keys: keysOf(state, id),
        revision,
        status: 'acked',
      }),
    ),
    restarts: [{ revision, highestSeen: revision }],
  };
}

/** What a watcher gets; two revisions in a response where they follow one another, as catching up does. */
export function watcherOf(
  name: string,
  prefix: string,
  single: boolean,
  start: number,
  log: readonly Commit[],
): WatcherTrace {
  const mine = log
    .filter(({ revision }) => revision >= start)
    .map(({ revision, changes }) => ({
      headerRevision: revision,
      changes: changes.filter(({ key }) => (single ? key === prefix : key.startsWith(prefix))),
    }))
    .filter(({ changes }) => changes.length > 0);
  const [first, second, ...rest] = mine;
  const joined =
    first === undefined || second === undefined
      ? mine
      : [{ headerRevision: second.headerRevision, changes: [...first.changes, ...second.changes] }, ...rest];
  return { name, prefix, single, start, responses: joined, completeTo: log.at(-1)?.revision ?? 1 };
}
