import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { findEtcd, repositoryRoot, type ServerKind } from '../../harness/src/index.js';
import { bench } from './driver/bench.js';
import { markdownOf, type Sample } from './results.js';

interface Arguments {
  readonly against: 'etcd' | 'none';
  readonly etcd?: string;
  readonly connections: number;
  readonly streams: number;
  readonly runs: number;
  readonly seconds: number;
  readonly quick: boolean;
  readonly out: string;
}

function positive(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('a whole number from 1 on is wanted');
  return number;
}

function peer(text: string): 'etcd' | 'none' {
  if (text !== 'etcd' && text !== 'none') throw new InvalidArgumentError('etcd or none');
  return text;
}

const program = new Command('bench')
  .description('Measures Kontiki beside etcd with h2load.')
  .option('--against <server>', 'etcd, or none for Kontiki alone', peer, 'etcd')
  .option('--etcd <path>', 'where etcd is')
  .option('--connections <n>', 'connections', positive, 100)
  .option('--streams <n>', 'concurrent streams of each connection', positive, 10)
  .option('--runs <n>', 'runs of each kind of work on each server', positive, 5)
  .option('--seconds <n>', 'about how long a run takes', positive, 5)
  .option('--quick', 'one short run of each: to see that it works, not to compare', false)
  .option('--out <folder>', 'where the report goes', join(repositoryRoot, 'docs', 'benchmarks'));

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
try {
  await main(program.parse().opts<Arguments>());
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

async function main(options: Arguments): Promise<void> {
  const { against, quick, out, connections, streams, etcd } = options;
  const found = against === 'etcd' ? findEtcd(etcd) : undefined;
  if (against === 'etcd' && found === undefined) {
    console.log('there is no etcd (tools/setup/install-etcd.sh brings one): Kontiki alone is measured');
  }
  const servers: readonly ServerKind[] = found === undefined ? ['kontiki'] : ['kontiki', 'etcd'];
  const report = await bench({
    servers,
    connections,
    streams,
    runs: quick ? 1 : options.runs,
    seconds: quick ? 1 : options.seconds,
    ...(found === undefined ? {} : { etcd: found }),
    onSample: (sample) => console.log(sampleLine(sample)),
  });
  const text = markdownOf(report);
  mkdirSync(out, { recursive: true });
  const name = join(out, report.date.slice(0, 16).replace('T', '-').replace(':', ''));
  writeFileSync(`${name}.json`, `${JSON.stringify(report, undefined, 2)}\n`);
  writeFileSync(`${name}.md`, text);
  console.log(`\n${text}\n${name}.md, .json`);
}

function sampleLine({ scenario, server, requestsPerSecond, p99, cpuMicrosecondsPerRequest }: Sample): string {
  return `${server.padEnd(8)} ${scenario}: ${requestsPerSecond.toFixed(0)}/s, p99 ${p99.toFixed(2)} ms, ${cpuMicrosecondsPerRequest.toFixed(1)} µs CPU`;
}
