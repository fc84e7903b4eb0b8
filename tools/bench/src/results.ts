import { median, spread } from './figures.js';
import type { Latencies } from './h2load-output.js';

/** One run of one scenario on one server. */
export interface Sample extends Latencies {
  readonly scenario: string;
  readonly server: string;
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Of the server process, all its threads. */
  readonly cpuMicrosecondsPerRequest: number;
  /** Resident memory of the server afterwards, bytes. */
  readonly residentBytes: number;
}

/** What a report says of one scenario on one server: medians over its samples. */
export interface Row extends Sample {
  readonly samples: number;
  /** Of the throughput; see `statistics.spread`. */
  readonly spread: number;
}

/** A store of many keys of 256 B, on one server. */
export interface LargeResult {
  readonly server: string;
  readonly keys: number;
  readonly loadSeconds: number;
  /** Resident memory after loading, and after the restart. */
  readonly loadedBytes: number;
  readonly restartedBytes: number;
  /** One page of 500 keys with the count of all that follow; median. */
  readonly pageMs: number;
  readonly snapshotSeconds: number;
  readonly snapshotBytes: number;
  /** From the start of the process to the first linearizable answer. */
  readonly restartMs: number;
}

export interface Report {
  /** ISO 8601, UTC. */
  readonly date: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryBytes: number;
    readonly system: string;
    readonly node: string;
    /** fdatasync calls a second on the disk used, after an append of 4 KiB each. */
    readonly fsyncsPerSecond: number;
    /** One-minute load before the first run: on a busy machine only the ratios mean anything, if those. */
    readonly loadBefore: number;
  };
  readonly versions: Readonly<Record<string, string>>;
  readonly load: {
    readonly connections: number;
    readonly streams: number;
    readonly runs: number;
    readonly seconds: number;
  };
  readonly samples: readonly Sample[];
  /** Absent when it was not asked for. */
  readonly large?: readonly LargeResult[];
}

/** Rows in the order the scenarios first ran. */
export function rowsOf(samples: readonly Sample[]): Row[] {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const name = `${sample.scenario}\n${sample.server}`;
    groups.set(name, [...(groups.get(name) ?? []), sample]);
  }
  return [...groups.values()].map((group) => {
    const [first] = group;
    const middle = (field: keyof Sample & keyof Pick<Row, NumberField>): number =>
      median(group.map((sample) => sample[field]));
    return {
      scenario: first!.scenario,
      server: first!.server,
      samples: group.length,
      requests: middle('requests'),
      requestsPerSecond: middle('requestsPerSecond'),
      spread: spread(group.map(({ requestsPerSecond }) => requestsPerSecond)),
      p50: middle('p50'),
      p99: middle('p99'),
      p999: middle('p999'),
      max: middle('max'),
      cpuMicrosecondsPerRequest: middle('cpuMicrosecondsPerRequest'),
      residentBytes: middle('residentBytes'),
    };
  });
}

type NumberField = Exclude<keyof Sample, 'scenario' | 'server'>;

/** The report as Markdown. */
export function markdownOf(report: Report): string {
  const { machine, load, versions } = report;
  const rows = rowsOf(report.samples);
  return [
    `# Benchmark of ${report.date.slice(0, 10)}`,
    '',
    `${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}. One member, fsync on, load generator (h2load) on the same machine.`,
    `${machine.cpu}, ${machine.cores} cores, ${(machine.memoryBytes / 2 ** 30).toFixed(0)} GiB, ${machine.system}, ` +
      `Node ${machine.node}; ${machine.fsyncsPerSecond.toFixed(0)} fsyncs a second; load ${machine.loadBefore.toFixed(1)} before the first run.`,
    `${load.connections} connections × ${load.streams} streams (a tenth of the connections for lists), ${load.runs} runs ` +
      `of about ${load.seconds} s each, the servers in turn; medians, ± half the range of the throughput.`,
    '',
    '| work | server | requests/s | ± | p50 ms | p99 ms | p99.9 ms | CPU µs/request | memory MiB |',
    '|---|---|--:|--:|--:|--:|--:|--:|--:|',
    ...rows.map(rowLine),
    '',
    ...ratioLines(rows),
    ...largeLines(report.large ?? []),
    '',
  ].join('\n');
}

function rowLine(row: Row): string {
  const cells = [
    row.scenario,
    row.server,
    row.requestsPerSecond.toFixed(0),
    `${(row.spread * 100).toFixed(0)} %`,
    row.p50.toFixed(2),
    row.p99.toFixed(2),
    row.p999.toFixed(2),
    row.cpuMicrosecondsPerRequest.toFixed(1),
    (row.residentBytes / 2 ** 20).toFixed(0),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Kontiki beside etcd, where both ran. */
function ratioLines(rows: readonly Row[]): string[] {
  const names = [...new Set(rows.map(({ scenario }) => scenario))];
  const lines = names.flatMap((scenario) => {
    const [kontiki, etcd] = ['kontiki', 'etcd'].map((server) =>
      rows.find((row) => row.scenario === scenario && row.server === server),
    );
    if (kontiki === undefined || etcd === undefined) return [];
    const throughput = kontiki.requestsPerSecond / etcd.requestsPerSecond;
    const cpu = kontiki.cpuMicrosecondsPerRequest / etcd.cpuMicrosecondsPerRequest;
    return [`| ${scenario} | ${throughput.toFixed(2)} × | ${cpu.toFixed(2)} × |`];
  });
  return lines.length === 0 ? [] : ['| Kontiki to etcd | throughput | CPU per request |', '|---|--:|--:|', ...lines];
}

function largeLines(results: readonly LargeResult[]): string[] {
  const [first] = results;
  if (first === undefined) return [];
  const line = (name: string, value: (result: LargeResult) => string): string =>
    `| ${name} | ${results.map(value).join(' | ')} |`;
  const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  return [
    '',
    `| ${first.keys.toLocaleString('en')} keys × 256 B | ${results.map(({ server }) => server).join(' | ')} |`,
    `|---|${results.map(() => '--:|').join('')}`,
    line('load, s (transactions of 100 puts)', (result) => result.loadSeconds.toFixed(1)),
    line('memory after it, MiB', (result) => mebibytes(result.loadedBytes)),
    line('page of 500 with the count, ms', (result) => result.pageMs.toFixed(1)),
    line('snapshot, s', (result) => result.snapshotSeconds.toFixed(1)),
    line('size of the snapshot, MiB', (result) => mebibytes(result.snapshotBytes)),
    line('restart until the first answer, s', (result) => (result.restartMs / 1_000).toFixed(2)),
    line('memory after it, MiB', (result) => mebibytes(result.restartedBytes)),
  ];
}
