import type { ServerKind } from '../../harness/src/index.js';
import type { Load, LoadName } from './loads.js';
import { type Measured, measure, type Shape } from './measure.js';
import { BenchServer } from './server.js';

export interface CompareOptions extends Shape {
  readonly loads: readonly Load[];
  readonly kinds: readonly ServerKind[];
  /** Of each load on each server. */
  readonly runs: number;
  readonly etcd?: string;
  readonly nodeOptions?: string;
  readonly scratch: string;
  readonly onStep?: (step: Step) => void;
}

/** One run of one load on one server. */
export interface Step {
  readonly run: number;
  readonly load: Load;
  readonly kind: ServerKind;
}

/** All runs of a load, by server, in the order they were made. */
export interface Compared {
  readonly load: LoadName;
  readonly title: string;
  readonly runs: Readonly<Partial<Record<ServerKind, readonly Measured[]>>>;
}

/**
 * The order of all runs: the servers take turns, and who begins takes turns too (A B, B A, A B, …), so that neither
 * always has the warmer machine or the colder disk.
 */
export function stepsOf(loads: readonly Load[], kinds: readonly ServerKind[], runs: number): Step[] {
  return Array.from({ length: runs }, (_, run) => {
    const order = run % 2 === 0 ? kinds : [...kinds].reverse();
    return loads.flatMap((load) => order.map((kind) => ({ run, load, kind })));
  }).flat();
}

/** Runs everything, one server on the machine at a time, each on a fresh directory. */
export async function compare(options: CompareOptions): Promise<Compared[]> {
  const { kinds, etcd, nodeOptions } = options;
  const measured = new Map(
    options.loads.map(({ name }) => [name, new Map(kinds.map((kind) => [kind, [] as Measured[]]))]),
  );
  for (const step of stepsOf(options.loads, kinds, options.runs)) {
    options.onStep?.(step);
    const server = await BenchServer.start({
      kind: step.kind,
      ...(etcd === undefined ? {} : { etcd }),
      ...(nodeOptions === undefined ? {} : { nodeOptions }),
    });
    try {
      const result = await measure(server, step.load, options, options.scratch);
      measured.get(step.load.name)!.get(step.kind)!.push(result);
    } finally {
      await server.dispose();
    }
  }
  return options.loads.map(({ name, title }) => ({
    load: name,
    title,
    runs: Object.fromEntries(measured.get(name)!),
  }));
}
