import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { EXPOSITION_CONTENT_TYPE } from '../observe/exposition.js';
import type { ScrapeMetrics } from '../observe/metrics.js';
import { type HttpHandler, textAnswer } from './answer.js';

const compress = promisify(gzip);

/** `/metrics`: any method, as etcd's library has it; compressed for those who take it. */
export function metricsHandler(metrics: { readonly scrape: ScrapeMetrics; expose(): Promise<string> }): HttpHandler {
  return async (request) => {
    const { inFlight, handled } = metrics.scrape;
    inFlight.add(1);
    try {
      const text = await metrics.expose();
      const headers = { 'Content-Type': EXPOSITION_CONTENT_TYPE };
      if (!takesGzip(request.headers['accept-encoding'])) {
        handled(200).add();
        return { status: 200, headers, body: text };
      }
      const body = await compress(text);
      handled(200).add();
      return { status: 200, headers: { ...headers, 'Content-Encoding': 'gzip' }, body };
    } catch (error) {
      handled(500).add();
      return textAnswer(500, `An error has occurred while serving metrics:\n\n${String(error)}`);
    } finally {
      inFlight.add(-1);
    }
  };
}

function takesGzip(header: string | string[] | undefined): boolean {
  const codings = String(header ?? '')
    .split(',')
    .map((coding) => coding.replaceAll(' ', '').toLowerCase());
  return codings.some((coding) => coding === 'gzip' || (coding.startsWith('gzip;q=') && Number(coding.slice(7)) > 0));
}
