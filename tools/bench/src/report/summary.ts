import type { ServerKind } from '../../../harness/src/index.js';
import type { Compared } from '../compare.js';
import type { Measured } from '../measure.js';
import { type Spread, spread } from '../spread.js';

/** One of the things that are compared. */
export interface Figure {
  readonly name: FigureName;
  /** With its unit. */
  readonly title: string;
  readonly better: 'more' | 'less';
  read(run: Measured): number;
}

export type FigureName = 'throughput' | 'p50' | 'p99' | 'p99.9' | 'cpu' | 'rss' | 'peakRss';

export const figures: readonly Figure[] = [
  { name: 'throughput', title: 'req/s', better: 'more', read: (run) => run.requestsPerSecond },
  { name: 'p50', title: 'p50 ms', better: 'less', read: (run) => run.p50Ms },
  { name: 'p99', title: 'p99 ms', better: 'less', read: (run) => run.p99Ms },
  { name: 'p99.9', title: 'p99.9 ms', better: 'less', read: (run) => run.p999Ms },
  { name: 'cpu', title: 'CPU µs/req', better: 'less', read: (run) => run.cpuMicrosPerRequest },
  { name: 'rss', title: 'RSS MB', better: 'less', read: (run) => run.rssBytes / 1e6 },
  { name: 'peakRss', title: 'peak MB', better: 'less', read: (run) => run.peakRssBytes / 1e6 },
];

/** A load's figures over all runs. */
export interface Summary {
  readonly load: string;
  readonly title: string;
  readonly servers: Readonly<Partial<Record<ServerKind, Spreads>>>;
  /** Kontiki's median by etcd's; absent when only one was measured. */
  readonly ratios?: Readonly<Record<FigureName, number>>;
}

export type Spreads = Readonly<Record<FigureName, Spread>>;

export function summarize({ load, title, runs }: Compared): Summary {
  const { kontiki, etcd } = runs;
  const ours = kontiki && spreadsOf(kontiki);
  const theirs = etcd && spreadsOf(etcd);
  return {
    load,
    title,
    servers: { ...(ours && { kontiki: ours }), ...(theirs && { etcd: theirs }) },
    ...(ours && theirs && { ratios: byFigure(({ name }) => ours[name].median / theirs[name].median) }),
  };
}

function spreadsOf(runs: readonly Measured[]): Spreads {
  return byFigure(({ read }) => spread(runs.map(read)));
}

function byFigure<T>(value: (figure: Figure) => T): Record<FigureName, T> {
  return Object.fromEntries(figures.map((figure) => [figure.name, value(figure)])) as Record<FigureName, T>;
}
