import { join } from 'node:path';
import { rpc } from '@kontiki/proto';
import { ChangingFile } from './changing-file.js';
import { framedBytes } from './grpc-frame.js';
import { type H2loadRun, h2load } from './h2load/h2load.js';
import { KEY_SPACE, type Load, randomKey, randomValue, VALUE_BYTES } from './loads.js';
import type { BenchServer } from './server.js';
import { percentile } from './spread.js';

export interface Shape {
  readonly connections: number;
  /** Requests in flight on each connection, unless the load takes fewer. */
  readonly streams: number;
  /** How long a run should take; it is made of that many requests as the warm-up lets expect. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/** What one run came to. */
export interface Measured {
  readonly requests: number;
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** User and system time of the server, all threads. */
  readonly cpuMicrosPerRequest: number;
  /** The same time as a share of one core. */
  readonly cpuCores: number;
  /** At the end of the run. */
  readonly rssBytes: number;
  /** Since the server's start. */
  readonly peakRssBytes: number;
  /** What the load generator took of one core: near 1 it was the limit, not the server. */
  readonly generatorCores: number;
  /** Different keys the run wrote; 0 for reads. */
  readonly keysWritten: number;
}

const ANSWERS_PROBED = 50;
/** Each stream makes so many requests at least: the first ones arrive all at once, which says little. */
const ROUNDS_MIN = 3;

export interface MeasureHooks {
  /** Called right before and right after the measured requests. */
  readonly before?: () => Promise<void>;
  readonly after?: () => Promise<void>;
}

/**
 * Warms the server up, then runs the load once and makes sure that it really happened.
 *
 * @param scratch a folder for the body and the log, best in memory
 * @throws Error when any request failed, or succeeded only for HTTP
 */
export async function measure(
  server: BenchServer,
  load: Load,
  shape: Shape,
  scratch: string,
  hooks: MeasureHooks = {},
): Promise<Measured> {
  const streams = Math.min(shape.streams, load.streamsMax ?? shape.streams);
  const answers = await answersOf(server, load);
  const body = new ChangingFile(join(scratch, 'body'), () => load.body(randomKey(), randomValue()), load.varies);
  const common = {
    url: server.url + load.path,
    bodyFile: body.path,
    connections: shape.connections,
    streams,
    logFile: join(scratch, 'log'),
  };
  try {
    const warmUp = await h2load({ ...common, until: { seconds: shape.warmUpSeconds } });
    const expected = Math.round(warmUp.log.lateRequestsPerSecond * shape.seconds);
    const requests = Math.max(expected, ROUNDS_MIN * shape.connections * streams);
    const revisionBefore = await server.settledRevision();
    await hooks.before?.();
    const before = server.usage();
    const run = await h2load({ ...common, until: { requests } });
    const after = server.usage();
    await hooks.after?.();
    verifyTotals(run, requests);
    const keysWritten = load.writes ? await server.keysWrittenAfter(revisionBefore) : 0;
    const problem = load.writes
      ? writesProblem(requests, (await server.revision()) - revisionBefore)
      : readsProblem(requests, run.totals.dataBytes, answers);
    if (problem !== undefined) throw new Error(`${load.title}: ${problem}`);
    await answersOf(server, load);
    const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
    return {
      requests,
      seconds: run.log.seconds,
      requestsPerSecond: requests / run.log.seconds,
      p50Ms: percentile(run.log.latenciesUs, 0.5) / 1e3,
      p99Ms: percentile(run.log.latenciesUs, 0.99) / 1e3,
      p999Ms: percentile(run.log.latenciesUs, 0.999) / 1e3,
      maxMs: percentile(run.log.latenciesUs, 1) / 1e3,
      cpuMicrosPerRequest: (cpuSeconds / requests) * 1e6,
      cpuCores: cpuSeconds / run.log.seconds,
      rssBytes: after.rssBytes,
      peakRssBytes: after.peakRssBytes,
      generatorCores: run.generatorCores,
      keysWritten,
    };
  } finally {
    body.close();
  }
}

/** The sizes answers may have. */
export interface AnswerBytes {
  readonly min: number;
  readonly max: number;
}

/** undefined when as many revisions were made as requests answered. */
export function writesProblem(requests: number, revisions: number): string | undefined {
  if (revisions === requests) return undefined;
  return `${requests} requests were answered, but the store is ${revisions} revisions further`;
}

/** undefined when the bodies of all answers together have the size of so many good ones: an error has no body. */
export function readsProblem(requests: number, dataBytes: number, { min, max }: AnswerBytes): string | undefined {
  const [least, most] = [requests * framedBytes(min), requests * framedBytes(max)];
  if (dataBytes >= least && dataBytes <= most) return undefined;
  return `${requests} answers should have ${least === most ? least : `${least} to ${most}`} bytes, but had ${dataBytes}`;
}

/** undefined when an answer holds as many keys as it should, each with a whole value. */
export function rangeProblem({ kvs }: rpc.RangeResponse, keys: number): string | undefined {
  const whole = kvs.filter(({ value }) => value.length === VALUE_BYTES).length;
  if (kvs.length === keys && whole === keys) return undefined;
  return `an answer should have ${keys} keys with values, but had ${kvs.length} keys and ${whole} whole values`;
}

/** Makes the call by itself, some times: it must succeed and hold what it should. */
async function answersOf(server: BenchServer, load: Load): Promise<AnswerBytes> {
  const keys = load.varies ? [0, KEY_SPACE - 1, ...Array.from({ length: ANSWERS_PROBED }, randomKey)] : [0];
  const sizes: number[] = [];
  for (const key of keys) {
    const message = load.body(key, randomValue()).subarray(framedBytes(0));
    const answer = await server.answer(load.path, message);
    const problem = load.writes ? undefined : rangeProblem(rpc.RangeResponse.decode(answer), load.keysAnswered);
    if (problem !== undefined) throw new Error(`${load.title}: ${problem}`);
    sizes.push(answer.length);
  }
  return { min: Math.min(...sizes), max: Math.max(...sizes) };
}

function verifyTotals({ totals, log }: H2loadRun, requests: number): void {
  const { done, succeeded, failed, statuses } = totals;
  const good = done === requests && succeeded === requests && failed === 0 && statuses.others === 0;
  if (good && log.requests === requests && log.failed === 0) return;
  throw new Error(
    `of ${requests} requests ${done} were done, ${succeeded} succeeded, ${failed} failed; ` +
      `HTTP: ${statuses['2xx']} 2xx, ${statuses.others} others; log: ${log.requests} lines, ${log.failed} failures`,
  );
}
