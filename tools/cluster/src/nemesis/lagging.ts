import type { ServerKind } from '../../../harness/src/index.js';
import { type Cluster, sleep } from '../cluster.js';
import type { ClusterMember } from '../member.js';
import { milliseconds, type Nemesis, pick } from './context.js';

const SNAPSHOT_ENTRIES = 200;
const CATCH_UP_ENTRIES = 50;
/** Behind by so much, what is missing is surely no longer in the leader's log. */
const LAG_ENTRIES = 3 * (SNAPSHOT_ENTRIES + CATCH_UP_ENTRIES);

/** etcd compacts no log for this long after it sent a snapshot, so that who got it can catch up. */
const ETCD_TRUCE_MS = 31_000;

/** A follower is held back until the leader has dropped the log it needs: it must catch up by a snapshot. */
export const lagging: Nemesis = {
  name: 'lagging',
  description: 'a follower behind the compacted log catches up by snapshot while writes go on; --rounds times',
  size: ({ members }) => members,
  flags: (kind) => [`--snapshot-count=${SNAPSHOT_ENTRIES}`, catchUpFlag(kind)],
  async run({ cluster, load, random, say, check }, { rounds }) {
    let snapshots = 0;
    let counted = true;
    let truceUntil = 0;
    for (let round = 1; round <= rounds; round++) {
      load.start();
      const leader = await cluster.waitForLeader();
      const follower = pick(
        random,
        cluster.members.filter((member) => member !== leader),
      );
      const how = pick(random, ['cut off', 'paused', 'killed'] as const);
      const before = await snapshotsTaken(follower);
      await holdBack(cluster, follower, how);
      await sleep(Math.max(0, truceUntil - performance.now()));
      await lag(cluster, follower);
      const startedAt = performance.now();
      release(cluster, follower, how);
      await follower.process.ready();
      const took = performance.now() - startedAt;
      if (cluster.kind === 'etcd') truceUntil = performance.now() + ETCD_TRUCE_MS;
      await sleep(500);
      const { revision } = await check();
      const after = await snapshotsTaken(follower);
      // A killed process counts from zero again.
      const taken = after === undefined ? undefined : after - (how === 'killed' ? 0 : (before ?? 0));
      if (taken === undefined) counted = false;
      else if (taken === 0) throw new Error(`${follower.name} was ${how} and behind the log, but took no snapshot`);
      snapshots += taken ?? 0;
      say(`round ${round}: ${follower.name} ${how}, served again after ${milliseconds(took)}, revision ${revision}`);
    }
    const took = counted ? `${snapshots} snapshots received` : 'snapshots received: the members have no metric for it';
    return [`${rounds} followers left behind, ${took}`];
  },
};

function catchUpFlag(kind: ServerKind): string {
  // etcd 3.5 knows it by its old name only.
  return `--${kind === 'etcd' ? 'experimental-' : ''}snapshot-catchup-entries=${CATCH_UP_ENTRIES}`;
}

async function holdBack(
  cluster: Cluster,
  follower: ClusterMember,
  how: 'cut off' | 'paused' | 'killed',
): Promise<void> {
  if (how === 'paused') follower.pause();
  else if (how === 'killed') await follower.kill();
  else {
    for (const other of cluster.members) {
      if (other !== follower) cluster.links.setBoth(follower.name, other.name, { cut: 'vanish' });
    }
  }
}

function release(cluster: Cluster, follower: ClusterMember, how: 'cut off' | 'paused' | 'killed'): void {
  if (how === 'paused') follower.resume();
  else if (how === 'killed') cluster.restart(follower);
  else cluster.links.heal();
}

/** Waits until the others have gone on without it far enough. */
async function lag(cluster: Cluster, follower: ClusterMember): Promise<void> {
  const indexOfOthers = async (): Promise<number> => {
    const views = await cluster.status();
    return Math.max(0, ...views.filter(({ name }) => name !== follower.name).map(({ appliedIndex }) => appliedIndex));
  };
  const begin = await indexOfOthers();
  const deadline = performance.now() + 120_000;
  while ((await indexOfOthers()) < begin + LAG_ENTRIES) {
    if (performance.now() > deadline) throw new Error('the load does not write enough to leave a follower behind');
    await sleep(100);
  }
}

/** How many snapshots a member has received in its life; undefined: it does not say. */
async function snapshotsTaken(member: ClusterMember): Promise<number | undefined> {
  const response = await fetch(`http://${member.endpoint}/metrics`, { signal: AbortSignal.timeout(5_000) });
  const text = await response.text();
  if (!text.includes('etcd_network_')) return undefined;
  const counts = text.matchAll(/^etcd_network_snapshot_receive_success\{[^}]*\} ([0-9.e+]+)$/gm);
  return [...counts].reduce((sum, match) => sum + Number(match[1]), 0);
}
