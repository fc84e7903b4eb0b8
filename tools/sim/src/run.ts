import type { Message, NodeId } from '@kontiki/raft';
import { chance, duration, type FaultKind, Faults, pick, World } from '@kontiki/sim';
import { assert } from '@kontiki/std';
import { Admin } from './admin.js';
import { Checks } from './checks/checks.js';
import { Client } from './client.js';
import { Cluster } from './cluster.js';
import type { Wrapping } from './member.js';
import { drawSettings, type Settings } from './settings.js';

export interface RunOptions {
  readonly seed: number;
  /** Members the cluster begins with. */
  readonly members: number;
  /** Events of trouble, before the quiet end. */
  readonly events: number;
  readonly wrapping?: Wrapping;
  /** Default: chance decides. */
  readonly faults?: readonly FaultKind[];
  /** False: the members stay the same. Default: chance decides. */
  readonly resizes?: boolean;
  /** Put over what was drawn. */
  readonly settings?: Partial<Settings>;
  readonly traceLimit?: number;
  /** Names of the properties that count. Default: all. For seeing that each of them can fail. */
  readonly properties?: readonly string[];
}

export interface RunResult {
  readonly seed: number;
  /** What was broken; undefined: nothing. */
  readonly error: unknown;
  readonly events: number;
  readonly simulatedMs: number;
  /** Of everything that happened: equal for equal runs. */
  readonly hash: string;
  readonly trace: readonly string[];
  readonly counts: RunCounts;
}

/** What a run had in it. */
export interface RunCounts {
  readonly writes: number;
  readonly reads: number;
  readonly committed: number;
  readonly elections: number;
  readonly snapshots: number;
  readonly boots: number;
  readonly changes: number;
}

/** How long everything may take to be well again once the trouble is over, in election timeouts. */
const RECOVERY_TIMEOUTS = 200;
/** Whole logs are compared after so many events, and whenever somebody stops. */
const COMPARE_EVERY = 100;

/** One history from a seed: trouble, then quiet, in which everything must come to rest, equal everywhere. */
export async function run(options: RunOptions): Promise<RunResult> {
  const { seed, members, events, wrapping = {}, traceLimit = 400 } = options;
  const world = new World<NodeId, Message>({ seed, turn: setImmediate, traceLimit });
  const { random } = world;
  const settings: Settings = { ...drawSettings(random), ...options.settings };
  const timeoutMs = settings.tickMs * (settings.raft.electionTicks ?? 10);
  const checks = new Checks((violation) => world.fail(violation), options.properties);
  const cluster = new Cluster({ world, settings, checks, wrapping, size: members });
  let id = 1n;
  const nextId = (): bigint => id++;
  const clients = Array.from({ length: 1 + random.int(5) }, () => {
    const thinkMs = pick(random, [5, 30, 200]);
    const readsPerMille = pick(random, [100, 400, 800]);
    return new Client({
      world,
      cluster,
      checks,
      nextId,
      timeoutMs: 20 * timeoutMs,
      thinkMs,
      readsPerMille,
      paddingBytes: pick(random, [0, 0, 300]),
    });
  });
  const resizes = options.resizes ?? random.int(3) > 0;
  // Now and then nobody falls: then members may come and go in ways that need them to stay up.
  const calm = options.faults === undefined && chance(random, 80);
  const admin = new Admin({ world, cluster, nextId, everyMs: pick(random, [100, 400, 2_000]), resizes, narrow: calm });
  const faults = new Faults(world, () => cluster.present, {
    ...(options.faults && { kinds: options.faults, all: true }),
    ...(calm && { kinds: ['slowDisk'] }),
    favourite: () => cluster.leader,
    everyMs: { min: 50, max: 2_500 },
    lastsMs: { min: 2, max: 1_200 },
  });
  for (const client of clients) client.start();
  admin.start();
  faults.start();
  let compareAt = COMPARE_EVERY;
  const compare = (): void => {
    if (world.events < compareAt) return;
    compareAt = world.events + COMPARE_EVERY;
    checks.observed(cluster.observed);
  };
  if (options.faults === undefined && !calm && chance(random, 400)) {
    // Short reigns: what a leader has begun when it falls is what the next ones must get right (figure 8).
    const reignMs = pick(random, [2, 8, 30, 100]);
    cluster.onLeader = (leader) => {
      if (chance(random, 300)) return;
      world.timeline.after(duration(random, { min: 0, max: reignMs }), () =>
        faults.strike(pick(random, ['kill', 'isolate', 'kill', 'pause']), leader),
      );
    };
  }
  cluster.onEnded = () => checks.observed(cluster.observed);
  let error: unknown;
  try {
    await world.run(Number.MAX_SAFE_INTEGER, () => {
      compare();
      return world.events >= events;
    });
    faults.stop();
    for (const client of clients) client.stop();
    admin.stop();
    await recover();
  } catch (cause) {
    error = cause;
  }
  // Nothing of it must go on when the next run begins.
  for (const { machine } of cluster.members.values()) machine.kill();
  return {
    seed,
    error,
    events: world.events,
    simulatedMs: world.nowMs,
    hash: world.trace.hash,
    trace: world.trace.lines(),
    counts: {
      ...cluster.counts,
      writes: checks.calls.writes,
      reads: checks.calls.reads,
      committed: checks.committed.last,
    },
  };

  /** Everybody serves again, holds the same, and what was promised. */
  async function recover(): Promise<void> {
    const untilMs = world.nowMs + RECOVERY_TIMEOUTS * timeoutMs;
    let last = 'nothing was tried';
    const client = new Client({
      world,
      cluster,
      checks,
      nextId,
      timeoutMs: 20 * timeoutMs,
      thinkMs: 1,
      readsPerMille: 0,
      paddingBytes: 0,
    });
    while (world.nowMs < untilMs) {
      await world.run(world.nowMs + 2 * timeoutMs, () => {
        compare();
        return false;
      });
      admin.leaveJoint();
      if (cluster.newest.confState.votersOutgoing !== undefined) {
        last = 'the configuration is joint';
        continue;
      }
      const { expected } = cluster;
      const down = expected.find(({ driver }) => driver === undefined);
      if (down !== undefined) {
        last = `${down.id} is down`;
        continue;
      }
      // Each must be able to take a write and a read, if only by passing it on.
      const answers = expected.flatMap((member) => [client.write(member), client.read(member)]);
      let answered: readonly boolean[] | undefined;
      void Promise.all(answers).then((all) => {
        answered = all;
      });
      await world.run(untilMs, () => {
        compare();
        return answered !== undefined;
      });
      if (answered?.every((each) => each) !== true) {
        last = `calls failed: ${answered?.join() ?? 'no answer'}`;
        continue;
      }
      await world.run(world.nowMs + 2 * timeoutMs);
      const indexes = cluster.expected.map(({ state }) => state?.index);
      if (new Set(indexes).size !== 1 || indexes[0] !== checks.committed.last) {
        last = `applied are ${indexes.join()} of ${checks.committed.last}`;
        continue;
      }
      checks.guard(checks.calls.name, () => checks.calls.end());
      checks.observed(cluster.observed);
      await world.run(world.nowMs);
      return;
    }
    assert(false, `not well again after ${RECOVERY_TIMEOUTS} election timeouts of quiet: ${last}`);
  }
}
