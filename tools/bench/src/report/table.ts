import type { LargeStore } from '../large-store.js';
import type { Limit } from '../limits/limit.js';
import { figures, type Summary } from './summary.js';

/** Cells as text; the first row is the head. The first `left` columns are words, the others numbers. */
export interface Table {
  readonly rows: readonly (readonly string[])[];
  readonly left: number;
}

/** For each load a row per server, then what the one is to the other. */
export function comparisonTable(summaries: readonly Summary[]): Table {
  const head = [
    'load',
    'server',
    ...figures.flatMap(({ name, title }) => (name === 'throughput' ? [title, 'min-max'] : [title])),
  ];
  const rows = summaries.flatMap(({ title, servers, ratios }) => {
    const lines = Object.entries(servers).map(([kind, spreads]) => [
      kind,
      ...figures.flatMap(({ name }) => {
        const { median, min, max } = spreads[name];
        return name === 'throughput' ? [figure(median), `${figure(min)}-${figure(max)}`] : [figure(median)];
      }),
    ]);
    if (ratios !== undefined) {
      const cells = figures.flatMap(({ name }) =>
        name === 'throughput' ? [ratio(ratios[name]), ''] : [ratio(ratios[name])],
      );
      lines.push(['kontiki / etcd', ...cells]);
    }
    return lines.map((cells, i) => [i === 0 ? title : '', ...cells]);
  });
  return { rows: [head, ...rows], left: 2 };
}

export function limitsTable(limits: readonly Limit[]): Table {
  const rows = limits.map(({ name, perSecond, p50Ms, p99Ms, cpuMicrosPerRequest }) => [
    name,
    figure(perSecond),
    figure(p50Ms),
    figure(p99Ms),
    cpuMicrosPerRequest === undefined ? '' : figure(cpuMicrosPerRequest),
  ]);
  return { rows: [['limit of this machine', 'per s', 'p50 ms', 'p99 ms', 'CPU µs'], ...rows], left: 1 };
}

/** What a store of many keys costs: a row per figure, a column per server. */
export function largeTable(results: readonly LargeStore[]): Table {
  const keys = (results[0]?.keys ?? 0).toLocaleString('en');
  const row = (name: string, value: (result: LargeStore) => number): string[] => [
    name,
    ...results.map((result) => figure(value(result))),
  ];
  return {
    rows: [
      [`${keys} keys x 256 B`, ...results.map(({ server }) => server)],
      row('load them, 100 puts a transaction, s', (result) => result.loadSeconds),
      row('RSS after that, MB', (result) => result.loadedBytes / 1e6),
      row('a page of 500 keys and the count of all after it, ms', (result) => result.pageMs),
      row('read a snapshot, s', (result) => result.snapshotSeconds),
      row('its size, MB', (result) => result.snapshotBytes / 1e6),
      row('restart until the first answer, s', (result) => result.restartMs / 1e3),
      row('RSS after that, MB', (result) => result.restartedBytes / 1e6),
    ],
    left: 1,
  };
}

/** For a terminal: columns two spaces apart. */
export function plain({ rows, left }: Table): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i < left ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}

export function markdown({ rows, left }: Table): string {
  const [head, ...body] = rows;
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
  return [line(head!), line(head!.map((_, i) => (i < left ? '---' : '--:'))), ...body.map(line)].join('\n');
}

/** A number to three digits, more where it is large. */
export function figure(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function ratio(value: number): string {
  return `${value.toFixed(2)}x`;
}
