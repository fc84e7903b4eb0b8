import { SeededRandom } from '@kontiki/std';
import type { Violation } from '../../../crash/src/index.js';
import { Cluster } from '../cluster.js';
import { Load } from '../load/load.js';
import { startingPoint, type Verdict, verify } from '../verify.js';
import { chaos } from './chaos.js';
import { BrokenPromise, type Nemesis, type NemesisOptions } from './context.js';
import { lagging } from './lagging.js';
import { leaderKills } from './leader-kills.js';
import { resize } from './resize.js';

export const NEMESES: readonly Nemesis[] = [leaderKills, chaos, resize, lagging];

/** How a run ended. */
export interface NemesisReport {
  /** Broken promises; empty: all were kept. */
  readonly violations: readonly Violation[];
  /** For people. */
  readonly lines: readonly string[];
  readonly acknowledged: number;
  readonly unknown: number;
  readonly revision: number;
  /** Of the stretch that broke. */
  readonly evidence?: Verdict['evidence'];
  /** Where the members' directories and logs are, when they were kept. */
  readonly directory?: string;
}

export interface RunOptions extends NemesisOptions {
  readonly say?: (line: string) => void;
  /** Keep the members' directories when something is wrong. */
  readonly keep?: boolean;
}

/** Runs one kind of trouble against a cluster of its own and checks everything its clients saw. */
export async function runNemesis(nemesis: Nemesis, options: RunOptions): Promise<NemesisReport> {
  const random = new SeededRandom(options.seed);
  const say = options.say ?? ((): void => undefined);
  const links = random.split();
  const cluster = await Cluster.start({
    size: nemesis.size(options),
    kind: options.kind,
    ...(options.etcd === undefined ? {} : { etcd: options.etcd }),
    flags: [...nemesis.flags(options.kind), ...(options.flags ?? [])],
    chance: () => links.int(0x1_0000_0000) / 0x1_0000_0000,
  });
  const totals = { acknowledged: 0, unknown: 0, reads: 0, serializable: 0, steps: 0, revision: 1, stretches: 0 };
  let load: Load | undefined;
  let broken: Verdict | undefined;
  let failure: unknown;
  let lines: readonly string[] = [];
  try {
    load = new Load(cluster, random.split(), await startingPoint(cluster), options.load);
    const running = load;
    const check = async (): Promise<Verdict> => {
      const verdict = await verify(cluster, running);
      totals.acknowledged += verdict.acknowledged;
      totals.unknown += verdict.unknown;
      totals.reads += verdict.reads;
      totals.serializable += verdict.serializable;
      totals.steps += verdict.steps;
      totals.revision = verdict.revision;
      totals.stretches += 1;
      if (verdict.violations.length > 0) throw new BrokenPromise(verdict);
      return verdict;
    };
    lines = await nemesis.run({ cluster, load, random, say, check }, options);
  } catch (error) {
    if (error instanceof BrokenPromise) broken = error.verdict;
    else failure = error;
  }
  const crashes = cluster.members.flatMap(({ name, crash, process }) =>
    crash === undefined ? [] : [{ rule: 'crash', text: `${name} ended by itself: ${process.log(2_000)}` }],
  );
  for (const member of cluster.members) if (member.paused) member.resume();
  cluster.links.heal();
  await load?.close();
  const violations = [
    ...(broken?.violations ?? []),
    ...(failure === undefined ? [] : [{ rule: 'the run failed', text: textOf(failure) }]),
    ...(broken === undefined ? crashes : []),
  ];
  const keep = options.keep === true && violations.length > 0;
  await cluster.dispose(keep);
  const { acknowledged, unknown, reads, serializable, steps, revision, stretches } = totals;
  const summary = [
    ...lines,
    `${acknowledged} acknowledged writes, ${unknown} of unknown outcome, ${reads} linearizable and ${serializable} ` +
      `serializable reads, ${load?.events ?? 0} watch events, ${load?.leases ?? 0} leases, ${load?.compactions ?? 0} ` +
      `compactions, revision ${revision}; checked ${stretches} times, ${steps} steps of search`,
    ...[...(load?.record.errors ?? [])].sort((a, b) => b[1] - a[1]).map(([text, count]) => `${count} x ${text}`),
  ];
  return {
    violations,
    lines: summary,
    acknowledged,
    unknown,
    revision,
    ...(broken === undefined ? {} : { evidence: broken.evidence }),
    ...(keep ? { directory: cluster.directory } : {}),
  };
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
