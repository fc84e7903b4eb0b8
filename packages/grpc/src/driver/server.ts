import type { Socket } from 'node:net';
import { type Clock, type Logger, silentLogger, type Timer } from '@kontiki/std';
import type { ConnectionObserver, Shared } from '../calls.js';
import { Deadlines, type Expiring } from '../deadlines.js';
import { Budget } from '../guards.js';
import { type GrpcLimits, limitsOf } from '../limits.js';
import type { Method } from '../method.js';
import { BlockPool } from '../output.js';
import type { Status } from '../status.js';
import type { ServerStream } from '../stream.js';
import { nodeInflate } from './gunzip.js';
import { JoinedSocket, type SocketHost } from './socket.js';

export interface GrpcServerOptions {
  /** By exact path: `/package.Service/Method`. */
  readonly methods: ReadonlyMap<string, Method>;
  /** What to answer where nobody serves. */
  unknownPath(path: string): Status;
  readonly limits?: Partial<GrpcLimits>;
  readonly clock: Clock;
  readonly logger?: Logger;
  readonly observe?: ConnectionObserver;
}

const MIN_TICK_MS = 10;
const MAX_TICK_MS = 1000;

/** Serves gRPC on sockets that others accept. */
export class GrpcServer {
  readonly #shared: Shared;
  readonly #clock: Clock;
  readonly #deadlines = new Deadlines();
  readonly #sockets = new Set<JoinedSocket>();
  readonly #host: SocketHost;
  readonly #tickMs: number;
  #toFlush: JoinedSocket[] = [];
  #ticking: Timer | undefined;
  #deadlineTimer: Timer | undefined;
  #deadlineTimerMs: number = Number.POSITIVE_INFINITY;
  #draining: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;

  /** @throws GrpcServerError GRPC_BAD_OPTION */
  constructor(options: GrpcServerOptions) {
    const limits = limitsOf(options.limits);
    const logger = options.logger ?? silentLogger;
    this.#clock = options.clock;
    this.#tickMs = tickOf(limits);
    this.#shared = {
      methods: options.methods,
      unknownPath: (path) => options.unknownPath(path),
      limits,
      messages: {
        maxReceiveBytes: limits.maxReceiveBytes,
        maxInflateRatio: limits.maxInflateRatio,
        inflate: nodeInflate,
      },
      deadlines: this.#deadlines,
      pool: new BlockPool(),
      queued: new Budget(limits.maxQueuedBytesOfAll),
      received: new Budget(limits.maxReceivedBytesOfAll),
      observer: options.observe ?? {},
      handlerBroke: (path, error) => logger.error('a gRPC handler threw', { path, error }),
    };
    this.#host = {
      shared: this.#shared,
      clock: options.clock,
      enlist: (joined) => this.#enlist(joined),
      received: () => {
        if (this.#deadlines.earliestMs < this.#deadlineTimerMs) this.#armDeadlines();
        if (this.#shared.received.exhausted) this.#relieve('maxReceivedBytesOfAll');
      },
      gone: (joined) => this.#gone(joined),
    };
  }

  /** Connections that are open, or closing. */
  get connections(): number {
    return this.#sockets.size;
  }

  /**
   * Takes a socket over, for good: it will be closed by the server, or by its client.
   * @param head  what was read of it already
   */
  accept(socket: Socket, head?: Uint8Array): void {
    if (this.#draining !== undefined) socket.destroy();
    // Its end was heard by nobody.
    if (socket.destroyed) return;
    this.#sockets.add(new JoinedSocket(socket, this.#host, head));
    this.#ticking ??= this.#clock.every(this.#tickMs, () => this.#tick());
  }

  /**
   * Tells every client to open no more calls; resolves when all have ended and closed, by force after `graceMs`.
   * Sockets that come later are closed at once.
   */
  drain(graceMs: number): Promise<void> {
    this.#draining ??= this.#drain(graceMs);
    return this.#draining;
  }

  async #drain(graceMs: number): Promise<void> {
    if (this.#sockets.size === 0) return;
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    const nowMs = this.#clock.monotonic();
    for (const { connection } of this.#sockets) connection.drain(nowMs);
    const force = this.#clock.after(graceMs, () => {
      for (const { connection } of this.#sockets) connection.stop('server stopped');
      this.#flush();
      const last = this.#clock.after(this.#shared.limits.closeGraceMs, () => {
        for (const joined of this.#sockets) joined.destroy();
      });
      void empty.then(() => last.cancel());
    });
    await empty;
    force.cancel();
  }

  /** One write for each connection, once everything that is ready in this turn has been answered. */
  #enlist(joined: JoinedSocket): void {
    if (this.#toFlush.push(joined) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const joined = this.#toFlush;
    this.#toFlush = [];
    for (const each of joined) each.flush();
    if (this.#shared.queued.exhausted) this.#relieve('maxQueuedBytesOfAll');
  }

  /** Too much is held for all clients together: those who hold most have to go. */
  #relieve(limit: 'maxQueuedBytesOfAll' | 'maxReceivedBytesOfAll'): void {
    const ofQueued = limit === 'maxQueuedBytesOfAll';
    const whole = ofQueued ? this.#shared.queued : this.#shared.received;
    while (whole.exhausted) {
      let most: JoinedSocket | undefined;
      let mostBytes = 0;
      for (const joined of this.#sockets) {
        const bytes = ofQueued ? joined.queuedBytes : joined.receivedBytes;
        if (bytes > mostBytes) [most, mostBytes] = [joined, bytes];
      }
      if (most === undefined) return;
      most.drop(limit);
    }
  }

  #armDeadlines(): void {
    this.#deadlineTimer?.cancel();
    this.#deadlineTimerMs = this.#deadlines.earliestMs;
    if (this.#deadlineTimerMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.max(0, Math.ceil(this.#deadlineTimerMs - this.#clock.monotonic()));
    this.#deadlineTimer = this.#clock.after(delayMs, () => {
      this.#deadlines.advance(this.#clock.monotonic(), expire);
      this.#armDeadlines();
    });
  }

  #tick(): void {
    const nowMs = this.#clock.monotonic();
    for (const joined of this.#sockets) joined.tick(nowMs);
  }

  #gone(joined: JoinedSocket): void {
    this.#sockets.delete(joined);
    if (this.#sockets.size > 0) return;
    this.#ticking?.cancel();
    this.#ticking = undefined;
    this.#onEmpty?.();
  }
}

function expire(item: Expiring): void {
  (item as ServerStream).expire();
}

/** Often enough for the shortest of the times that are looked at. */
function tickOf(limits: GrpcLimits): number {
  const shortest = Math.min(
    limits.handshakeMs,
    limits.settingsAckMs,
    limits.frameMs,
    limits.messageMs,
    limits.idleMs,
    limits.maxAgeMs,
    limits.closeGraceMs,
    limits.keepaliveIntervalMs,
    limits.keepaliveTimeoutMs,
  );
  return Math.min(Math.max(shortest / 4, MIN_TICK_MS), MAX_TICK_MS);
}
