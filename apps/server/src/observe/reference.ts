import type { MetricSpec } from './metric-family.js';
import { EXTENSIVE_METRICS, METRICS, PROCESS_METRICS } from './metric-table.js';

/** docs/reference/metrics.md, from the same table as `/metrics`. */
export function metricsReference(): string {
  return `${[
    '# Metrics of kontikid',
    '',
    '<!-- Generated from apps/server/src/observe/metric-table.ts: change the table there, then run `vitest -u`. -->',
    '',
    'Served as Prometheus text at `/metrics` on every client address that speaks HTTP and on `--listen-metrics-urls`. Names, types, labels and buckets are those of etcd 3.6, so its dashboards and alerts work.',
    '',
    'A metric without labels starts at 0; one with labels appears with its first use. The `grpc_server_` counters appear at 0 for every method that is served. Some names end in `_total` and are gauges: so they are in etcd.',
    '',
    ...table(METRICS.filter(({ idle }) => idle === undefined)),
    '',
    '## At 0 for now, or for good',
    '',
    'These names are served because dashboards and checks ask for them. What they count does not happen on this server, so they stay at 0, empty or, with labels, absent.',
    '',
    ...idleTable(METRICS),
    '',
    '## With `--metrics=extensive`',
    '',
    ...table(EXTENSIVE_METRICS),
    '',
    '## Of the process',
    '',
    'File descriptors and address space are known on Linux alone. There are no `go_` metrics.',
    '',
    ...table(PROCESS_METRICS),
  ].join('\n')}\n`;
}

function idleTable(specs: readonly MetricSpec[]): readonly string[] {
  return [
    '| Name | Type | Labels | Meaning | Why |',
    '|---|---|---|---|---|',
    ...specs
      .filter(({ idle }) => idle !== undefined)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, type, labels = [], help, idle }) => {
        return `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help} | ${idle} |`;
      }),
  ];
}

function table(specs: readonly MetricSpec[]): readonly string[] {
  return [
    '| Name | Type | Labels | Buckets | Meaning |',
    '|---|---|---|---|---|',
    ...specs
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, type, labels = [], buckets, help }) => {
        const bounds = buckets === undefined ? '' : `${buckets[0]} to ${buckets.at(-1)}, ${buckets.length} buckets`;
        return `| \`${name}\` | ${type} | ${labels.join(', ')} | ${bounds} | ${help} |`;
      }),
  ];
}
