import { checkHistory } from './check-history.js';
import { checkWatchers } from './check-watchers.js';
import type { Evidence, HashReading, LeaseReading, Restart, Violation } from './evidence.js';
import { apply, keysOf, type State } from './store.js';

/** Every promise that the evidence shows broken; none: it may all have happened as it should. */
export function check(evidence: Evidence): Violation[] {
  return [
    ...checkHistory(evidence),
    ...checkWatchers(evidence.log, evidence.watchers),
    ...checkRestarts(evidence.restarts),
    ...checkHashes(evidence.hashes),
    ...checkLeases(evidence),
  ];
}

/** What was seen once is still there after a restart: the revision never falls. */
function checkRestarts(restarts: readonly Restart[]): Violation[] {
  return restarts.flatMap(({ revision, highestSeen }, i) =>
    revision < highestSeen
      ? [
          {
            rule: 'revision fell',
            text: `after restart ${i + 1} the store is at ${revision}, ${highestSeen} had been seen`,
          },
        ]
      : [],
  );
}

/** The hash of the history up to a revision, compacted at the same point, never changes. */
function checkHashes(hashes: readonly HashReading[]): Violation[] {
  const first = new Map<string, HashReading>();
  return hashes.flatMap((reading) => {
    const name = `revision ${reading.revision} compacted at ${reading.compactRevision}`;
    const before = first.get(name);
    if (before === undefined) first.set(name, reading);
    return before === undefined || before.hash === reading.hash
      ? []
      : [{ rule: 'hash', text: `the hash of ${name} was ${before.hash}, now ${reading.hash}` }];
  });
}

/** A lease that was granted is there with its keys until it is revoked; one that was revoked is not. */
function checkLeases({ leases, log, base }: Evidence): Violation[] {
  if (leases.length === 0) return [];
  const state: State = new Map(base?.entries ?? []);
  const sorted = [...leases].sort((a, b) => a.revision - b.revision);
  let next = 0;
  return sorted.flatMap((lease) => {
    for (let commit = log[next]; commit !== undefined && commit.revision <= lease.revision; commit = log[++next]) {
      apply(state, commit.changes);
    }
    return checkLease(lease, keysOf(state, lease.id));
  });
}

function checkLease(lease: LeaseReading, attached: readonly string[]): Violation[] {
  const name = `lease ${lease.id} at ${lease.revision}`;
  if (lease.ttl < 0) {
    if (lease.status === 'acked') return [{ rule: 'lease', text: `${name} is gone` }];
    return attached.length === 0
      ? []
      : [{ rule: 'lease', text: `${name} is gone, its keys ${attached.join(', ')} are not` }];
  }
  if (lease.status === 'revoked') return [{ rule: 'lease', text: `${name} is back after its revocation` }];
  const violations: Violation[] = [];
  if (lease.grantedTtl !== lease.expectedTtl) {
    violations.push({
      rule: 'lease',
      text: `${name} was granted for ${lease.expectedTtl} s, says ${lease.grantedTtl}`,
    });
  }
  if (lease.keys.join() !== attached.join()) {
    violations.push({
      rule: 'lease',
      text: `${name} has keys ${attached.join(', ')}; it names ${lease.keys.join(', ')}`,
    });
  }
  return violations;
}
