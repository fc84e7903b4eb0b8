import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { repositoryRoot, type ServerKind } from '../../harness/src/index.js';
import { compare, type Step } from './compare.js';
import { echoLimit } from './limits/echo.js';
import { fsyncLimit } from './limits/fsync.js';
import { http2Limit } from './limits/http2.js';
import type { Limit } from './limits/limit.js';
import { type Load, loads } from './loads.js';
import { describeMachine, missing, openScratch } from './machine.js';
import type { Shape } from './measure.js';
import { profileLoad } from './profile/profile-load.js';
import { profileText } from './profile/text.js';
import { type Report, reportText, saveReport } from './report/report.js';

interface Arguments {
  readonly runs?: number;
  readonly seconds?: number;
  readonly warmUp?: number;
  readonly connections: number;
  readonly streams: number;
  readonly only: readonly Load[];
  readonly servers: readonly ServerKind[];
  readonly quick: boolean;
  readonly limits: boolean;
  readonly save?: string | true;
  readonly etcd?: string;
  readonly node?: string;
  readonly profile?: Load;
  readonly profileFile?: string;
}

/** Something is not installed or not built. */
const EXIT_MISSING = 2;
const FUNCTIONS_SHOWN = 40;

function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new InvalidArgumentError('a number above 0 is wanted');
  return number;
}

function count(text: string): number {
  const number = positive(text);
  if (!Number.isInteger(number)) throw new InvalidArgumentError('a whole number is wanted');
  return number;
}

function loadNamed(name: string): Load {
  const load = loads.find((candidate) => candidate.name === name);
  if (load === undefined)
    throw new InvalidArgumentError(`one of ${loads.map((each) => each.name).join(', ')} is wanted`);
  return load;
}

function kindNamed(name: string): ServerKind {
  if (name !== 'kontiki' && name !== 'etcd') throw new InvalidArgumentError('kontiki or etcd');
  return name;
}

const program = new Command('bench')
  .description('Drives Kontiki and a real etcd with the same requests, by turns, and compares them.')
  .option(
    '--only <loads>',
    `which loads, of ${loads.map(({ name }) => name).join(',')}`,
    (text) => text.split(',').map(loadNamed),
    [...loads],
  )
  .option('--servers <kinds>', 'which servers', (text) => text.split(',').map(kindNamed), [
    'kontiki',
    'etcd',
  ] as ServerKind[])
  .option('--runs <n>', 'runs of each load on each server (default: 5, quick 2)', count)
  .option('--seconds <n>', 'about how long each run takes (default: 10, quick 2)', positive)
  .option('--warm-up <n>', 'seconds of load before each run (default: 5, quick 1)', positive)
  .option('--connections <n>', 'connections', count, 100)
  .option('--streams <n>', 'requests in flight on each connection; lists always have one', count, 10)
  .option('--quick', 'few short runs: to see that it works, not to believe', false)
  .option('--no-limits', 'leave out what disk, sockets and HTTP/2 can do on this machine')
  .option('--save [what]', 'write docs/benchmarks/<date>-<what>.json, .md, .svg (default: side-by-side)')
  .option('--etcd <path>', 'where etcd is')
  .option('--node <options>', "NODE_OPTIONS for Kontiki, as '--max-semi-space-size=64'")
  .option('--profile <load>', 'instead: profile Kontiki alone under one load', loadNamed)
  .option('--profile-file <path>', 'where to write the profile itself, for the developer tools of Chrome');

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
try {
  process.exitCode = await main(program.parse().opts<Arguments>());
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

async function main(options: Arguments): Promise<number> {
  const lacks = missing(options.profile === undefined ? options.servers : ['kontiki'], options.etcd);
  if (lacks.length > 0) {
    for (const lack of lacks) console.error(`bench needs ${lack}`);
    return EXIT_MISSING;
  }
  const { connections, streams, quick } = options;
  const shape: Shape = {
    connections,
    streams,
    seconds: options.seconds ?? (quick ? 2 : 10),
    warmUpSeconds: options.warmUp ?? (quick ? 1 : 5),
  };
  const scratch = openScratch();
  const nodeOptions = options.node === undefined ? {} : { nodeOptions: options.node };
  if (options.profile !== undefined) {
    const load = options.profile;
    const profiled = await profileLoad({ ...shape, load, scratch, ...nodeOptions });
    console.log(profileText(profiled, load.title, FUNCTIONS_SHOWN));
    if (options.profileFile !== undefined) writeFileSync(options.profileFile, profiled.profile);
    return 0;
  }
  const runs = options.runs ?? (quick ? 2 : 5);
  const startedAt = new Date().toISOString();
  const machine = describeMachine(options.etcd);
  const limits = options.limits ? await measureLimits(shape, scratch) : [];
  const compared = await compare({
    ...shape,
    ...nodeOptions,
    ...(options.etcd === undefined ? {} : { etcd: options.etcd }),
    loads: options.only,
    kinds: options.servers,
    runs,
    scratch,
    onStep: progressLine(options.only.length * options.servers.length * runs),
  });
  const report: Report = { startedAt, machine, shape, runs, ...nodeOptions, limits, compared };
  console.log(reportText(report));
  if (options.save !== undefined) {
    const what = options.save === true ? 'side-by-side' : options.save;
    for (const file of saveReport(report, join(repositoryRoot, 'docs', 'benchmarks'), what))
      console.log(`wrote ${file}`);
  }
  return 0;
}

async function measureLimits({ connections, streams, seconds }: Shape, scratch: string): Promise<Limit[]> {
  const briefly = Math.min(seconds, 3);
  return [
    fsyncLimit(briefly),
    await echoLimit(connections, streams, briefly),
    await http2Limit(connections, streams, briefly, scratch),
  ];
}

function progressLine(all: number): (step: Step) => void {
  let at = 0;
  return ({ run, load, kind }) => process.stderr.write(`${++at}/${all}: run ${run + 1}, ${load.name}, ${kind}\n`);
}
