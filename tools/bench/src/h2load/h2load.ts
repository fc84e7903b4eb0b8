import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { cpuSecondsOf } from '../process-usage.js';
import { parseLog, type RequestLog } from './log.js';
import { parseTotals, type Totals } from './output.js';

export interface H2loadOptions {
  readonly url: string;
  readonly bodyFile: string;
  readonly connections: number;
  /** Requests in flight on each connection. */
  readonly streams: number;
  /** So many requests; or as many as go in that time, the last of which are then broken off. */
  readonly until: { readonly requests: number } | { readonly seconds: number };
  /** Where it writes a line per request; removed afterwards. */
  readonly logFile: string;
}

export interface H2loadRun {
  readonly totals: Totals;
  readonly log: RequestLog;
  /** How much of one core the load generator itself took; near 1 it is what was measured. */
  readonly generatorCores: number;
}

/** A connection without any answer for that long is given up. */
const INACTIVITY_SECONDS = 30;
const SAMPLE_MS = 100;

/** @returns for example `h2load nghttp2/1.52.0`; undefined when it is not installed */
export function h2loadVersion(): string | undefined {
  const { status, stdout } = spawnSync('h2load', ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** Runs h2load once over HTTP/2 without TLS, posting `bodyFile` as gRPC. @throws Error when it fails as a program */
export async function h2load(options: H2loadOptions): Promise<H2loadRun> {
  rmSync(options.logFile, { force: true }); // it appends
  const child = spawn('h2load', argumentsOf(options), { stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part) => (text += part));
  let generatorSeconds = 0;
  const sampler = setInterval(() => {
    generatorSeconds = (child.pid === undefined ? undefined : cpuSecondsOf(child.pid)) ?? generatorSeconds;
  }, SAMPLE_MS);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code !== 0) throw new Error(`h2load ended with code ${code}:\n${text.slice(-2_000)}`);
    const log = parseLog(readFileSync(options.logFile, 'latin1'));
    const generatorCores = log.seconds === 0 ? 0 : generatorSeconds / log.seconds;
    return { totals: parseTotals(text), log, generatorCores };
  } finally {
    clearInterval(sampler);
    process.removeListener('exit', kill);
    rmSync(options.logFile, { force: true });
  }
}

function argumentsOf({ url, bodyFile, connections, streams, until, logFile }: H2loadOptions): string[] {
  return [
    ...('requests' in until ? [`--requests=${until.requests}`] : [`--duration=${Math.round(until.seconds * 1e3)}ms`]),
    `--clients=${connections}`,
    `--max-concurrent-streams=${streams}`,
    `--connection-inactivity-timeout=${INACTIVITY_SECONDS}`,
    `--data=${bodyFile}`,
    '--header=content-type: application/grpc',
    '--header=te: trailers',
    `--log-file=${logFile}`,
    url,
  ];
}
