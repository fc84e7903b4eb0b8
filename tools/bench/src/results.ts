import type { Latencies } from './h2load-output.js';
import { median, spread } from './statistics.js';

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
