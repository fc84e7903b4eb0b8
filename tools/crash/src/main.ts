import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import type { ServerKind } from '../../harness/src/index.js';
import { type CrashSummary, crashRun, type Round } from './driver/run.js';
import type { Evidence } from './evidence.js';

interface Arguments {
  readonly rounds: number;
  readonly seed: number;
  readonly against: ServerKind;
  readonly etcd?: string;
  readonly writers: number;
  readonly compact: boolean;
}

function whole(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError('a whole number is wanted');
  return number;
}

function kind(text: string): ServerKind {
  if (text !== 'etcd' && text !== 'kontiki') throw new InvalidArgumentError('etcd or kontiki');
  return text;
}

const program = new Command('crash')
  .description('Kills a server under load, again and again, and checks that nothing promised was lost.')
  .option('--rounds <n>', 'how often', whole, 20)
  .option('--seed <n>', 'of the load and of the moments; timing is not repeatable', whole, Date.now() % 2_147_483_647)
  .option('--against <server>', 'kontiki or etcd', kind, 'kontiki')
  .option('--etcd <path>', 'where etcd is')
  .option('--writers <n>', 'clients that write', whole, 6)
  .option('--no-compact', 'do not compact while writing');

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
process.exitCode = await main(program.parse().opts<Arguments>());

async function main(options: Arguments): Promise<number> {
  console.log(`${options.against}, ${options.rounds} rounds, seed ${options.seed}`);
  const summary = await crashRun({ ...options, onRound: (round) => console.log(roundLine(round)) });
  for (const { rule, text } of summary.violations.slice(0, 20)) console.log(`VIOLATION (${rule}): ${text}`);
  if (summary.evidence !== undefined) console.log(`everything that was seen is in ${keep(summary.evidence)}`);
  console.log(closing(summary));
  return summary.violations.length === 0 ? 0 : 1;
}

function roundLine({ number, acked, unknown, revision, events, restartMs, crashes }: Round): string {
  return (
    `round ${number}: ${acked} writes acknowledged, ${unknown} unknown, revision ${revision}, ` +
    `${events} events, ${crashes} crashes, last restart ${restartMs.toFixed(0)} ms`
  );
}

function closing(summary: CrashSummary): string {
  const { acked, unknown, reads, revision, events, leases, compactions, crashes, violations, elapsedMs } = summary;
  return (
    `${crashes} crashes, ${acked} acknowledged writes, ${unknown} of unknown outcome, ${reads} reads, ${revision} revisions, ` +
    `${events} events, ${leases} leases, ${compactions} compactions: ${violations.length} violations in ` +
    `${(elapsedMs / 1_000).toFixed(0)} s`
  );
}

function keep(evidence: Evidence): string {
  const file = join(mkdtempSync(join(tmpdir(), 'kontiki-crash-')), 'evidence.json');
  const plain = (_: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return String(value);
    if (value instanceof Map) return Object.fromEntries(value);
    return value === Number.POSITIVE_INFINITY ? 'never' : value;
  };
  writeFileSync(file, JSON.stringify(evidence, plain, 1));
  return file;
}
