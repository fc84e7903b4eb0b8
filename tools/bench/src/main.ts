import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot, type ServerKind } from '../../harness/src/index.js';
import { type Arguments, parseArguments } from './command-line.js';
import { compare, type Step } from './compare.js';
import { type LargeStore, type LargeStoreOptions, largeStore } from './large-store.js';
import { echoLimit } from './limits/echo.js';
import { fsyncLimit } from './limits/fsync.js';
import { http2Limit } from './limits/http2.js';
import type { Limit } from './limits/limit.js';
import { describeMachine, missing, openScratch } from './machine.js';
import type { Shape } from './measure.js';
import { profileLoad } from './profile/profile-load.js';
import { profileText } from './profile/text.js';
import { type Report, reportText, saveReport } from './report/report.js';

/** Something is not installed or not built. */
const EXIT_MISSING = 2;
const FUNCTIONS_SHOWN = 40;

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
try {
  process.exitCode = await main(parseArguments(process.argv));
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
  const { connections, streams, seconds, warmUp, runs, only, servers, etcd, keys, profile } = options;
  const shape: Shape = { connections, streams, seconds, warmUpSeconds: warmUp };
  const nodeOptions = options.node === undefined ? {} : { nodeOptions: options.node };
  const settings = { ...nodeOptions, ...(etcd === undefined ? {} : { etcd }) };
  const scratch = openScratch();
  if (profile !== undefined) {
    const profiled = await profileLoad({ ...shape, load: profile, scratch, ...nodeOptions });
    console.log(profileText(profiled, profile.title, FUNCTIONS_SHOWN));
    if (options.profileFile !== undefined) writeFileSync(options.profileFile, profiled.profile);
    return 0;
  }
  const startedAt = new Date().toISOString();
  const machine = describeMachine(etcd);
  const limits = options.limits ? await measureLimits(shape, scratch) : [];
  const onStep = progressLine(only.length * servers.length * runs);
  const compared = await compare({ ...shape, ...settings, loads: only, kinds: servers, runs, scratch, onStep });
  const stores = keys === undefined ? [] : await measureStores(keys, servers, settings);
  const large = stores.flatMap((store) => store ?? []);
  const report: Report = { startedAt, machine, shape, runs, ...nodeOptions, limits, compared, large };
  console.log(reportText(report));
  if (options.save !== undefined) {
    const folder = join(repositoryRoot, 'docs', 'benchmarks');
    for (const file of saveReport(report, folder, options.save)) console.log(`wrote ${file}`);
  }
  return stores.includes(undefined) ? 1 : 0;
}

/** Absent where it failed, which is said: the figures measured before are worth keeping. */
async function measureStores(
  keys: number,
  kinds: readonly ServerKind[],
  options: LargeStoreOptions,
): Promise<(LargeStore | undefined)[]> {
  const stores: (LargeStore | undefined)[] = [];
  for (const kind of kinds) {
    process.stderr.write(`a store of ${keys} keys, ${kind}\n`);
    try {
      stores.push(await largeStore(kind, keys, options));
    } catch (error) {
      console.error(`bench: ${kind}, ${keys} keys: ${error instanceof Error ? error.message : String(error)}`);
      stores.push(undefined);
    }
  }
  return stores;
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
