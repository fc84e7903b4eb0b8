import { lstat, unlink } from 'node:fs/promises';
import { connect, createServer, type ListenOptions as NodeListenOptions, type Server, type Socket } from 'node:net';
import type { Clock, Logger } from '@kontiki/std';
import type { EndpointUrl } from './config/urls.js';
import { ConnectionLimit } from './connection-limit.js';

/** Who speaks what. A protocol nobody takes is refused: its connections are closed. */
export interface Protocols {
  /** Takes over a connection that speaks HTTP/2; what was read of it is back in the socket. */
  readonly grpc?: (socket: Socket) => void;
  /** Takes over a connection that speaks HTTP/1; what was read of it is back in the socket. */
  readonly http?: (socket: Socket) => void;
}

export interface ListenLimits {
  /** From the accepted connection to the bytes that say what it speaks. */
  readonly prefaceMs: number;
  /** Connections that have not said it yet; one more, and the oldest of them is closed. */
  readonly silentMax: number;
}

export interface ListenOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<ListenLimits>;
  /** One connection more is closed at once. Shared by all that listen in a process; by default what the process has room for. */
  readonly connectionLimit?: ConnectionLimit;
}

const DEFAULT_LIMITS: ListenLimits = { prefaceMs: 10_000, silentMax: 1024 };

/** What every HTTP/2 connection begins with. @see RFC 9113 §3.4 */
const PREFACE: Uint8Array = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const COMPLAIN_EVERY_MS = 10_000;

/** Says what a connection speaks by its first bytes; undefined: too early to tell. */
export function protocolOf(bytes: Uint8Array): 'http2' | 'http1' | 'other' | undefined {
  const shared = Math.min(bytes.length, PREFACE.length);
  let same = 0;
  while (same < shared && bytes[same] === PREFACE[same]) same++;
  if (same === PREFACE.length) return 'http2';
  if (same === bytes.length) return undefined;
  // Methods are letters. Anything else (a TLS client, a port scanner) would only be told what listens here.
  const first = bytes[0]!;
  return (first >= 0x41 && first <= 0x5a) || (first >= 0x61 && first <= 0x7a) ? 'http1' : 'other';
}

/**
 * Listens on every URL; each connection goes to gRPC or to HTTP by its first bytes, whole and unread.
 *
 * A connection is ours until it has said what it speaks, or `prefaceMs` have passed; from then on its new owner looks
 * after it. Either way it is closed by `close` at the latest.
 *
 * @throws an Error for people when an address cannot be taken; nothing listens then
 */
export async function listen(
  urls: readonly EndpointUrl[],
  protocols: Protocols,
  options: ListenOptions,
): Promise<Listening> {
  const listening = new Listening(protocols, options);
  try {
    for (const url of urls) await listening.open(url);
    return listening;
  } catch (error) {
    await listening.close(0);
    throw error;
  }
}

/** Open listeners and everything that came through them. Made by {@link listen}. */
export class Listening {
  readonly #protocols: Protocols;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #limits: ListenLimits;
  readonly #connectionLimit: ConnectionLimit;
  readonly #servers: Server[] = [];
  readonly #urls: string[] = [];
  readonly #sockets = new Set<Socket>();
  /** In the order they came; each with what calls its deadline off. */
  readonly #silent = new Map<Socket, () => void>();
  #nextComplaintMs = Number.NEGATIVE_INFINITY;
  #closing = false;
  #onEmpty: (() => void) | undefined;

  constructor(protocols: Protocols, options: ListenOptions) {
    this.#protocols = protocols;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#connectionLimit = options.connectionLimit ?? ConnectionLimit.ofProcess();
  }

  /** What is listened on, with the port the system gave where 0 was asked for. */
  get urls(): readonly string[] {
    return this.#urls;
  }

  /** Connections, and those among them that have not said what they speak. */
  get connections(): { readonly all: number; readonly silent: number } {
    return { all: this.#sockets.size, silent: this.#silent.size };
  }

  async open(url: EndpointUrl): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    try {
      if (url.kind === 'unix') await bindUnix(server, url.path);
      else await bindTcp(server, url.host, url.port);
    } catch (error) {
      throw new Error(`cannot listen on ${url.text}: ${reasonOf(error)}`, { cause: error });
    }
    server.on('error', (error) => this.#logger.error('listener failed', { url: url.text, error }));
    this.#servers.push(server);
    this.#urls.push(urlOf(server, url));
  }

  /**
   * Takes no more connections, closes the silent ones, waits for the others to be closed by their owners (who are asked
   * to beside this), and closes by force what is left after `graceMs`.
   */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    for (const server of this.#servers) server.close();
    for (const socket of [...this.#silent.keys()]) socket.destroy();
    if (this.#sockets.size === 0) return;
    const timer = this.#clock.after(graceMs, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
    await new Promise<void>((resolve) => {
      const before = this.#onEmpty;
      this.#onEmpty = () => {
        before?.();
        resolve();
      };
    });
    timer.cancel();
  }

  #accept(socket: Socket): void {
    // Without this the error of a connection nobody owns yet would end the process.
    socket.on('error', ignore);
    if (this.#closing || !this.#connectionLimit.take()) {
      if (!this.#closing) this.#complain('too many connections', { 'connections-max': this.#connectionLimit.max });
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#gone(socket));
    this.#listenTo(socket);
    if (this.#silent.size > this.#limits.silentMax) {
      const [oldest] = this.#silent.keys();
      this.#complain('too many connections that say nothing', { 'silent-max': this.#limits.silentMax });
      oldest?.destroy();
    }
  }

  #listenTo(socket: Socket): void {
    const deadline = this.#clock.after(this.#limits.prefaceMs, () => socket.destroy());
    let seen: Uint8Array = new Uint8Array(0);
    const onReadable = (): void => {
      const chunk = socket.read() as Uint8Array | null;
      if (chunk === null) return;
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const protocol = protocolOf(seen);
      if (protocol === undefined) return;
      heard();
      this.#handOver(socket, protocol, seen);
    };
    const heard = (): void => {
      deadline.cancel();
      this.#silent.delete(socket);
      socket.off('readable', onReadable);
    };
    this.#silent.set(socket, heard);
    socket.on('readable', onReadable);
  }

  #handOver(socket: Socket, protocol: 'http2' | 'http1' | 'other', seen: Uint8Array): void {
    const { grpc, http } = this.#protocols;
    const owner = protocol === 'http2' ? grpc : protocol === 'http1' ? http : undefined;
    if (owner === undefined) {
      socket.destroy();
      return;
    }
    socket.unshift(seen);
    try {
      owner(socket);
    } catch (error) {
      this.#logger.error('a connection could not be handed over', { protocol, error });
      socket.destroy();
    }
  }

  #gone(socket: Socket): void {
    this.#silent.get(socket)?.();
    this.#sockets.delete(socket);
    this.#connectionLimit.giveBack();
    if (this.#sockets.size === 0) this.#onEmpty?.();
  }

  /** Whoever floods us does not get to flood the log. */
  #complain(message: string, fields: Readonly<Record<string, unknown>>): void {
    const nowMs = this.#clock.monotonic();
    if (nowMs < this.#nextComplaintMs) return;
    this.#nextComplaintMs = nowMs + COMPLAIN_EVERY_MS;
    this.#logger.warn(message, fields);
  }
}

function ignore(): void {}

/** Node's own choice for `localhost` may be IPv6 alone; clients that resolve it themselves try IPv4 first. */
async function bindTcp(server: Server, host: string, port: number): Promise<void> {
  if (host !== 'localhost') return bind(server, { host, port });
  try {
    await bind(server, { host: '127.0.0.1', port });
  } catch (error) {
    if (codeOf(error) !== 'EADDRNOTAVAIL') throw error;
    await bind(server, { host: '::1', port });
  }
}

/** A socket file outlives a killed process: one that nobody answers behind is taken over. */
async function bindUnix(server: Server, path: string): Promise<void> {
  try {
    await bind(server, { path });
  } catch (error) {
    if (codeOf(error) !== 'EADDRINUSE' || !(await isAbandoned(path))) throw error;
    await unlink(path);
    await bind(server, { path });
  }
}

function bind(server: Server, options: NodeListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(error);
    server.once('error', onError);
    server.listen(options, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

async function isAbandoned(path: string): Promise<boolean> {
  if (!(await lstat(path)).isSocket()) return false;
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error) => resolve(codeOf(error) === 'ECONNREFUSED'));
  });
}

function urlOf(server: Server, url: EndpointUrl): string {
  const address = server.address();
  if (url.kind === 'unix' || address === null || typeof address === 'string' || url.port !== 0) return url.text;
  return `${url.text.slice(0, url.text.lastIndexOf(':'))}:${address.port}`;
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function reasonOf(error: unknown): string {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'address already in use',
    EADDRNOTAVAIL: 'address not available on this machine',
    EACCES: 'permission denied',
    ENOENT: 'no such folder',
  };
  const code = codeOf(error) ?? '';
  return reasons[code] ?? (error instanceof Error ? error.message : String(error));
}
