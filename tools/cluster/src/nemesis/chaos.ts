import type { Random } from '@kontiki/std';
import { type Cluster, sleep } from '../cluster.js';
import { shorten } from '../load/errors.js';
import type { ClusterMember } from '../member.js';
import { type Nemesis, pick, sample } from './context.js';

/** Trouble of one kind, begun at once. @returns its name */
type Trouble = (cluster: Cluster, random: Random) => Promise<string> | string;

const names = (members: readonly ClusterMember[]): string => members.map(({ name }) => name).join(' ');

const TROUBLES: readonly Trouble[] = [
  async function isolateLeader(cluster, random) {
    const leader = await cluster.leader(300);
    if (leader === undefined) return 'no leader to isolate';
    const cut = pick(random, ['hold', 'vanish'] as const);
    for (const other of cluster.members) if (other !== leader) cluster.links.setBoth(leader.name, other.name, { cut });
    return `leader ${leader.name} alone (${cut})`;
  },
  function splitInTwo(cluster, random) {
    const side = sample(random, cluster.members, 1 + random.int(cluster.members.length - 1));
    const cut = pick(random, ['hold', 'vanish'] as const);
    for (const one of side) {
      for (const other of cluster.members) {
        if (!side.includes(other)) cluster.links.setBoth(one.name, other.name, { cut });
      }
    }
    return `split off ${names(side)} (${cut})`;
  },
  function bridge(cluster, random) {
    // Everybody sees the majority the bridge gives it, and no two see the same one.
    const [middle, ...rest] = sample(random, cluster.members, cluster.members.length);
    const half = Math.floor(rest.length / 2);
    for (const one of rest.slice(0, half)) {
      for (const other of rest.slice(half)) cluster.links.setBoth(one.name, other.name, { cut: 'hold' });
    }
    return `only ${middle?.name} reaches all`;
  },
  function oneWay(cluster, random) {
    const [from, to] = sample(random, cluster.members, 2);
    if (from === undefined || to === undefined) return 'too few members to cut one way';
    cluster.links.set(from.name, to.name, { cut: pick(random, ['hold', 'vanish'] as const) });
    return `nothing from ${from.name} to ${to.name}`;
  },
  function deaf(cluster, random) {
    const member = pick(random, cluster.members);
    for (const other of cluster.members)
      if (other !== member) cluster.links.set(other.name, member.name, { cut: 'hold' });
    return `${member.name} hears nobody`;
  },
  function slow(cluster, random) {
    const [delayMs, jitterMs] = [random.int(150), 1 + random.int(200)];
    for (const one of cluster.members) {
      for (const other of cluster.members)
        if (one !== other) cluster.links.set(one.name, other.name, { delayMs, jitterMs });
    }
    return `every link ${delayMs} to ${delayMs + jitterMs} ms slow`;
  },
  function narrow(cluster, random) {
    const member = pick(random, cluster.members);
    const bytesPerSecond = 2_000 + random.int(30_000);
    for (const other of cluster.members) {
      if (other !== member) cluster.links.set(other.name, member.name, { bytesPerSecond });
    }
    return `${bytesPerSecond} bytes a second to ${member.name}`;
  },
  function resets(cluster, random) {
    const member = pick(random, cluster.members);
    member.resetConnections();
    return `connections to ${member.name} reset`;
  },
  function pause(cluster, random) {
    const member = pick(random, cluster.members);
    member.pause();
    return `${member.name} paused`;
  },
  async function pauseLeader(cluster) {
    const leader = await cluster.leader(300);
    leader?.pause();
    return `leader ${leader?.name} paused`;
  },
  async function kill(cluster, random) {
    const victims = sample(random, cluster.members, random.int(6) === 0 ? cluster.members.length : 1);
    await Promise.all(victims.map((member) => member.kill()));
    return `killed ${names(victims)}`;
  },
  async function stop(cluster, random) {
    const member = pick(random, cluster.members);
    if (!member.awake) return `${member.name} could not be stopped`;
    await member.stop();
    return `stopped ${member.name}`;
  },
  async function moveLeader(cluster, random) {
    const leader = await cluster.leader(300);
    const target = pick(random, cluster.members);
    if (leader === undefined || target === leader || target.id === undefined) return 'no leadership to move';
    const reply = await leader.client.maintenance.moveLeader({ targetID: target.id }, { timeoutMs: 2_000 });
    return `leadership from ${leader.name} to ${target.name}: ${reply.ok ? 'done' : shorten(reply.details)}`;
  },
];

/** Everything that can go wrong between members, in no order, then a quiet end in which everything must heal. */
export const chaos: Nemesis = {
  name: 'chaos',
  description: 'partitions of every shape, slow and narrow links, resets, pauses, kills; for --minutes',
  size: ({ members }) => members,
  flags: () => ['--snapshot-count=500'],
  async run({ cluster, load, random, say, check }, { minutes }) {
    const endAt = performance.now() + minutes * 60_000;
    let troubles = 0;
    for (let stretch = 1; stretch === 1 || performance.now() < endAt; stretch++) {
      load.start();
      const stretchEnd = Math.min(endAt, performance.now() + 15_000 + random.int(15_000));
      const seen: string[] = [];
      while (performance.now() < stretchEnd) {
        // One or two at a time; now and then a moment of peace, in which members must catch up.
        for (let i = random.int(5) === 0 ? 0 : 1 + random.int(2); i > 0; i--) {
          seen.push(await pick(random, TROUBLES)(cluster, random));
          troubles += 1;
        }
        await sleep(200 + random.int(random.int(3) === 0 ? 5_000 : 1_500));
        if (random.int(3) > 0) heal(cluster);
      }
      heal(cluster);
      const { revision, acknowledged, unknown } = await check();
      say(
        `stretch ${stretch}: revision ${revision}, ${acknowledged} acknowledged, ${unknown} unknown: ${seen.join('; ')}`,
      );
    }
    return [`${troubles} troubles`];
  },
};

/** Whole links, everybody awake. */
function heal(cluster: Cluster): void {
  cluster.links.heal();
  for (const member of cluster.members) {
    if (member.paused) member.resume();
    if (!member.running && member.crash === undefined) cluster.restart(member);
  }
}
