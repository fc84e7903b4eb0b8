import type { Deadlines } from './deadlines.js';
import { DuplexStream } from './duplex-stream.js';
import { ErrorCode, FrameType } from './frame.js';
import { Budget, type Flood } from './guards.js';
import type { RequestHead } from './head.js';
import type { GrpcLimits } from './limits.js';
import type { MessageOptions } from './message.js';
import type { Method } from './method.js';
import type { BlockPool } from './output.js';
import { RecentStreams } from './recent-streams.js';
import { Sender } from './sender.js';
import { type Status, StatusCode } from './status.js';
import type { Deferrable, Link, ServerStream } from './stream.js';
import { UnaryStream } from './unary-stream.js';

/** What happens to connections, for whoever counts it. */
export interface ConnectionObserver {
  opened?(peer: string): void;
  closed?(peer: string, reason: string): void;
  /** A call over the limit of open calls. */
  refusedStream?(peer: string): void;
  /** A limit, by its name, ended a connection. */
  guardTripped?(peer: string, limit: string): void;
}

/** What all connections of a server have in common. */
export interface Shared {
  readonly methods: ReadonlyMap<string, Method>;
  unknownPath(path: string): Status;
  readonly limits: GrpcLimits;
  readonly messages: MessageOptions;
  readonly deadlines: Deadlines;
  readonly pool: BlockPool;
  readonly queued: Budget;
  readonly received: Budget;
  readonly observer: ConnectionObserver;
  /** A handler threw. */
  handlerBroke(path: string, error: unknown): void;
}

/** The connection, as the table of its calls sees it. */
export interface CallsHost {
  readonly shared: Shared;
  readonly peer: string;
  /** There is something to write. */
  wake(): void;
  /** Headers or data were written. */
  answered(): void;
  /** The last open call is over. */
  emptied(): void;
  /** Counts what a client may do only so often. @returns whether it was one too many, and the connection has ended */
  flood(flood: Flood, limit: keyof GrpcLimits): boolean;
  /** Ends the connection. */
  trip(limit: keyof GrpcLimits, code: ErrorCode): void;
}

/** A call reset sooner than this is suspected of having been opened for that. */
const RAPID_RESET_MS = 100;

/**
 * The calls of one connection, and what they send.
 *
 * Invariants: every call that is not closed is in `#open`; `lastId` is the highest id a call was opened with, or refused.
 */
export class Calls implements Link {
  readonly peer: string;
  readonly messages: MessageOptions;
  readonly streamWindowBytes: number;
  readonly sender: Sender;
  lastId = 0;
  /** The client was told which call is the last: later ones are not taken, and no error either. */
  sealed = false;
  readonly #host: CallsHost;
  readonly #shared: Shared;
  readonly #limits: GrpcLimits;
  readonly #received: Budget;
  readonly #open = new Map<number, ServerStream>();
  readonly #recent = new RecentStreams();
  /** Calls that are kept from their handlers, while too much waits to be sent. */
  readonly #deferred: Deferrable[] = [];
  #resuming = false;

  constructor(host: CallsHost) {
    const { shared } = host;
    this.peer = host.peer;
    this.messages = shared.messages;
    this.streamWindowBytes = shared.limits.streamWindowBytes;
    this.#host = host;
    this.#shared = shared;
    this.#limits = shared.limits;
    this.#received = new Budget(shared.limits.maxReceivedBytes, shared.received);
    this.sender = new Sender({
      limits: shared.limits,
      pool: shared.pool,
      queued: new Budget(shared.limits.maxQueuedBytes, shared.queued),
      wake: () => host.wake(),
      ended: (call) => this.#sent(call),
      answered: () => host.answered(),
    });
  }

  get size(): number {
    return this.#open.size;
  }

  get receivedBytes(): number {
    return this.#received.used;
  }

  get(id: number): ServerStream | undefined {
    return this.#open.get(id);
  }

  /** Whether no call can have that id yet. */
  isIdle(id: number): boolean {
    return id === 0 || id % 2 === 0 || (id > this.lastId && !this.sealed);
  }

  /** How a call ended that is not open; undefined: not known, or there was none. */
  howEnded(id: number): 'ended' | 'reset' | undefined {
    return this.#recent.how(id);
  }

  // What the client does.

  /** @param countRefusal  whether the client knows by now how many calls it may open */
  open(id: number, head: RequestHead, last: boolean, nowMs: number, countRefusal: boolean): void {
    if (this.#open.size >= this.#limits.maxConcurrentStreams) {
      this.#shared.observer.refusedStream?.(this.peer);
      this.sender.number(FrameType.RstStream, id, ErrorCode.RefusedStream);
      this.#recent.add(id, true);
      if (countRefusal) this.#host.flood('resets', 'maxResets');
      return;
    }
    const { method } = head;
    const windowBytes = this.sender.settings.initialWindowBytes;
    if (method === undefined) {
      const call = new DuplexStream(this, id, head, nowMs, windowBytes);
      call.lastFrame = last;
      const status = head.refusal ?? this.#shared.unknownPath(head.path);
      return this.sender.refuse(call, status, head.refusal?.httpStatus ?? 200);
    }
    const call =
      method.kind === 'unary'
        ? new UnaryStream(this, id, head, method, nowMs, windowBytes)
        : new DuplexStream(this, id, head, nowMs, windowBytes);
    this.#open.set(id, call);
    if (call.deadlineMs !== Number.POSITIVE_INFINITY) this.#shared.deadlines.add(call, nowMs);
    call.lastFrame = last;
    if (last && (head.contentLength ?? 0) !== 0) return this.error(id, ErrorCode.ProtocolError, call);
    if (method.kind === 'stream') {
      try {
        method.open((call as DuplexStream).call);
      } catch (error) {
        this.broken(call, error);
      }
    }
    if (last) this.#remoteEnd(call);
  }

  /** DATA of an open call, without its padding; `flowBytes` is what it counts for. */
  data(
    call: ServerStream,
    bytes: Buffer,
    start: number,
    end: number,
    flowBytes: number,
    last: boolean,
    nowMs: number,
  ): void {
    if (call.lastFrame) return this.error(call.id, ErrorCode.StreamClosed, call);
    if (!call.takeWindow(flowBytes, last)) return this.error(call.id, ErrorCode.FlowControlError, call);
    call.payloadBytes += end - start;
    call.lastFrame = last;
    const announced = call.head.contentLength;
    if (announced !== undefined && (last ? call.payloadBytes !== announced : call.payloadBytes > announced)) {
      return this.error(call.id, ErrorCode.ProtocolError, call);
    }
    call.data(bytes, start, end, flowBytes, nowMs);
    if (last) this.#remoteEnd(call);
  }

  /** Trailers of a request say nothing to us, but that it has ended. */
  trailers(call: ServerStream, last: boolean): void {
    if (call.lastFrame) return this.error(call.id, ErrorCode.StreamClosed, call);
    if (!last) return this.error(call.id, ErrorCode.ProtocolError, call);
    call.lastFrame = true;
    const announced = call.head.contentLength;
    if (announced !== undefined && call.payloadBytes !== announced) {
      return this.error(call.id, ErrorCode.ProtocolError, call);
    }
    this.#remoteEnd(call);
  }

  /** RST_STREAM. */
  reset(call: ServerStream, nowMs: number): void {
    const rapid = nowMs - call.openedMs < RAPID_RESET_MS;
    call.cancel();
    this.#close(call, false);
    this.resume();
    if (rapid) this.#host.flood('resets', 'maxResets');
  }

  /** Resets a call, open or not, for what the client did wrong in it. */
  error(id: number, code: ErrorCode, call: ServerStream | undefined): void {
    this.sender.number(FrameType.RstStream, id, code);
    if (call === undefined) this.#recent.add(id, true);
    else {
      call.cancel();
      this.#close(call, true);
      this.resume();
    }
    this.#host.flood('resets', 'maxResets');
  }

  /** The client's initial window has changed. @returns false: a window is beyond its largest size */
  growWindows(bytes: number): boolean {
    for (const call of this.#open.values()) if (!call.window.grow(bytes)) return false;
    this.sender.pumpAll();
    this.resume();
    return true;
  }

  /** Nothing is read from the client because it does not read: what it sends late is not its fault. */
  excuse(nowMs: number): void {
    for (const call of this.#open.values()) {
      if (call.messageSinceMs !== Number.POSITIVE_INFINITY) call.messageSinceMs = nowMs;
    }
  }

  /** Ends calls whose request message takes too long. */
  checkMessages(nowMs: number): void {
    for (const call of [...this.#open.values()]) {
      if (nowMs - call.messageSinceMs < this.#limits.messageMs) continue;
      this.abort(call, { code: StatusCode.Cancelled, details: 'grpc: the request message took too long to arrive' });
    }
  }

  /** Less may wait to be sent than before: calls that were kept from their handlers have their turn. */
  resume(): void {
    if (this.#resuming || this.#deferred.length === 0) return;
    this.#resuming = true;
    while (this.#deferred.length > 0 && this.sender.queued.used <= this.#limits.busyQueuedBytes) {
      this.#deferred.shift()!.handle();
    }
    this.#resuming = false;
  }

  /** The connection has ended, and all of them with it. */
  cancelAll(): void {
    for (const call of [...this.#open.values()]) {
      call.cancel();
      this.#close(call, true);
    }
  }

  // What calls ask for.

  reply(call: ServerStream, parts: readonly Uint8Array[]): void {
    if (this.#mayQueue()) this.sender.reply(call, parts);
  }

  send(call: ServerStream, parts: readonly Uint8Array[]): void {
    if (this.#mayQueue()) this.sender.send(call, parts);
  }

  finish(call: ServerStream, status: Status): void {
    this.sender.finish(call, status);
  }

  abort(call: ServerStream, status: Status): void {
    if (call.closed) return;
    call.cancel();
    this.sender.abort(call, status);
    this.resume();
  }

  isFull(queuedBytes: number): boolean {
    if (queuedBytes === 0) return false;
    const { streamHighWaterBytes, maxQueuedBytes } = this.#limits;
    return queuedBytes > streamHighWaterBytes || this.sender.queued.used * 2 > maxQueuedBytes;
  }

  grant(call: ServerStream, bytes: number): void {
    this.sender.number(FrameType.WindowUpdate, call.id, bytes);
  }

  hold(bytes: number): boolean {
    const room = !this.#received.exhausted;
    this.#received.take(bytes);
    return room;
  }

  release(bytes: number): void {
    if (bytes > 0) this.#received.give(bytes);
  }

  defer(call: Deferrable): boolean {
    if (this.#deferred.length === 0 && this.sender.queued.used <= this.#limits.busyQueuedBytes) return false;
    this.#deferred.push(call);
    return true;
  }

  broken(call: ServerStream, error: unknown): void {
    this.#shared.handlerBroke(call.path, error);
    if (call.live) this.abort(call, { code: StatusCode.Internal, details: 'internal error' });
  }

  #remoteEnd(call: ServerStream): void {
    if (call.closed) return;
    call.remoteEnded = true;
    call.end();
  }

  /** The last frame of a call was written. */
  #sent(call: ServerStream): void {
    // It has its answer whatever else it sends.
    if (!call.lastFrame) this.sender.number(FrameType.RstStream, call.id, ErrorCode.NoError);
    this.#close(call, !call.lastFrame);
  }

  #close(call: ServerStream, resetByUs: boolean): void {
    if (call.closed) return;
    this.#open.delete(call.id);
    this.#shared.deadlines.remove(call);
    this.sender.forget(call);
    this.#recent.add(call.id, resetByUs);
    call.close();
    if (this.#open.size === 0) this.#host.emptied();
  }

  #mayQueue(): boolean {
    if (!this.sender.queued.exhausted) return true;
    this.#host.trip('maxQueuedBytes', ErrorCode.EnhanceYourCalm);
    return false;
  }
}
