import { Agent, type IncomingMessage, type RequestOptions, request as systemRequest } from 'node:http';
import { type Clock, Deferred } from '@kontiki/std';
import { type EndpointUrl, parseUrls } from '../config/urls.js';
import { RemoteError } from './remote-error.js';

export interface RemoteCall {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** For the whole call, whatever number of addresses is tried. */
  readonly timeoutMs: number;
  /** Of the answer. */
  readonly maxBytes: number;
  /**
   * Whether the call may have been carried out twice when it was answered once. If it may not, another address is tried
   * only while nothing can have been heard of it.
   */
  readonly repeatable: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface RemoteAnswer {
  readonly status: number;
  /** Of the header `X-Etcd-Cluster-ID`, hex. */
  readonly clusterId: string | undefined;
  readonly body: Uint8Array;
  /** Where it came from. */
  readonly url: string;
}

export interface RemoteCallerOptions {
  readonly clock: Clock;
  readonly request?: typeof systemRequest;
}

/**
 * Connections to one address, idle ones included, and how long these are kept. Room for many renewals that wait for a
 * revoke: they must not hold up the others.
 */
const SOCKETS_MAX = 256;
const IDLE_MS = 5000;

/** Nothing was sent: the connection did not come about. */
const NOT_CONNECTED: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ENOENT',
  'EACCES',
]);

/** One HTTP request to one member, at whichever of its addresses answers. */
export class RemoteCaller {
  readonly #clock: Clock;
  readonly #request: typeof systemRequest;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX, timeout: IDLE_MS });

  constructor({ clock, request = systemRequest }: RemoteCallerOptions) {
    this.#clock = clock;
    this.#request = request;
  }

  /**
   * @param peerUrls of one member; tried in turn, each with an equal share of the time that is left
   * @throws RemoteError, that of the last address; a status of any kind is an answer
   */
  async call(peerUrls: readonly string[], call: RemoteCall): Promise<RemoteAnswer> {
    if (peerUrls.length === 0) throw new RemoteError('REMOTE_UNREACHABLE', 'the member has no address');
    const deadlineMs = this.#clock.monotonic() + call.timeoutMs;
    let last: RemoteError | undefined;
    for (const [tried, url] of peerUrls.entries()) {
      const leftMs = deadlineMs - this.#clock.monotonic();
      if (leftMs <= 0) break;
      try {
        return await this.#ask(url, call, this.#clock.monotonic() + leftMs / (peerUrls.length - tried));
      } catch (error) {
        last = error as RemoteError;
        if (last.code === 'REMOTE_ABORTED' || !(call.repeatable || neverSent(last))) throw last;
      }
    }
    throw last ?? new RemoteError('REMOTE_TIMEOUT', `${peerUrls[0]!}${call.path}: no time is left`);
  }

  /** Closes the connections that are kept. */
  close(): void {
    this.#agent.destroy();
  }

  async #ask(url: string, call: RemoteCall, deadlineMs: number): Promise<RemoteAnswer> {
    const where = `${url}${call.path}`;
    const target = addressOf(url);
    const answered = new Deferred<RemoteAnswer>();
    const fail = (code: RemoteError['code'], reason: string, cause?: unknown): void =>
      answered.reject(new RemoteError(code, `${where}: ${reason}`, { cause }));
    if (call.signal?.aborted) throw new RemoteError('REMOTE_ABORTED', `${where}: given up`, cause(call.signal.reason));

    const request = this.#request(
      {
        ...target,
        // A kept connection may break just then, and whoever may not ask twice could not tell.
        agent: call.repeatable ? this.#agent : false,
        method: call.method,
        path: call.path,
        headers: { ...call.headers, ...(call.body && { 'Content-Length': String(call.body.length) }) },
      },
      (response) => {
        collect(response, call.maxBytes).then(
          (body) => {
            const id = response.headers['x-etcd-cluster-id'];
            answered.resolve({
              status: response.statusCode ?? 0,
              clusterId: typeof id === 'string' ? id : undefined,
              body,
              url,
            });
          },
          (error: unknown) => {
            if (error instanceof TooLong) fail('REMOTE_TOO_LARGE', `an answer of more than ${call.maxBytes} bytes`);
            else fail('REMOTE_UNREACHABLE', `the answer broke off: ${textOf(error)}`, error);
            request.destroy();
          },
        );
      },
    );
    request.on('error', (error) => fail('REMOTE_UNREACHABLE', textOf(error), error));
    const timer = this.#clock.after(Math.max(0, deadlineMs - this.#clock.monotonic()), () => {
      fail('REMOTE_TIMEOUT', 'no answer in time');
      request.destroy();
    });
    const giveUp = (): void => {
      fail('REMOTE_ABORTED', 'given up', call.signal?.reason);
      request.destroy();
    };
    call.signal?.addEventListener('abort', giveUp, { once: true });
    request.end(call.body);
    try {
      return await answered.promise;
    } catch (error) {
      // A kept connection that the other side closed just then says nothing about the member.
      if (request.reusedSocket && codeOf((error as RemoteError).cause) === 'ECONNRESET') {
        return await this.#ask(url, call, deadlineMs);
      }
      throw error;
    } finally {
      timer.cancel();
      call.signal?.removeEventListener('abort', giveUp);
    }
  }
}

class TooLong extends Error {}

async function collect(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new TooLong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function addressOf(text: string): RequestOptions {
  const parsed = parseUrls(text);
  const url: EndpointUrl | undefined = 'value' in parsed ? parsed.value[0] : undefined;
  if (url === undefined) throw new RemoteError('REMOTE_UNREACHABLE', `${text} is not an address`);
  if (url.scheme === 'https' || url.scheme === 'unixs') {
    throw new RemoteError('REMOTE_UNREACHABLE', `${text} is not supported yet by Kontiki (TLS is not built yet)`);
  }
  return url.kind === 'unix' ? { socketPath: url.path, host: 'localhost' } : { host: url.host, port: url.port };
}

function neverSent(error: RemoteError): boolean {
  return error.cause === undefined ? error.code === 'REMOTE_UNREACHABLE' : NOT_CONNECTED.has(codeOf(error.cause) ?? '');
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** Node gives an error without words when several addresses of a name were refused. */
function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text === '' ? (codeOf(error) ?? 'the connection failed') : text;
}

function cause(reason: unknown): ErrorOptions {
  return { cause: reason };
}
