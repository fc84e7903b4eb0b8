import { fork } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { describeFailure, Totals } from './report.js';
import { run } from './run.js';
import type { Told, Work } from './worker.js';

interface Arguments {
  readonly seed: number;
  readonly seeds: number;
  readonly members: number;
  readonly events: number;
  readonly jobs: number;
  readonly trace: boolean;
}

/** Failures after which no more seeds are begun. */
const MAX_FAILURES = 5;
const PROGRESS_EVERY_MS = 5_000;

function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`must be a whole number from ${min} to ${max}`);
    }
    return value;
  };
}

const MAX_SEED = 2 ** 32 - 1;

function parse(): Arguments {
  const command = new Command('sim')
    .description(
      'Clusters of raft drivers on the real log, in a simulated world of trouble, one history for each seed.',
    )
    .option('--seed <seed>', 'the first seed (default: a new one)', whole(0, MAX_SEED), randomInt(MAX_SEED))
    .option('--seeds <count>', 'how many seeds, one after another', whole(1, MAX_SEED), 1)
    .option('--members <count>', 'members a cluster begins with', whole(1, 9), 3)
    .option('--events <count>', 'events of trouble in each run, before the quiet end', whole(1, 100_000_000), 6_000)
    .option('--jobs <count>', 'processes', whole(1, 256), availableParallelism())
    .option('--trace', 'print what happens (the last 100,000 steps)', false)
    .allowExcessArguments(false);
  return command.parse().opts<Arguments>();
}

/** The line that runs one seed again. */
function again(seed: number, { members, events }: Arguments): string {
  return `npm run sim -- --seed ${seed} --members ${members}${events === 6_000 ? '' : ` --events ${events}`}`;
}

/** In this process, with everything that happened. */
async function traced(options: Arguments): Promise<boolean> {
  const { seed, members, events } = options;
  const result = await run({ seed, members, events, traceLimit: 100_000 });
  for (const line of result.trace) console.log(line);
  console.log(`hash ${result.hash}`);
  if (result.error === undefined) return true;
  console.log(describeFailure({ ...result, trace: [] }, again(seed, options)));
  return false;
}

/** All seeds, over as many processes as asked for. */
async function many(options: Arguments): Promise<boolean> {
  const { seed, seeds, members, events, jobs } = options;
  const startedMs = performance.now();
  const totals = new Totals();
  let failures = 0;
  let next = 0;
  const seconds = (): number => (performance.now() - startedMs) / 1000;
  const progress = setInterval(() => {
    console.log(`${totals.seeds} of ${seeds} seeds, ${failures} failed, ${Math.round(seconds())} s`);
  }, PROGRESS_EVERY_MS);
  const take = (): number | undefined => {
    if (next >= seeds || failures >= MAX_FAILURES) return undefined;
    return (seed + next++) % (MAX_SEED + 1);
  };
  const work: Work = { members, events };
  const worker = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), [JSON.stringify(work)]);
      const feed = (): void => {
        const chosen = take();
        if (chosen === undefined) child.disconnect();
        else child.send(chosen);
      };
      child.on('error', reject);
      child.on('exit', (code, signal) => {
        if (code === 0) resolve();
        else reject(new Error(`a worker ended with ${signal ?? code}`));
      });
      child.on('message', (told: Told) => {
        totals.add(told);
        if (told.error !== '') {
          failures++;
          console.log(describeFailure(told, again(told.seed, options)));
        }
        feed();
      });
      feed();
    });
  try {
    await Promise.all(Array.from({ length: Math.min(jobs, seeds) }, worker));
  } finally {
    clearInterval(progress);
  }
  console.log(totals.line(seconds()));
  console.log(failures === 0 ? 'nothing broken' : `${failures} seeds failed`);
  return failures === 0;
}

const options = parse();
if (options.trace && options.seeds > 1) {
  console.error('--trace shows one seed: leave --seeds out');
  process.exit(2);
}
const fine = await (options.trace ? traced(options) : many(options));
process.exit(fine ? 0 : 1);
