import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { posix } from 'node:path';
import { type Clock, Deferred, type Logger } from '@kontiki/std';
import { type AccessRules, checkAccess } from './access.js';
import { type HttpAnswer, NOT_FOUND, type Routes, textAnswer } from './answer.js';

export interface HttpOptions {
  readonly routes: Routes;
  /** Rules of a client address; undefined: none, as on the others. */
  readonly access: AccessRules | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<HttpLimits>;
}

export interface HttpLimits {
  /** Of all header lines together; beyond: 431. */
  readonly headerBytes: number;
  /** Of a body, which nobody reads; beyond: 413. */
  readonly bodyBytes: number;
  /** From the first byte of a request to the end of its headers; beyond: 408. */
  readonly headersMs: number;
  /** From the first byte of a request to its last; beyond: 408. */
  readonly requestMs: number;
  /** A connection without a request is closed after this. */
  readonly idleMs: number;
  /** How often the two times above are looked at. */
  readonly checkMs: number;
}

const DEFAULT_LIMITS: HttpLimits = {
  headerBytes: 16 * 1024,
  bodyBytes: 64 * 1024,
  headersMs: 10_000,
  requestMs: 30_000,
  idleMs: 120_000,
  checkMs: 1000,
};

/** HTTP/1.1 for the operational endpoints, on connections that somebody else accepted. */
export class HttpFront {
  readonly #options: HttpOptions;
  readonly #limits: HttpLimits;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #closing: Deferred<void> | undefined;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#server = createServer(
      {
        maxHeaderSize: this.#limits.headerBytes,
        headersTimeout: this.#limits.headersMs,
        requestTimeout: this.#limits.requestMs,
        keepAliveTimeout: this.#limits.idleMs,
        connectionsCheckingInterval: this.#limits.checkMs,
      },
      (request, response) => this.#serve(request, response),
    );
    // Node looks at the times of a server's connections only from this event on; the server itself never listens.
    this.#server.emit('listening');
  }

  /** Takes the connection over. What was read from it already must have been put back. */
  accept(socket: Socket): void {
    if (this.#closing !== undefined) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#closing?.resolve();
    });
    this.#server.emit('connection', socket);
  }

  /** Answers what is being asked, closes every connection, after `graceMs` by force. */
  async close(graceMs: number): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = new Deferred();
      // Closes the connections that are between two requests, too.
      this.#server.close();
      if (this.#sockets.size === 0) this.#closing.resolve();
    }
    const timer = this.#options.clock.after(graceMs, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
    await this.#closing.promise;
    timer.cancel();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#takeBody(request, response)) return;
    this.#answer(request).then(
      (answer) => this.#send(response, answer),
      (error: unknown) => {
        this.#options.logger.error('failed to answer an HTTP request', { path: request.url, error });
        this.#send(response, textAnswer(500, 'Internal Server Error'));
      },
    );
  }

  /** Lets a body of modest size pass unread. False when it was too large and the request is over. */
  #takeBody(request: IncomingMessage, response: ServerResponse): boolean {
    if (Number(request.headers['content-length'] ?? 0) > this.#limits.bodyBytes) {
      this.#send(response, textAnswer(413, 'Request Entity Too Large', { Connection: 'close' }));
      // The rest of the body is not waited for.
      response.once('finish', () => request.socket.destroySoon());
      return false;
    }
    let bytes = 0;
    request.on('data', (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes > this.#limits.bodyBytes) request.socket.destroy();
    });
    return true;
  }

  async #answer(request: IncomingMessage): Promise<HttpAnswer> {
    const { access, routes } = this.#options;
    const method = request.method ?? '';
    const verdict = access === undefined ? { headers: {} } : checkAccess(access, { method, headers: request.headers });
    if ('answer' in verdict) return verdict.answer;
    const answer = await route(routes, method, request);
    return { ...answer, headers: { ...verdict.headers, ...answer.headers } };
  }

  #send(response: ServerResponse, { status, headers, body }: HttpAnswer): void {
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    if (this.#closing !== undefined) response.setHeader('Connection', 'close');
    response.writeHead(status, { ...headers, 'Content-Length': length });
    response.end(body);
  }
}

async function route(routes: Routes, method: string, request: IncomingMessage): Promise<HttpAnswer> {
  const target = parseTarget(request.url ?? '');
  if (target === undefined) return textAnswer(400, '400 Bad Request');
  // Without empty, `.` and `..` parts.
  const clean = posix.normalize(target.path);
  if (clean !== target.path) return moved(method, clean, target.search);
  const query = new URLSearchParams(target.search);
  return routes.get(target.path)?.({ method, path: target.path, query, headers: request.headers }) ?? NOT_FOUND;
}

/** Path and query of `/a?b` or `http://host/a?b`; undefined when it is neither or is badly encoded. */
function parseTarget(url: string): { readonly path: string; readonly search: string } | undefined {
  const match = /^(?:https?:\/\/[^/?#]*)?([^?#]*)(\?[^#]*)?/i.exec(url);
  try {
    const path = decodeURIComponent(match?.[1] ?? '');
    return path === '' || path.startsWith('/') ? { path: path || '/', search: match?.[2] ?? '' } : undefined;
  } catch {
    return undefined;
  }
}

function moved(method: string, path: string, search: string): HttpAnswer {
  const location = encodeURI(path) + search;
  const page = `<a href="${location.replaceAll('&', '&amp;').replaceAll('"', '&#34;')}">Moved Permanently</a>.\n\n`;
  return {
    status: 301,
    headers: { 'Content-Type': 'text/html; charset=utf-8', Location: location },
    body: method === 'GET' || method === 'HEAD' ? page : '',
  };
}
