import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { posix } from 'node:path';
import { type Clock, Deferred, type Logger } from '@kontiki/std';
import { type AccessRules, checkAccess } from './access.js';
import { type HttpAnswer, type HttpHandler, type HttpRequest, NOT_FOUND, type Routes, textAnswer } from './answer.js';

export interface HttpOptions {
  readonly routes: Routes;
  /** Rules of a client address; undefined: none, as on the others. */
  readonly access: AccessRules | undefined;
  /**
   * Sees every request first; true: it is taken. What was taken is the taker's, body and answer, and of our limits only
   * that on the headers still holds: a stream that never ends and an upload of minutes are served here.
   */
  readonly takeFirst?: (request: IncomingMessage, response: ServerResponse) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<HttpLimits>;
}

export interface HttpLimits {
  /** Of all header lines together; beyond: 431. */
  readonly headerBytes: number;
  /** Of a body, read or not; beyond: 413. */
  readonly bodyBytes: number;
  /** From the first byte of a request to the end of its headers; beyond: 408. */
  readonly headersMs: number;
  /** From the end of a request's headers to its last byte; beyond: 408. */
  readonly requestMs: number;
  /** A connection without a request is closed after this. */
  readonly idleMs: number;
  /** How often the time of headers is looked at. */
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

/** Somebody who answers a request, and what the rules of the address add to every answer. */
interface Found {
  readonly handler: HttpHandler;
  readonly request: Omit<HttpRequest, 'body'>;
  readonly headers: Readonly<Record<string, string>>;
}

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
        // Node's own limit knows no exceptions, and some requests may take for ever: see `takeFirst`.
        requestTimeout: 0,
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
    try {
      if (this.#options.takeFirst?.(request, response) === true) return;
    } catch (error) {
      this.#options.logger.error('failed to serve an HTTP request', { path: request.url, error });
      request.socket.destroy();
      return;
    }
    if (Number(request.headers['content-length'] ?? 0) > this.#limits.bodyBytes) {
      this.#refuse(request, response, textAnswer(413, 'Request Entity Too Large'));
      return;
    }
    this.#limitTime(request, response);
    const found = this.#find(request, response);
    if ('handler' in found) this.#run(found, request, response);
    else {
      this.#drain(request);
      this.#send(response, found);
    }
  }

  /** Who answers, or an answer that needs nobody. */
  #find(request: IncomingMessage, response: ServerResponse): Found | HttpAnswer {
    const { access, routes } = this.#options;
    const method = request.method ?? '';
    const verdict = access === undefined ? { headers: {} } : checkAccess(access, { method, headers: request.headers });
    if ('answer' in verdict) return verdict.answer;
    const route = routeOf(routes, method, request.url ?? '');
    if (!('handler' in route)) return { ...route, headers: { ...verdict.headers, ...route.headers } };
    const gone = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) gone.abort();
    });
    const { handler, path, query } = route;
    const asked = { method, path, query, headers: request.headers, signal: gone.signal };
    return { handler, request: asked, headers: verdict.headers };
  }

  #run({ handler, request: asked, headers }: Found, request: IncomingMessage, response: ServerResponse): void {
    const answer = async (body: Uint8Array): Promise<void> => {
      try {
        const given = await handler({ ...asked, body });
        this.#send(response, { ...given, headers: { ...headers, ...given.headers } });
      } catch (error) {
        this.#options.logger.error('failed to answer an HTTP request', { path: request.url, error });
        this.#send(response, textAnswer(500, 'Internal Server Error', headers));
      }
    };
    if (handler.readsBody !== true) {
      this.#drain(request);
      void answer(new Uint8Array(0));
      return;
    }
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    request.on('data', (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes <= this.#limits.bodyBytes) chunks.push(chunk);
      else {
        request.pause();
        this.#refuse(request, response, textAnswer(413, 'Request Entity Too Large', headers));
      }
    });
    request.once('end', () => void answer(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
  }

  /** Lets a body of modest size pass unread. */
  #drain(request: IncomingMessage): void {
    let bytes = 0;
    request.on('data', (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes > this.#limits.bodyBytes) request.socket.destroy();
    });
  }

  #limitTime(request: IncomingMessage, response: ServerResponse): void {
    const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers;
    if (coding === undefined && Number(length) === 0) return;
    const timer = this.#options.clock.after(this.#limits.requestMs, () => {
      if (response.headersSent) request.socket.destroy();
      else this.#refuse(request, response, textAnswer(408, 'Request Timeout'));
    });
    request.once('end', () => timer.cancel());
    request.once('close', () => timer.cancel());
  }

  /** Answers a request whose rest is not waited for: the connection ends with it. */
  #refuse(request: IncomingMessage, response: ServerResponse, answer: HttpAnswer): void {
    if (response.headersSent) return;
    response.once('finish', () => request.socket.destroySoon());
    this.#send(response, { ...answer, headers: { ...answer.headers, Connection: 'close' } });
  }

  #send(response: ServerResponse, { status, headers, body }: HttpAnswer): void {
    // A request that took too long, or whose sender has gone, may be answered no more.
    if (response.headersSent || response.destroyed) return;
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    if (this.#closing !== undefined) response.setHeader('Connection', 'close');
    response.writeHead(status, { ...headers, 'Content-Length': length });
    response.end(body);
  }
}

function routeOf(
  routes: Routes,
  method: string,
  url: string,
): { readonly handler: HttpHandler; readonly path: string; readonly query: URLSearchParams } | HttpAnswer {
  const target = parseTarget(url);
  if (target === undefined) return textAnswer(400, '400 Bad Request');
  const { path, search } = target;
  // Without empty, `.` and `..` parts.
  const clean = posix.normalize(path);
  if (clean !== path) return moved(method, clean, search);
  const handler = handlerOf(routes, path);
  return handler === undefined ? NOT_FOUND : { handler, path, query: new URLSearchParams(search) };
}

/** That of the path itself, else of the closest folder above it that has one. */
function handlerOf(routes: Routes, path: string): HttpHandler | undefined {
  const exact = routes.get(path);
  if (exact !== undefined) return exact;
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    const below = routes.get(path.slice(0, slash + 1));
    if (below !== undefined) return below;
  }
  return undefined;
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
