import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { findEtcdctl, type ServerKind } from '../../harness/src/index.js';
import { Cluster } from './cluster.js';
import type { Nemesis } from './nemesis/context.js';
import { NEMESES, type NemesisReport, runNemesis } from './nemesis/run.js';

interface StartArguments {
  readonly size: number;
  readonly dir?: string;
  readonly server: ServerKind;
  readonly etcd?: string;
}

interface NemesisArguments {
  readonly members: number;
  readonly rounds: number;
  readonly minutes: number;
  readonly clients: number;
  readonly seed: number;
  readonly server: ServerKind;
  readonly etcd?: string;
  readonly keep: boolean;
}

const program = new Command('cluster').description('Real members as processes: to try things, and to break them.');
program
  .command('start')
  .description('start a cluster and keep it until Ctrl-C')
  .option('--size <n>', 'members', atLeastOne, 3)
  .option('--dir <path>', 'where their data stays; a temporary directory otherwise')
  .option('--server <kind>', 'kontiki or etcd', kindOf, 'kontiki')
  .option('--etcd <path>', 'where etcd is')
  .action(start);
const nemesis = program.command('nemesis').description('trouble of one kind under load, everything checked');
for (const one of NEMESES) {
  nemesis
    .command(one.name)
    .description(one.description)
    .option('--members <n>', 'how many', atLeastOne, one.name === 'chaos' || one.name === 'resize' ? 5 : 3)
    .option('--rounds <n>', 'how often', atLeastOne, one.name === 'leader-kills' ? 100 : 3)
    .option('--minutes <n>', 'how long', Number, 5)
    .option('--clients <n>', 'clients of the load', atLeastOne, 8)
    .option('--seed <n>', 'of load and trouble; timing is not repeatable', Number, Date.now() % 2_147_483_647)
    .option('--server <kind>', 'kontiki or etcd', kindOf, 'kontiki')
    .option('--etcd <path>', 'where etcd is')
    .option('--keep', 'keep the data directories when something is wrong', false)
    .action((options: NemesisArguments) => trouble(one, options));
}
// Leaving this way takes the members along.
process.once('SIGTERM', () => process.exit(143));
const interrupted = (): never => process.exit(130);
process.once('SIGINT', interrupted);
await program.parseAsync();

async function start({ size, dir, server, etcd }: StartArguments): Promise<void> {
  const cluster = await Cluster.start({
    size,
    kind: server,
    ...(etcd === undefined ? {} : { etcd }),
    ...(dir === undefined ? {} : { directory: dir }),
  });
  const endpoints = cluster.members.map(({ endpoint }) => `http://${endpoint}`);
  for (const { name, endpoint, process } of cluster.members) {
    console.log(`${name}: http://${endpoint}  pid ${process.pid}  data ${process.dataDirectory}`);
  }
  console.log(`\n${findEtcdctl(etcd) ?? 'etcdctl'} --endpoints=${endpoints.join(',')} endpoint status -w table\n`);
  console.log('Ctrl-C stops it.');
  process.off('SIGINT', interrupted);
  await new Promise<void>((resolve) => process.once('SIGINT', () => resolve()));
  await Promise.all(cluster.members.map((member) => member.stop()));
  await cluster.dispose();
}

async function trouble(one: Nemesis, options: NemesisArguments): Promise<void> {
  const { server, seed, members, rounds, minutes, clients, keep, etcd } = options;
  const line = `npm run nemesis -- ${one.name} --server ${server} --members ${members} --rounds ${rounds} --minutes ${minutes} --clients ${clients} --seed ${seed}`;
  console.log(line);
  const startedAt = performance.now();
  const report = await runNemesis(one, {
    kind: server,
    ...(etcd === undefined ? {} : { etcd }),
    seed,
    members,
    rounds,
    minutes,
    keep,
    load: { clients },
    say: (text) => console.log(`${((performance.now() - startedAt) / 1_000).toFixed(1)} s  ${text}`),
  });
  for (const text of report.lines) console.log(text);
  for (const { rule, text } of report.violations.slice(0, 20)) console.log(`VIOLATION (${rule}): ${text}`);
  const elapsed = ((performance.now() - startedAt) / 1_000).toFixed(0);
  console.log(`${one.name} against ${server}: ${report.violations.length} violations in ${elapsed} s`);
  if (report.violations.length === 0) return;
  if (report.evidence !== undefined) console.log(`everything that was seen is in ${save(report.evidence)}`);
  if (report.directory !== undefined) console.log(`the members' directories and logs are in ${report.directory}`);
  console.log(`again: ${line}`);
  process.exitCode = 1;
}

function save(evidence: NonNullable<NemesisReport['evidence']>): string {
  const file = join(mkdtempSync(join(tmpdir(), 'kontiki-nemesis-')), 'evidence.json');
  const plain = (_: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return String(value);
    if (value instanceof Map) return Object.fromEntries(value);
    return value === Number.POSITIVE_INFINITY ? 'never' : value;
  };
  writeFileSync(file, JSON.stringify(evidence, plain, 1));
  return file;
}

function atLeastOne(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('a whole number of at least 1 is wanted');
  return number;
}

function kindOf(text: string): ServerKind {
  if (text !== 'etcd' && text !== 'kontiki') throw new InvalidArgumentError('etcd or kontiki');
  return text;
}
