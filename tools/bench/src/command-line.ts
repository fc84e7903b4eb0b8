import { Command, InvalidArgumentError, Option } from 'commander';
import type { ServerKind } from '../../harness/src/index.js';
import { type Load, loads } from './loads.js';

/** What was asked for. */
export interface Arguments {
  readonly runs: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly connections: number;
  readonly streams: number;
  readonly only: readonly Load[];
  readonly servers: readonly ServerKind[];
  readonly limits: boolean;
  readonly keys?: number;
  /** The word in the names of the files; absent: nothing is kept. */
  readonly save?: string;
  readonly etcd?: string;
  readonly node?: string;
  readonly profile?: Load;
  readonly profileFile?: string;
}

/** Options as commander gives them, before the defaults that hang on `--quick`. */
interface Given extends Omit<Arguments, 'runs' | 'seconds' | 'warmUp' | 'only' | 'servers' | 'save'> {
  readonly runs?: number;
  readonly seconds?: number;
  readonly warmUp?: number;
  readonly only?: readonly Load[];
  readonly servers?: readonly ServerKind[];
  readonly quick: boolean;
  readonly save?: string | true;
}

/** @param argv as `process.argv`. Ends the process with a word when it is wrong, or asks for help */
export function parseArguments(argv: readonly string[]): Arguments {
  const program = command().parse(argv);
  const { quick, save, ...given } = program.opts<Given>();
  if (given.profileFile !== undefined && given.profile === undefined) {
    program.error("error: option '--profile-file <path>' needs option '--profile <load>'");
  }
  const defaults = quick ? { runs: 2, seconds: 2, warmUp: 1 } : { runs: 5, seconds: 10, warmUp: 5 };
  return {
    only: loads,
    servers: ['kontiki', 'etcd'],
    ...defaults,
    ...given,
    ...(save === undefined ? {} : { save: save === true ? 'side-by-side' : save }),
  };
}

function command(): Command {
  return new Command('bench')
    .description('Drives Kontiki and a real etcd with the same requests, by turns, and compares them.')
    .option('--only <loads>', `of ${loads.map(({ name }) => name).join(',')} (default: all)`, listOf(loadNamed))
    .option('--servers <kinds>', 'of kontiki,etcd (default: both)', listOf(kindNamed))
    .option('--runs <n>', 'runs of each load on each server (default: 5, quick 2)', count)
    .option('--seconds <n>', 'about how long each run takes (default: 10, quick 2)', positive)
    .option('--warm-up <n>', 'seconds of load before each run (default: 5, quick 1)', positive)
    .option('--connections <n>', 'connections', count, 100)
    .option('--streams <n>', 'requests in flight on each connection; lists always have one', count, 10)
    .option('--quick', 'few short runs: to see that it works, not to believe', false)
    .option('--no-limits', 'leave out what disk, sockets and HTTP/2 can do on this machine')
    .option('--keys <n>', 'also a store of so many keys: loading, memory, a page, a snapshot, a restart', count)
    .option('--save [what]', 'write docs/benchmarks/<date>-<what>.json, .md, .svg (default: side-by-side)')
    .option('--etcd <path>', 'where etcd is')
    .option('--node <options>', "NODE_OPTIONS for Kontiki, as '--max-semi-space-size=64'")
    .addOption(
      new Option('--profile <load>', 'instead: profile Kontiki alone under one load')
        .argParser(loadNamed)
        .conflicts(['only', 'servers', 'runs', 'keys', 'save', 'etcd']),
    )
    .option('--profile-file <path>', 'with --profile: where to write it, for the developer tools of Chrome');
}

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

function listOf<T>(read: (name: string) => T): (text: string) => T[] {
  return (text) => text.split(',').map(read);
}
