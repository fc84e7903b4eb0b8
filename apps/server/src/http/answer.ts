import type { IncomingHttpHeaders } from 'node:http';

/** A request as far as an endpoint looks at it. */
export interface HttpRequest {
  readonly method: string;
  /** Decoded, clean, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Whole, and of bounded size; empty for a handler that does not read it (see {@link readingBody}). */
  readonly body: Uint8Array;
  /** Aborted when whoever asked is gone before there was an answer. */
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export interface HttpHandler {
  (request: HttpRequest): HttpAnswer | Promise<HttpAnswer>;
  /** It is called once the body is there. Others are called at once, and what is sent to them passes unread. */
  readonly readsBody?: true;
}

/** Handlers by path: exactly that one, or, where it ends in a slash, all below it that have none of their own. */
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

/** The same handler, given the body too. */
export function readingBody(handler: (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>): HttpHandler {
  return Object.assign((request: HttpRequest) => handler(request), { readsBody: true } as const);
}

/** Answers anything but GET with 405; HEAD too, as etcd does. */
export function onlyGet(handler: HttpHandler, onRefused: (request: HttpRequest) => void = () => {}): HttpHandler {
  return (request) => {
    if (request.method === 'GET') return handler(request);
    onRefused(request);
    return textAnswer(405, 'Method Not Allowed', { Allow: 'GET' });
  };
}
