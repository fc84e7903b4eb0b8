import { Command, InvalidArgumentError } from 'commander';
import type { ServerKind } from '../../harness/src/index.js';
import { exceptions } from './exceptions.js';
import { type Progress, referee, type Summary } from './referee.js';

interface Arguments {
  readonly runs: number;
  readonly seed: number;
  readonly path?: string;
  readonly against: ServerKind;
  readonly etcd?: string;
  readonly length: number;
  readonly time?: number;
  readonly differences: number;
  readonly outcomes: boolean;
}

function whole(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number)) throw new InvalidArgumentError('a whole number is wanted');
  return number;
}

function kind(text: string): ServerKind {
  if (text !== 'etcd' && text !== 'kontiki') throw new InvalidArgumentError('etcd or kontiki');
  return text;
}

const program = new Command('referee')
  .description('Plays random histories to a real etcd and to Kontiki and compares every answer.')
  .option('--runs <n>', 'histories to play', whole, 1_000)
  .option('--seed <n>', 'where the random histories begin', whole, Date.now() % 2_147_483_647)
  .option('--path <path>', 'play one counterexample, as a report names it')
  .option('--against <server>', 'the server that is judged: kontiki or etcd', kind, 'kontiki')
  .option('--etcd <path>', 'the etcd that is the reference')
  .option('--length <n>', 'most operations in a history', whole, 30)
  .option('--time <seconds>', 'no new history after that long', whole)
  .option('--differences <n>', 'go on until that many different differences', whole, 1)
  .option('--outcomes', 'list what the operations came to', false);

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
process.exitCode = await main(program.parse().opts<Arguments>());

async function main(options: Arguments): Promise<number> {
  console.log(`etcd against ${options.against}, seed ${options.seed}`);
  const { time, outcomes: _, ...rest } = options;
  const summary = await referee({
    ...rest,
    ...(time === undefined ? {} : { timeMs: time * 1_000 }),
    onProgress: progressLine(),
    onFound: ({ text }) => console.log(text),
  });
  if (process.stderr.isTTY) process.stderr.write('\n');
  if (options.outcomes)
    for (const [outcome, count] of [...summary.outcomes].sort()) console.log(`${String(count).padStart(7)} ${outcome}`);
  console.log(closing(summary));
  return summary.found.length === 0 ? 0 : 1;
}

/** On a terminal the line is rewritten; elsewhere it appears every ten seconds. */
function progressLine(): (progress: Progress) => void {
  let lastAt = performance.now();
  return ({ runs, operations, differences, shrinking }) => {
    const now = performance.now();
    const every = process.stderr.isTTY ? 200 : 10_000;
    if (now - lastAt < every) return;
    lastAt = now;
    const state = shrinking ? ', shrinking' : '';
    const line = `${runs} runs, ${operations} operations, ${differences} differences${state}`;
    process.stderr.write(process.stderr.isTTY ? `\r${line}\x1b[K` : `${line}\n`);
  };
}

function closing(summary: Summary): string {
  const used = [...summary.uses].filter(([, count]) => count > 0);
  const unused = exceptions.length - used.length;
  return [
    `${summary.runs} runs, ${summary.operations} operations, ${summary.found.length} differences, ` +
      `${summary.pairs} pairs of servers, ${(summary.elapsedMs / 1_000).toFixed(0)} s`,
    `exceptions used: ${used.map(([name, count]) => `${name} ${count}`).join(', ') || 'none'} (${unused} not needed)`,
  ].join('\n');
}
