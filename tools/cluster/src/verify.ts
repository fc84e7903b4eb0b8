import { checkLinearizable, checkWatch, registerModel, type WatchTrace } from '@kontiki/sim';
import { checkHistory } from '../../crash/src/check-history.js';
import { currentRevision, readLog, readSnapshot } from '../../crash/src/driver/read-back.js';
import type { Commit, Evidence, Snapshot, Violation } from '../../crash/src/evidence.js';
import { printChange } from '../../crash/src/store.js';
import { type Cluster, sleep } from './cluster.js';
import type { Load } from './load/load.js';
import type { LeaderSighting, Sighting } from './load/record.js';
import { LoadRecord } from './load/record.js';
import { eventOf } from './load/watcher.js';

/** What was found at a quiet point. */
export interface Verdict {
  readonly violations: readonly Violation[];
  readonly revision: number;
  readonly acknowledged: number;
  readonly unknown: number;
  readonly reads: number;
  readonly serializable: number;
  /** Steps of the search for a linear order. */
  readonly steps: number;
  /** Everything seen in the stretch, for who wants to look. */
  readonly evidence: Evidence & { readonly watches: readonly WatchTrace[] };
}

/**
 * Pauses the load, waits until the cluster has come to rest, holds everything that was seen against what every member
 * now says happened, and turns the load to its next stretch.
 *
 * @throws Error when the cluster does not come to rest: with all links whole and all members up, it must
 */
export async function verify(cluster: Cluster, load: Load): Promise<Verdict> {
  await load.pause();
  await cluster.waitHealthy();
  const revision = await cluster.waitSettled();
  const { record } = load;
  const from = record.base.revision + 1;
  const violations: Violation[] = [];
  const logs = await Promise.all(
    cluster.awake.map(async (member) => ({ name: member.name, log: await readLog(member.client, from, revision) })),
  );
  const log = logs[0]?.log ?? [];
  for (const other of logs.slice(1)) violations.push(...sameLog(logs[0]!.name, log, other.name, other.log));
  const end = await endState(cluster, revision);
  await caughtUp(load, log);
  const watches = load.watchers.map((watcher) => watcher.takeTrace(revision));
  const evidence = {
    base: record.base,
    attempts: [...record.attempts, ...record.expiries()],
    reads: record.reads,
    serializable: record.serializable,
    log,
    snapshots: [end],
    watchers: [],
    hashes: [],
    leases: [],
    restarts: [],
    watches,
  };
  violations.push(...checkHistory(evidence));
  const commits = log.map((commit) => ({ revision: commit.revision, events: commit.changes.map(eventOf) }));
  for (const trace of watches) violations.push(...checkWatch(commits, trace));
  for (const watcher of load.watchers) {
    for (const fault of watcher.faults.splice(0)) violations.push({ rule: 'watch', text: `${watcher.name}: ${fault}` });
  }
  const linear = checkLinearizable(record.registers.operations(), registerModel);
  if (linear.kind !== 'linearizable') violations.push({ rule: linear.kind, text: printSearch(linear) });
  for (const { name, term, leader } of await cluster.status()) record.seeLeader({ member: name, term, leader });
  violations.push(...checkSightings(record.sightings), ...checkLeaders(record.leaders));
  violations.push(...(await checkHashes(cluster, revision)));
  for (const fault of record.faults) violations.push({ rule: 'unexpected error', text: fault });
  for (const { name, crash } of cluster.members) {
    if (crash !== undefined)
      violations.push({ rule: 'crash', text: `${name} ended by itself: ${JSON.stringify(crash)}` });
  }
  markLeasesOver(record, end);
  const written = new Set(
    log.flatMap(({ changes }) => changes.flatMap((change) => (change.type === 'put' ? [change.entry.value] : []))),
  );
  load.turn(new LoadRecord(end, record, written));
  return {
    violations,
    revision,
    acknowledged: record.count('acked'),
    unknown: record.count('unknown'),
    reads: record.reads.length,
    serializable: record.serializable.length,
    steps: linear.steps,
    evidence,
  };
}

/** The state of an empty or settled cluster, where a load may begin. */
export async function startingPoint(cluster: Cluster): Promise<Snapshot> {
  return endState(cluster, await cluster.waitSettled());
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

async function endState(cluster: Cluster, revision: number): Promise<Snapshot> {
  const member = cluster.awake[0];
  if (member === undefined) throw new Error('no member is awake');
  if (revision === 1) return { revision: await currentRevision(member.client), entries: new Map() };
  const snapshot = await readSnapshot(member.client, revision);
  if (snapshot === undefined) throw new Error(`revision ${revision} is compacted, though it is the last`);
  return snapshot;
}

/** Waits until every watcher has what it is owed; what is missing after that is missing. */
async function caughtUp(load: Load, log: readonly Commit[]): Promise<void> {
  const owed = load.watchers.map((watcher) => {
    const mine = log.filter(({ changes }) => changes.some(({ key }) => key.startsWith(watcher.prefix)));
    return { watcher, last: mine.at(-1)?.revision ?? 0 };
  });
  const deadline = performance.now() + 20_000;
  while (owed.some(({ watcher, last }) => watcher.next <= last) && performance.now() < deadline) await sleep(10);
  // A repeated or late event would come about now.
  await sleep(50);
}

/** Every member has the same hash of the history up to here. */
async function checkHashes(cluster: Cluster, revision: number): Promise<Violation[]> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const hashes = await Promise.all(
      cluster.awake.map(async ({ name, client }) => {
        const reply = await client.maintenance.hashKV({ revision });
        if (!reply.ok) throw new Error(`${name} gives no hash: ${reply.details}`);
        return { name, hash: reply.response.hash, compacted: reply.response.compactRevision };
      }),
    );
    const points = new Set(hashes.map(({ compacted }) => compacted));
    // A compaction reaches members one after another, and a hash covers only what is not compacted.
    if (points.size > 1 && performance.now() < deadline) {
      await sleep(100);
      continue;
    }
    if (points.size === 1 && new Set(hashes.map(({ hash }) => hash)).size === 1) return [];
    const said = hashes.map(({ name, hash, compacted }) => `${name}: ${hash}, compacted ${compacted}`).join('; ');
    return [{ rule: 'hash', text: `at revision ${revision} the members differ: ${said}` }];
  }
}

/** A lease that holds no key and can get none any more has nothing to lose. */
function markLeasesOver(record: LoadRecord, end: Snapshot): void {
  const held = new Set([...end.entries.values()].map(({ lease }) => lease));
  for (const { write, outcome } of record.attempts) {
    if (write.kind === 'put' && outcome.kind === 'unknown') held.add(write.lease);
  }
  for (const lease of record.leases) if (!held.has(lease.id)) lease.over = true;
}

function printSearch(result: Exclude<ReturnType<typeof checkLinearizable>, { kind: 'linearizable' }>): string {
  if (result.kind === 'undecided') return `key ${result.key}: given up after ${result.steps} steps`;
  const print = (value: unknown): string => JSON.stringify(value);
  const last = result.longest.slice(-3).map(print).join(', ');
  return `key ${result.key}: behind ${result.longest.length} calls (the last: ${last}), this fits nowhere: ${print(result.stuckAt)}`;
}
