import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Compared } from '../compare.js';
import type { LargeStore } from '../large-store.js';
import type { Limit } from '../limits/limit.js';
import type { Machine } from '../machine.js';
import type { Shape } from '../measure.js';
import { chart } from './chart.js';
import { summarize } from './summary.js';
import { comparisonTable, figure, largeTable, limitsTable, markdown, plain } from './table.js';

/** Everything a bench found, as it is kept. */
export interface Report {
  /** ISO 8601, when it began. */
  readonly startedAt: string;
  readonly machine: Machine;
  readonly shape: Shape;
  readonly runs: number;
  /** Kontiki's NODE_OPTIONS, when it had any. */
  readonly nodeOptions?: string;
  readonly limits: readonly Limit[];
  readonly compared: readonly Compared[];
  /** A store of many keys, per server; empty when it was not asked for. */
  readonly large: readonly LargeStore[];
}

/** For a terminal. */
export function reportText(report: Report): string {
  const summaries = report.compared.map(summarize);
  return [
    ...facts(report),
    '',
    plain(comparisonTable(summaries)),
    ...(report.large.length === 0 ? [] : ['', plain(largeTable(report.large))]),
    ...(report.limits.length === 0 ? [] : ['', plain(limitsTable(report.limits))]),
    '',
    ...warnings(report).map((warning) => `Note: ${warning}`),
  ].join('\n');
}

/** @param chartFile the chart's name beside it */
export function reportMarkdown(report: Report, chartFile: string): string {
  const summaries = report.compared.map(summarize);
  const both = summaries.some(({ ratios }) => ratios !== undefined);
  return [
    `# Kontiki and etcd, ${report.startedAt.slice(0, 10)}`,
    '',
    ...facts(report).map((fact) => `- ${fact}`),
    ...warnings(report).map((warning) => `- **${warning}**`),
    '',
    markdown(comparisonTable(summaries)),
    '',
    ...(both ? [`![Kontiki by etcd](${chartFile})`, ''] : []),
    ...(report.large.length === 0 ? [] : [markdown(largeTable(report.large)), '']),
    ...(report.limits.length === 0 ? [] : [markdown(limitsTable(report.limits)), '']),
    'How it is measured: [tools/bench](../../tools/bench/README.md).',
    '',
  ].join('\n');
}

/**
 * Writes `<date>-<what>.json`, `.md` and, when both servers were measured, `.svg`.
 * @returns the files
 */
export function saveReport(report: Report, folder: string, what: string): string[] {
  const stem = `${report.startedAt.slice(0, 10)}-${what}`;
  const summaries = report.compared.map(summarize);
  const files: [string, string][] = [
    [`${stem}.json`, `${JSON.stringify({ ...report, summaries }, null, 2)}\n`],
    [`${stem}.md`, reportMarkdown(report, `${stem}.svg`)],
  ];
  if (summaries.some(({ ratios }) => ratios !== undefined)) files.push([`${stem}.svg`, chart(summaries)]);
  mkdirSync(folder, { recursive: true });
  return files.map(([name, text]) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  });
}

function facts({ machine, shape, runs, nodeOptions }: Report): string[] {
  const gigabytes = Math.round(machine.memoryBytes / 1e9);
  return [
    `Kontiki ${machine.kontiki} on Node ${machine.node}, etcd ${machine.etcd}, ${machine.h2load}`,
    `${machine.cores} x ${machine.cpu}, ${gigabytes} GB, Linux ${machine.kernel}, ${machine.fileSystem}`,
    `${runs} ${runs === 1 ? 'run' : 'runs'} of about ${shape.seconds} s after ${shape.warmUpSeconds} s of warm-up, ` +
      `${shape.connections} connections with ${shape.streams} streams (lists: 1)`,
    ...(nodeOptions === undefined ? [] : [`NODE_OPTIONS of Kontiki: ${nodeOptions}`]),
  ];
}

/** What a reader must know before believing a figure. */
export function warnings({ machine, compared, runs }: Report): string[] {
  const found: string[] = [];
  if (machine.loadBefore > machine.cores / 4) {
    found.push(`the machine was busy with something else (load ${figure(machine.loadBefore)} before the first run)`);
  }
  if (runs < 3) found.push(`${runs === 1 ? 'one run says' : `${runs} runs say`} nothing about the spread`);
  if (machine.fileSystem.startsWith('tmpfs')) found.push('the directories were in memory: nothing waited for a disk');
  for (const { title, runs: byServer } of compared) {
    for (const [kind, list] of Object.entries(byServer)) {
      const most = Math.max(...list.map((run) => run.generatorCores));
      if (most > 0.9)
        found.push(`${title}, ${kind}: the load generator took ${figure(most)} cores and may be the limit`);
    }
  }
  return found;
}
