import {
  checkLinearizable,
  checkWatch,
  type Operation,
  type RegisterInput,
  type RegisterOutput,
  registerModel,
  type WatchTrace,
} from '@kontiki/sim';
import {
  type Attempt,
  type Commit,
  checkHistory,
  printChange,
  type Read,
  type Snapshot,
  type Violation,
} from '../../crash/src/index.js';
import type { LeaderSighting, Sighting } from './load/record.js';
import { eventOf } from './load/watcher.js';

/** What one stretch of load saw, and what the members say of it afterwards, as data. */
export interface ClusterEvidence {
  /** All keys before it began. */
  readonly base: Snapshot;
  readonly attempts: readonly Attempt[];
  readonly reads: readonly Read[];
  readonly serializable: readonly Read[];
  readonly registers: readonly Operation<RegisterInput, RegisterOutput>[];
  readonly sightings: readonly Sighting[];
  readonly leaders: readonly LeaderSighting[];
  readonly watches: readonly WatchTrace[];
  /** The history from `base` on, as each member tells it. */
  readonly logs: readonly { readonly member: string; readonly log: readonly Commit[] }[];
  /** All keys in the end. */
  readonly end: Snapshot;
  readonly hashes: readonly MemberHash[];
  /** Errors, cancellations and ends that nobody is told to expect. */
  readonly faults: readonly Violation[];
}

/** The hash of the whole history, of one member. */
export interface MemberHash {
  readonly member: string;
  readonly hash: number;
  readonly compactRevision: number;
}

export interface CheckResult {
  readonly violations: readonly Violation[];
  /** Of the search for a linear order. */
  readonly steps: number;
}

/** Every promise that the evidence shows broken; none: it may all have happened as it should. */
export function checkEvidence(evidence: ClusterEvidence): CheckResult {
  const { base, attempts, reads, serializable, logs, end, registers, watches } = evidence;
  const [first, ...others] = logs;
  const log = first?.log ?? [];
  const rest = { snapshots: [end], watchers: [], hashes: [], leases: [], restarts: [] };
  const commits = log.map(({ revision, changes }) => ({ revision, events: changes.map(eventOf) }));
  const linear = checkLinearizable(registers, registerModel);
  const violations = [
    ...others.flatMap((other) => sameLog(first!.member, log, other.member, other.log)),
    ...checkHistory({ base, attempts, reads, serializable, log, ...rest }),
    ...watches.flatMap((trace) => checkWatch(commits, trace)),
    ...(linear.kind === 'linearizable' ? [] : [{ rule: linear.kind, text: printSearch(linear) }]),
    ...checkSightings(evidence.sightings),
    ...checkLeaders(evidence.leaders),
    ...checkHashes(evidence.hashes),
    ...evidence.faults,
  ];
  return { violations, steps: linear.steps };
}

/** All members have the same hash, of a history compacted at the same point. */
export function checkHashes(hashes: readonly MemberHash[]): Violation[] {
  if (new Set(hashes.map(({ hash, compactRevision }) => `${hash} ${compactRevision}`)).size <= 1) return [];
  const said = hashes.map(({ member, hash, compactRevision }) => `${member}: ${hash}, compacted ${compactRevision}`);
  return [{ rule: 'hash', text: `the members differ: ${said.join('; ')}` }];
}

/** The revision a member answers with does not fall while it lives. */
export function checkSightings(sightings: readonly Sighting[]): Violation[] {
  const violations: Violation[] = [];
  const lives = new Map<string, Sighting[]>();
  for (const sighting of sightings) {
    const life = `${sighting.member}, start ${sighting.incarnation}`;
    const seen = lives.get(life);
    if (seen === undefined) lives.set(life, [sighting]);
    else seen.push(sighting);
  }
  return violations.concat(...[...lives].map(([life, seen]) => fallsIn(life, seen)));
}

/** In a term there is one leader. */
export function checkLeaders(sightings: readonly LeaderSighting[]): Violation[] {
  const leaders = new Map<number, LeaderSighting>();
  return sightings.flatMap((sighting) => {
    const first = leaders.get(sighting.term);
    if (first === undefined) leaders.set(sighting.term, sighting);
    if (first === undefined || first.leader === sighting.leader) return [];
    const [one, other] = [first, sighting].map(({ member, leader }) => `${leader.toString(16)} (says ${member})`);
    return [{ rule: 'one leader', text: `term ${sighting.term} has two leaders: ${one} and ${other}` }];
  });
}

/** An answer that had come before another was asked for, of the same life, has no higher revision. */
function fallsIn(life: string, seen: readonly Sighting[]): Violation[] {
  const byReturn = [...seen].sort((a, b) => a.returnedAt - b.returnedAt);
  const byCall = [...seen].sort((a, b) => a.calledAt - b.calledAt);
  let known = 0;
  let next = 0;
  return byCall.flatMap(({ calledAt, revision }) => {
    for (let answer = byReturn[next]; answer !== undefined && answer.returnedAt < calledAt; answer = byReturn[++next]) {
      known = Math.max(known, answer.revision);
    }
    return revision < known
      ? [{ rule: 'revision fell', text: `${life} was at ${known}, then answered as of ${revision}` }]
      : [];
  });
}

/** Members that tell the same history. */
function sameLog(name: string, log: readonly Commit[], otherName: string, other: readonly Commit[]): Violation[] {
  const print = (commit: Commit | undefined): string =>
    commit === undefined ? 'nothing' : `${commit.revision}: ${commit.changes.map(printChange).join(', ')}`;
  const at = Array.from({ length: Math.max(log.length, other.length) }).findIndex(
    (_, i) => print(log[i]) !== print(other[i]),
  );
  if (at < 0) return [];
  const text = `${name} tells ${print(log[at])}; ${otherName} tells ${print(other[at])}`;
  return [{ rule: 'members differ', text }];
}

function printSearch(result: Exclude<ReturnType<typeof checkLinearizable>, { kind: 'linearizable' }>): string {
  if (result.kind === 'undecided') return `key ${result.key}: given up after ${result.steps} steps`;
  const print = (value: unknown): string => JSON.stringify(value);
  const last = result.longest.slice(-3).map(print).join(', ');
  return `key ${result.key}: behind ${result.longest.length} calls (the last: ${last}), this fits nowhere: ${print(result.stuckAt)}`;
}
