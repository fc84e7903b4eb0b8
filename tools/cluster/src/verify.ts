import {
  type Commit,
  currentRevision,
  readLog,
  readSnapshot,
  type Snapshot,
  type Violation,
} from '../../crash/src/index.js';
import { type ClusterEvidence, checkEvidence, type MemberHash } from './check.js';
import { type Cluster, sleep } from './cluster.js';
import type { Load } from './load/load.js';
import { LoadRecord } from './load/record.js';

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
  readonly evidence: ClusterEvidence;
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
  const logs = await Promise.all(
    cluster.awake.map(async ({ name, client }) => {
      const told = await readLog(client, record.base.revision + 1, revision);
      // A lease that runs out meanwhile belongs to the next stretch.
      return { member: name, log: told.filter((commit) => commit.revision <= revision) };
    }),
  );
  const log = logs[0]?.log ?? [];
  const end = await endState(cluster, revision);
  await caughtUp(load, log);
  for (const { name, term, leader } of await cluster.status()) record.seeLeader({ member: name, term, leader });
  const evidence: ClusterEvidence = {
    base: record.base,
    attempts: [...record.attempts, ...record.expiries()],
    reads: record.reads,
    serializable: record.serializable,
    registers: record.registers.operations(),
    sightings: record.sightings,
    leaders: [...record.leaders],
    watches: load.takeTraces(revision),
    logs,
    end,
    hashes: await hashesOf(cluster, revision),
    faults: faultsOf(cluster, load),
  };
  const { violations, steps } = checkEvidence(evidence);
  markLeasesOver(record, end);
  load.turn(new LoadRecord(end, record, valuesOf(log)));
  return {
    violations,
    revision,
    acknowledged: record.count('acked'),
    unknown: record.count('unknown'),
    reads: record.reads.length,
    serializable: record.serializable.length,
    steps,
    evidence,
  };
}

/** The state of an empty or settled cluster, where a load may begin. */
export async function startingPoint(cluster: Cluster): Promise<Snapshot> {
  return endState(cluster, await cluster.waitSettled());
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

/** Every member's hash of the history up to here; it covers only what is not compacted, so that must agree first. */
async function hashesOf(cluster: Cluster, revision: number): Promise<readonly MemberHash[]> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const hashes = await Promise.all(
      cluster.awake.map(async ({ name, client }) => {
        const reply = await client.maintenance.hashKV({ revision });
        if (!reply.ok) throw new Error(`${name} gives no hash: ${reply.details}`);
        const { hash, compactRevision } = reply.response;
        return { member: name, hash, compactRevision };
      }),
    );
    const points = new Set(hashes.map(({ compactRevision }) => compactRevision));
    if (points.size === 1 || performance.now() > deadline) return hashes;
    await sleep(100);
  }
}

function faultsOf(cluster: Cluster, load: Load): Violation[] {
  return [
    ...load.record.faults.map((text) => ({ rule: 'unexpected error', text })),
    ...load.watchers.flatMap(({ name, faults }) =>
      faults.splice(0).map((fault) => ({ rule: 'watch', text: `${name}: ${fault}` })),
    ),
    ...cluster.members.flatMap(({ name, crash, process }) =>
      crash === undefined ? [] : [{ rule: 'crash', text: `${name} ended by itself: ${process.log(2_000)}` }],
    ),
  ];
}

function valuesOf(log: readonly Commit[]): Set<string> {
  return new Set(
    log.flatMap(({ changes }) => changes.flatMap((change) => (change.type === 'put' ? [change.entry.value] : []))),
  );
}

/** A lease that holds no key and can get none any more has nothing to lose. */
function markLeasesOver(record: LoadRecord, end: Snapshot): void {
  const held = new Set([...end.entries.values()].map(({ lease }) => lease));
  for (const { write, outcome } of record.attempts) {
    if (write.kind === 'put' && outcome.kind === 'unknown') held.add(write.lease);
  }
  for (const lease of record.leases) if (!held.has(lease.id)) lease.over = true;
}
