import type { IncomingHttpHeaders } from 'node:http';

/** A request as far as the operational endpoints look at it: none of them reads a body. */
export interface HttpRequest {
  readonly method: string;
  /** Decoded, clean, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export type HttpHandler = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;

/** Handlers by exact path. */
export type Routes = ReadonlyMap<string, HttpHandler>;

export const TEXT = 'text/plain; charset=utf-8';

/** A word to whoever asked, in the form Go's library gives errors: one line, and not to be taken for anything but text. */
export function textAnswer(status: number, line: string, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return {
    status,
    headers: { ...headers, 'Content-Type': TEXT, 'X-Content-Type-Options': 'nosniff' },
    body: `${line}\n`,
  };
}

export const NOT_FOUND: HttpAnswer = textAnswer(404, '404 page not found');

/** Answers anything but GET with 405; HEAD too, as etcd does. */
export function onlyGet(handler: HttpHandler, onRefused: (request: HttpRequest) => void = () => {}): HttpHandler {
  return (request) => {
    if (request.method === 'GET') return handler(request);
    onRefused(request);
    return textAnswer(405, 'Method Not Allowed', { Allow: 'GET' });
  };
}
