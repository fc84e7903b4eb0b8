import { percentile } from './figures.js';

/** What h2load says of a run. */
export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly seconds: number;
  readonly done: number;
  /** HTTP status 2xx. gRPC errors are among them: the status is in trailers h2load does not look at. */
  readonly succeeded: number;
  /** Payload of DATA frames received, bytes. */
  readonly dataBytes: number;
}

/** Latencies of single requests, milliseconds. */
export interface Latencies {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Reads the text h2load prints at the end. @throws Error when a line that is needed is not there */
export function parseSummary(text: string): LoadResult {
  const finished = /finished in ([\d.]+)(us|ms|s|m), ([\d.]+) req\/s/.exec(text);
  const requests = /requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded/.exec(text);
  const traffic = /\((\d+)\) data\s*$/m.exec(text);
  if (finished === null || requests === null || traffic === null) throw new Error(`h2load said:\n${text}`);
  return {
    seconds: Number(finished[1]) * secondsIn(finished[2]!),
    requestsPerSecond: Number(finished[3]),
    done: Number(requests[1]),
    succeeded: Number(requests[2]),
    dataBytes: Number(traffic[1]),
  };
}

/** Reads a `--log-file`: start (µs), HTTP status, duration (µs) of each request, separated by tabs. */
export function parseLog(text: string): Latencies {
  const microseconds: number[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const duration = Number(line.split('\t')[2]);
    if (!Number.isFinite(duration)) throw new Error(`not a line of an h2load log: ${line}`);
    microseconds.push(duration);
  }
  const sorted = Float64Array.from(microseconds).sort();
  return {
    p50: percentile(sorted, 0.5) / 1_000,
    p99: percentile(sorted, 0.99) / 1_000,
    p999: percentile(sorted, 0.999) / 1_000,
    max: percentile(sorted, 1) / 1_000,
  };
}

function secondsIn(unit: string): number {
  return { us: 1e-6, ms: 1e-3, s: 1, m: 60 }[unit] ?? Number.NaN;
}
