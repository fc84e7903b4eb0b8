import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { h2load } from '../h2load/h2load.js';
import { loads, randomValue } from '../loads.js';
import { cpuSecondsOf } from '../process-usage.js';
import { percentile } from '../spread.js';
import { ChildServer } from './child-server.js';
import type { Limit } from './limit.js';

/** The put load against a Node HTTP/2 server that does nothing but answer. */
export async function http2Limit(
  connections: number,
  streams: number,
  seconds: number,
  scratch: string,
): Promise<Limit> {
  const put = loads.find(({ name }) => name === 'put')!;
  const bodyFile = join(scratch, 'http2-body');
  writeFileSync(bodyFile, put.body(1, randomValue()));
  const server = await ChildServer.start('./http2-server.ts');
  try {
    const url = `http://127.0.0.1:${server.port}${put.path}`;
    const common = { url, bodyFile, connections, streams, logFile: join(scratch, 'http2-log') };
    const warmUp = await h2load({ ...common, until: { seconds } });
    const requests = Math.max(connections * streams, Math.round(warmUp.log.lateRequestsPerSecond * seconds));
    const cpuBefore = cpuSecondsOf(server.pid) ?? 0;
    const { log } = await h2load({ ...common, until: { requests } });
    const cpuSeconds = (cpuSecondsOf(server.pid) ?? 0) - cpuBefore;
    return {
      name: "answer a put over Node's HTTP/2, doing nothing",
      perSecond: requests / log.seconds,
      p50Ms: percentile(log.latenciesUs, 0.5) / 1e3,
      p99Ms: percentile(log.latenciesUs, 0.99) / 1e3,
      cpuMicrosPerRequest: (cpuSeconds / requests) * 1e6,
    };
  } finally {
    await server.stop();
  }
}
