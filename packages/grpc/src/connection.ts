import type { Deadlines } from './deadlines.js';
import { DuplexStream } from './duplex-stream.js';
import { ReceiveWindow } from './flow-control.js';
import {
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  Flag,
  FrameType,
  LARGEST_STREAM_ID,
  readUint32,
  Setting,
  writeUint32,
} from './frame.js';
import { FrameReader, type FrameSink } from './frame-reader.js';
import { Budget, type Flood, FloodGuard, PingPolicy } from './guards.js';
import type { RequestHead } from './head.js';
import { HeadReader } from './head-reader.js';
import { type BlockFault, type HeaderBlock, HeaderBlocks } from './header-blocks.js';
import { HpackError } from './hpack/decoder.js';
import type { GrpcLimits } from './limits.js';
import type { MessageOptions } from './message.js';
import type { Method } from './method.js';
import type { BlockPool, Output } from './output.js';
import { RecentStreams } from './recent-streams.js';
import { Sender } from './sender.js';
import { type Status, StatusCode } from './status.js';
import type { Deferrable, Link, ServerStream } from './stream.js';
import { UnaryStream } from './unary-stream.js';
import { Vitals } from './vitals.js';

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

export interface ConnectionOptions {
  readonly shared: Shared;
  readonly peer: string;
  readonly nowMs: number;
  /** There is something to write, or the connection has ended. Must not call back into the connection. */
  wake(): void;
}

/** A call reset sooner than this is suspected of having been opened for that. */
const RAPID_RESET_MS = 100;
/** How long the first GOAWAY waits for calls that are on their way. */
const DRAIN_PING_MS = 1000;
const KEEPALIVE_PING: Uint8Array = Uint8Array.of(0x6b, 0x61, 0x2d, 0x70, 0x69, 0x6e, 0x67, 0x00);
const DRAIN_PING: Uint8Array = Uint8Array.of(0x67, 0x6f, 0x2d, 0x61, 0x77, 0x61, 0x79, 0x00);
const NO_PAYLOAD: Uint8Array = new Uint8Array(0);

/**
 * One HTTP/2 connection of a gRPC server: bytes in, calls and bytes out. Pure: it has no socket and no clock, and runs
 * handlers within `receive`.
 *
 *     open ──drain──▶ draining ──last call over──▶ ended
 *       └──────────── error or guard ─────────────▶ ended: write what is in `output`, then close the socket
 *
 * Invariants: every open call is in `#streams`; ids of calls rise; nothing is read once it has ended.
 */
export class Connection implements FrameSink, Link {
  readonly peer: string;
  readonly messages: MessageOptions;
  readonly streamWindowBytes: number;
  readonly #shared: Shared;
  readonly #limits: GrpcLimits;
  readonly #wake: () => void;
  readonly #reader: FrameReader;
  readonly #blocks: HeaderBlocks;
  readonly #heads: HeadReader;
  readonly #vitals: Vitals;
  readonly #sender: Sender;
  readonly #received: Budget;
  readonly #window: ReceiveWindow;
  readonly #floods: FloodGuard;
  readonly #pings: PingPolicy;
  readonly #streams = new Map<number, ServerStream>();
  readonly #recent = new RecentStreams();
  /** Calls that are kept from their handlers, while too much waits to be sent. */
  readonly #deferred: Deferrable[] = [];
  #resuming = false;
  #lastStreamId = 0;
  #nowMs: number;
  #endedReason: string | undefined;

  /** When a first GOAWAY was sent, and a ping after it; Infinity: not, or it was answered. */
  #drainSentMs: number = Number.POSITIVE_INFINITY;
  #drained = false;
  #dropAtMs: number = Number.POSITIVE_INFINITY;
  #checkMessagesMs: number;

  constructor({ shared, peer, nowMs, wake }: ConnectionOptions) {
    const { limits } = shared;
    this.peer = peer;
    this.messages = shared.messages;
    this.streamWindowBytes = limits.streamWindowBytes;
    this.#shared = shared;
    this.#limits = limits;
    this.#wake = wake;
    this.#nowMs = this.#checkMessagesMs = nowMs;
    this.#vitals = new Vitals(limits, nowMs);
    this.#reader = new FrameReader(this, { maxFrameBytes: DEFAULT_MAX_FRAME_BYTES });
    this.#blocks = new HeaderBlocks(limits);
    this.#heads = new HeadReader(shared.methods, limits);
    this.#window = new ReceiveWindow(limits.connectionWindowBytes);
    this.#floods = new FloodGuard(limits);
    this.#pings = new PingPolicy(limits);
    this.#received = new Budget(limits.maxReceivedBytes, shared.received);
    this.#sender = new Sender({
      limits,
      pool: shared.pool,
      queued: new Budget(limits.maxQueuedBytes, shared.queued),
      wake,
      ended: (call) => this.#sent(call),
      answered: () => this.#pings.forgive(),
    });
    this.#greet();
  }

  /** What is to be written. */
  get output(): Output {
    return this.#sender.output;
  }

  /** Why it has ended; undefined: it has not. */
  get endedReason(): string | undefined {
    return this.#endedReason;
  }

  /** Bytes that wait to be sent, and that were received and not handed over. */
  get held(): { readonly queued: number; readonly received: number } {
    return { queued: this.#sender.queued.used, received: this.#received.used };
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** The caller takes the output now, and will be woken for more. */
  taken(): void {
    this.#sender.taken();
  }

  /** Whether the socket is behind: then nothing should be read from it. */
  get congested(): boolean {
    return this.#sender.congested;
  }

  set congested(congested: boolean) {
    this.#sender.congested = congested;
    this.#resume();
  }

  /** What the socket brought. The chunk must not be written to again. */
  receive(chunk: Buffer, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#vitals.seen(nowMs);
    this.#reader.read(chunk);
    this.#vitals.setPartial(this.#reader.midFrame || this.#blocks.openStream !== 0, nowMs);
  }

  /** The socket made progress with what it was given. */
  wrote(nowMs: number): void {
    this.#vitals.seen(nowMs);
  }

  /** Looks at what is due. To be called from time to time. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#endedReason !== undefined) return;
    if (this.#sender.congested) this.#excuse(nowMs);
    const draining = this.#drained || this.#drainSentMs !== Number.POSITIVE_INFINITY;
    const due = this.#vitals.due(nowMs, this.#streams.size, draining);
    if (due?.kind === 'end') return this.#trip(due.limit, due.code);
    if (due?.kind === 'ping') this.#sender.frame(FrameType.Ping, 0, 0, KEEPALIVE_PING);
    if (due?.kind === 'drain') {
      const graceMs = due.limit === 'maxAgeMs' ? this.#limits.maxAgeGraceMs : Number.POSITIVE_INFINITY;
      this.drain(nowMs, due.limit, graceMs);
    }
    if (nowMs - this.#drainSentMs >= DRAIN_PING_MS) this.#drainNow();
    if (nowMs >= this.#dropAtMs) return this.#end(ErrorCode.NoError, 'limit maxAgeGraceMs', 'max_age');
    if (nowMs - this.#checkMessagesMs >= this.#limits.messageMs / 8) this.#checkMessages(nowMs);
  }

  /** Tells the client to open no more calls, and ends once those it has are over. */
  drain(nowMs: number, reason = 'drained', graceMs: number = Number.POSITIVE_INFINITY): void {
    if (this.#endedReason !== undefined || this.#drainSentMs !== Number.POSITIVE_INFINITY || this.#drained) return;
    this.#dropAtMs = nowMs + graceMs;
    if (!this.#vitals.greeted) return this.#drainNow();
    this.#drainSentMs = nowMs;
    // Calls that are on their way still count; the answer to the ping says that no more are.
    this.#sender.goAway(LARGEST_STREAM_ID, ErrorCode.NoError, reason === 'maxAgeMs' ? 'max_age' : 'graceful_stop');
    this.#sender.frame(FrameType.Ping, 0, 0, DRAIN_PING);
  }

  /** Ends it: calls are cancelled, the client is told why. */
  stop(reason: string): void {
    this.#end(ErrorCode.NoError, reason, reason);
  }

  /** Ends it for a limit that all connections share. */
  drop(limit: keyof GrpcLimits): void {
    this.#trip(limit, ErrorCode.EnhanceYourCalm);
  }

  /** The socket is gone: there is nobody to tell. */
  lost(reason: string): void {
    if (this.#endedReason === undefined) this.#finish(reason);
  }

  // What the frame reader finds.

  frame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): boolean {
    const { openStream } = this.#blocks;
    if (openStream !== 0 && (type !== FrameType.Continuation || streamId !== openStream)) {
      this.#fail(ErrorCode.ProtocolError, 'a frame inside a header block');
      return false;
    }
    if (!this.#vitals.greeted && (type !== FrameType.Settings || (flags & Flag.Ack) !== 0)) {
      this.#fail(ErrorCode.ProtocolError, 'the first frame is not SETTINGS');
      return false;
    }
    switch (type) {
      case FrameType.Data:
        this.#data(flags, streamId, bytes, start, end);
        break;
      case FrameType.Headers:
        this.#block(this.#blocks.headers(flags, streamId, bytes, start, end));
        break;
      case FrameType.Priority:
        this.#priority(streamId, bytes, start, end);
        break;
      case FrameType.RstStream:
        this.#rstStream(streamId, start, end);
        break;
      case FrameType.Settings:
        this.#settings(flags, streamId, bytes, start, end);
        break;
      case FrameType.PushPromise:
        this.#fail(ErrorCode.ProtocolError, 'a client pushes');
        break;
      case FrameType.Ping:
        this.#ping(flags, streamId, bytes, start, end);
        break;
      case FrameType.GoAway:
        if (streamId !== 0) this.#fail(ErrorCode.ProtocolError, 'GOAWAY on a stream');
        else if (end - start < 8) this.#fail(ErrorCode.FrameSizeError, 'a short GOAWAY');
        // It starts no calls of ours that could be concerned; its own go on.
        break;
      case FrameType.WindowUpdate:
        this.#windowUpdate(streamId, bytes, start, end);
        break;
      case FrameType.Continuation:
        this.#block(this.#blocks.continuation(flags, bytes, start, end));
        break;
      default:
        this.#flood('idleFrames', 'maxIdleFrames');
    }
    return this.#endedReason === undefined;
  }

  frameTooLong(): void {
    this.#fail(ErrorCode.FrameSizeError, 'a frame is too long');
  }

  badPreface(): void {
    this.#fail(ErrorCode.ProtocolError, 'not the preface of HTTP/2');
  }

  // What calls ask for.

  reply(call: ServerStream, parts: readonly Uint8Array[]): void {
    if (this.#mayQueue()) this.#sender.reply(call, parts);
  }

  send(call: ServerStream, parts: readonly Uint8Array[]): void {
    if (this.#mayQueue()) this.#sender.send(call, parts);
  }

  finish(call: ServerStream, status: Status): void {
    this.#sender.finish(call, status);
  }

  abort(call: ServerStream, status: Status): void {
    if (call.closed) return;
    call.cancel();
    this.#sender.abort(call, status);
    this.#resume();
  }

  isFull(queuedBytes: number): boolean {
    if (queuedBytes === 0) return false;
    return (
      queuedBytes > this.#limits.streamHighWaterBytes || this.#sender.queued.used * 2 > this.#limits.maxQueuedBytes
    );
  }

  grant(call: ServerStream, bytes: number): void {
    this.#sender.number(FrameType.WindowUpdate, call.id, bytes);
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
    if (this.#deferred.length === 0 && this.#sender.queued.used <= this.#limits.busyQueuedBytes) return false;
    this.#deferred.push(call);
    return true;
  }

  broken(call: ServerStream, error: unknown): void {
    this.#shared.handlerBroke(call.path, error);
    if (call.live) this.abort(call, { code: StatusCode.Internal, details: 'internal error' });
  }

  #greet(): void {
    const limits = this.#limits;
    const settings: [number, number][] = [
      [Setting.MaxConcurrentStreams, Math.min(limits.maxConcurrentStreams, 2 ** 32 - 1)],
      [Setting.InitialWindowSize, limits.streamWindowBytes],
      [Setting.MaxHeaderListSize, Math.min(limits.maxHeaderListBytes, 2 ** 32 - 1)],
    ];
    const payload = new Uint8Array(settings.length * 6);
    settings.forEach(([name, value], index) => {
      payload[index * 6 + 1] = name;
      writeUint32(payload, index * 6 + 2, value);
    });
    this.#sender.frame(FrameType.Settings, 0, 0, payload);
    const more = limits.connectionWindowBytes - DEFAULT_WINDOW_BYTES;
    if (more > 0) this.#sender.number(FrameType.WindowUpdate, 0, more);
    this.#shared.observer.opened?.(this.peer);
  }

  #data(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (this.#isIdle(id)) return this.#fail(ErrorCode.ProtocolError, 'DATA on an idle stream');
    const flowBytes = end - start;
    if (!this.#window.take(flowBytes)) return this.#fail(ErrorCode.FlowControlError, 'more DATA than allowed');
    // Given back at once: what is held of calls is bounded by their own windows, and by the budget.
    const increment = this.#window.release(flowBytes);
    if (increment > 0) this.#sender.number(FrameType.WindowUpdate, 0, increment);

    const call = this.#streams.get(id);
    if (call === undefined) return this.#afterEnd(id);
    const last = (flags & Flag.EndStream) !== 0;
    let from = start;
    let to = end;
    if ((flags & Flag.Padded) !== 0) {
      to = unpadded(bytes, start, end);
      from = start + 1;
      if (to < from) return this.#fail(ErrorCode.ProtocolError, 'more padding than there is payload');
    }
    if (call.lastFrame) return this.#streamError(id, ErrorCode.StreamClosed, call);
    if (!call.takeWindow(flowBytes, last)) return this.#streamError(id, ErrorCode.FlowControlError, call);
    if (from === to && !last) this.#flood('idleFrames', 'maxIdleFrames');
    call.payloadBytes += to - from;
    call.lastFrame = last;
    const announced = call.head.contentLength;
    if (announced !== undefined && (last ? call.payloadBytes !== announced : call.payloadBytes > announced)) {
      return this.#streamError(id, ErrorCode.ProtocolError, call);
    }
    call.data(bytes, from, to, flowBytes, this.#nowMs);
    if (last) this.#remoteEnd(call);
  }

  /** What a HEADERS or CONTINUATION frame came to. */
  #block(block: HeaderBlock | BlockFault | undefined): void {
    if (block === undefined) return;
    if ('limit' in block) return this.#trip(block.limit, ErrorCode.EnhanceYourCalm);
    if ('what' in block) return this.#fail(block.code, block.what);
    try {
      this.#wholeBlock(block);
    } catch (error) {
      if (!(error instanceof HpackError)) throw error;
      this.#fail(ErrorCode.CompressionError, error.message);
    }
  }

  /** A request, or the trailers of one. Decoded in any case: the blocks after it depend on it. */
  #wholeBlock({ streamId: id, last, selfDependent, bytes, start, end }: HeaderBlock): void {
    if (id <= this.#lastStreamId || this.#drained) {
      this.#heads.skip(bytes, start, end);
      const call = this.#streams.get(id);
      if (call !== undefined) this.#trailers(call, last);
      else if (id <= this.#lastStreamId) this.#afterEnd(id, true);
      return;
    }
    const head = this.#heads.request(bytes, start, end);
    this.#lastStreamId = id;
    if (selfDependent || head === 'malformed') this.#streamError(id, ErrorCode.ProtocolError);
    else if (head === 'too large') this.#streamError(id, ErrorCode.FrameSizeError);
    else this.#open(id, head, last);
  }

  #open(id: number, head: RequestHead, last: boolean): void {
    if (this.#streams.size >= this.#limits.maxConcurrentStreams) {
      this.#shared.observer.refusedStream?.(this.peer);
      this.#sender.number(FrameType.RstStream, id, ErrorCode.RefusedStream);
      this.#recent.add(id, true);
      // Before it has seen our settings it cannot know.
      if (this.#vitals.acknowledged) this.#flood('resets', 'maxResets');
      return;
    }
    const { method } = head;
    const windowBytes = this.#sender.settings.initialWindowBytes;
    if (method === undefined) {
      const call = new DuplexStream(this, id, head, this.#nowMs, windowBytes);
      call.lastFrame = last;
      const status = head.refusal ?? this.#shared.unknownPath(head.path);
      return this.#sender.refuse(call, status, head.refusal?.httpStatus ?? 200);
    }
    const call =
      method.kind === 'unary'
        ? new UnaryStream(this, id, head, method, this.#nowMs, windowBytes)
        : new DuplexStream(this, id, head, this.#nowMs, windowBytes);
    this.#streams.set(id, call);
    if (call.deadlineMs !== Number.POSITIVE_INFINITY) this.#shared.deadlines.add(call, this.#nowMs);
    call.lastFrame = last;
    if (last && (head.contentLength ?? 0) !== 0) return this.#streamError(id, ErrorCode.ProtocolError, call);
    if (method.kind === 'stream') {
      try {
        method.open((call as DuplexStream).call);
      } catch (error) {
        this.broken(call, error);
      }
    }
    if (last) this.#remoteEnd(call);
  }

  /** Trailers of a request say nothing to us, but that it has ended. */
  #trailers(call: ServerStream, last: boolean): void {
    const { id } = call;
    if (call.lastFrame) return this.#streamError(id, ErrorCode.StreamClosed, call);
    if (!last) return this.#streamError(id, ErrorCode.ProtocolError, call);
    call.lastFrame = true;
    const announced = call.head.contentLength;
    if (announced !== undefined && call.payloadBytes !== announced) {
      return this.#streamError(id, ErrorCode.ProtocolError, call);
    }
    this.#remoteEnd(call);
  }

  #remoteEnd(call: ServerStream): void {
    if (call.closed) return;
    call.remoteEnded = true;
    call.end();
  }

  #priority(id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0) return this.#fail(ErrorCode.ProtocolError, 'PRIORITY on no stream');
    if (end - start !== 5) return this.#streamError(id, ErrorCode.FrameSizeError, this.#streams.get(id));
    if ((readUint32(bytes, start) & 0x7fff_ffff) === id) {
      return this.#streamError(id, ErrorCode.ProtocolError, this.#streams.get(id));
    }
    this.#flood('idleFrames', 'maxIdleFrames');
  }

  #rstStream(id: number, start: number, end: number): void {
    if (end - start !== 4) return this.#fail(ErrorCode.FrameSizeError, 'RST_STREAM of a wrong size');
    if (this.#isIdle(id)) return this.#fail(ErrorCode.ProtocolError, 'RST_STREAM on an idle stream');
    const call = this.#streams.get(id);
    if (call === undefined) {
      this.#flood('idleFrames', 'maxIdleFrames');
      return;
    }
    const rapid = this.#nowMs - call.openedMs < RAPID_RESET_MS;
    call.cancel();
    this.#close(call, false);
    this.#resume();
    if (rapid) this.#flood('resets', 'maxResets');
  }

  #settings(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) return this.#fail(ErrorCode.ProtocolError, 'SETTINGS on a stream');
    if ((flags & Flag.Ack) !== 0) {
      if (start !== end) return this.#fail(ErrorCode.FrameSizeError, 'an acknowledgement with settings');
      this.#vitals.acknowledged = true;
      return;
    }
    if (this.#flood('settings', 'maxSettings')) return;
    const { settings } = this.#sender;
    const before = settings.initialWindowBytes;
    const wrong = settings.apply(bytes, start, end);
    if (wrong !== undefined) return this.#fail(wrong, 'a setting has no such value');
    this.#vitals.greeted = true;
    this.#sender.applySettings();
    this.#sender.frame(FrameType.Settings, Flag.Ack, 0, NO_PAYLOAD);
    const more = settings.initialWindowBytes - before;
    if (more === 0) return;
    for (const call of this.#streams.values()) {
      if (!call.window.grow(more)) return this.#fail(ErrorCode.FlowControlError, 'a window is too large');
    }
    this.#sender.pumpAll();
    this.#resume();
  }

  #ping(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) return this.#fail(ErrorCode.ProtocolError, 'PING on a stream');
    if (end - start !== 8) return this.#fail(ErrorCode.FrameSizeError, 'PING of a wrong size');
    if ((flags & Flag.Ack) !== 0) {
      if (bytes[start] === DRAIN_PING[0] && this.#drainSentMs !== Number.POSITIVE_INFINITY) this.#drainNow();
      return;
    }
    this.#sender.frame(FrameType.Ping, Flag.Ack, 0, bytes.subarray(start, end));
    const verdict = this.#pings.ping(this.#nowMs, this.#streams.size);
    // Clients ping after what we send, to measure the way: as often as they like.
    if (verdict !== 'forgiven' && this.#flood('pings', 'maxPings')) return;
    if (verdict === 'too many') {
      this.#shared.observer.guardTripped?.(this.peer, 'minPingIntervalMs');
      this.#end(ErrorCode.EnhanceYourCalm, 'limit minPingIntervalMs', 'too_many_pings');
    }
  }

  #windowUpdate(id: number, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 4) return this.#fail(ErrorCode.FrameSizeError, 'WINDOW_UPDATE of a wrong size');
    const increment = readUint32(bytes, start) & 0x7fff_ffff;
    if (id === 0) {
      if (increment === 0) return this.#fail(ErrorCode.ProtocolError, 'a window update of nothing');
      if (!this.#sender.growWindow(increment)) this.#fail(ErrorCode.FlowControlError, 'the window is too large');
      return this.#resume();
    }
    if (this.#isIdle(id)) return this.#fail(ErrorCode.ProtocolError, 'WINDOW_UPDATE on an idle stream');
    const call = this.#streams.get(id);
    if (call === undefined) return;
    if (increment === 0) return this.#streamError(id, ErrorCode.ProtocolError, call);
    if (!call.window.grow(increment)) return this.#streamError(id, ErrorCode.FlowControlError, call);
    this.#sender.pump(call);
    this.#resume();
  }

  /** A frame of a call that is over. */
  #afterEnd(id: number, headers = false): void {
    const how = this.#recent.how(id);
    if (how === 'ended') return this.#fail(ErrorCode.StreamClosed, 'a frame after the last one of its stream');
    // Of an old one nothing is known any more. HEADERS may be trailers that crossed our reset, or an id out of order.
    if (headers && how === undefined) return this.#fail(ErrorCode.ProtocolError, 'ids of streams must rise');
    this.#flood('idleFrames', 'maxIdleFrames');
  }

  #isIdle(id: number): boolean {
    // Once told to go, a client may have opened calls that we do not take.
    return id === 0 || id % 2 === 0 || (id > this.#lastStreamId && !this.#drained);
  }

  /** The last frame of a call was written. */
  #sent(call: ServerStream): void {
    // It has its answer whatever else it sends.
    if (!call.lastFrame) this.#sender.number(FrameType.RstStream, call.id, ErrorCode.NoError);
    this.#close(call, !call.lastFrame);
  }

  #close(call: ServerStream, reset: boolean): void {
    if (call.closed) return;
    this.#streams.delete(call.id);
    this.#shared.deadlines.remove(call);
    this.#sender.forget(call);
    this.#recent.add(call.id, reset);
    if (this.#streams.size === 0) this.#vitals.idle(this.#nowMs);
    call.close();
    if (this.#drained && this.#streams.size === 0 && this.#endedReason === undefined) this.#finish('drained');
  }

  /** Resets a call for what the client did wrong in it. */
  #streamError(id: number, code: ErrorCode, call?: ServerStream): void {
    this.#sender.number(FrameType.RstStream, id, code);
    if (call === undefined) this.#recent.add(id, true);
    else {
      call.cancel();
      this.#close(call, true);
    }
    this.#flood('resets', 'maxResets');
  }

  /** Nothing is read from the client because it does not read: what it sends late is not its fault. */
  #excuse(nowMs: number): void {
    this.#vitals.excuse(nowMs);
    for (const call of this.#streams.values()) {
      if (call.messageSinceMs !== Number.POSITIVE_INFINITY) call.messageSinceMs = nowMs;
    }
  }

  #checkMessages(nowMs: number): void {
    this.#checkMessagesMs = nowMs;
    for (const call of [...this.#streams.values()]) {
      if (nowMs - call.messageSinceMs < this.#limits.messageMs) continue;
      this.abort(call, { code: StatusCode.Cancelled, details: 'grpc: the request message took too long to arrive' });
    }
  }

  /** Less waits to be sent than before: calls that were kept from their handlers may have their turn. */
  #resume(): void {
    if (this.#resuming || this.#deferred.length === 0) return;
    this.#resuming = true;
    while (this.#deferred.length > 0 && this.#sender.queued.used <= this.#limits.busyQueuedBytes) {
      this.#deferred.shift()!.handle();
    }
    this.#resuming = false;
  }

  #drainNow(): void {
    if (this.#drained) return;
    this.#drained = true;
    this.#drainSentMs = Number.POSITIVE_INFINITY;
    this.#sender.goAway(this.#lastStreamId, ErrorCode.NoError, '');
    if (this.#streams.size === 0) this.#finish('drained');
  }

  #mayQueue(): boolean {
    if (!this.#sender.queued.exhausted) return true;
    this.#trip('maxQueuedBytes', ErrorCode.EnhanceYourCalm);
    return false;
  }

  /** @returns whether it was one too many, and the connection has ended */
  #flood(flood: Flood, limit: keyof GrpcLimits): boolean {
    if (!this.#floods.count(flood, this.#nowMs)) return false;
    this.#trip(limit, ErrorCode.EnhanceYourCalm);
    return true;
  }

  #trip(limit: keyof GrpcLimits, code: ErrorCode): void {
    if (this.#endedReason !== undefined) return;
    this.#shared.observer.guardTripped?.(this.peer, limit);
    this.#end(code, `limit ${limit}`, limit);
  }

  #fail(code: ErrorCode, what: string): void {
    this.#end(code, what, what);
  }

  #end(code: ErrorCode, reason: string, debug: string): void {
    if (this.#endedReason !== undefined) return;
    this.#sender.goAway(this.#lastStreamId, code, debug);
    this.#finish(reason);
  }

  #finish(reason: string): void {
    this.#endedReason = reason;
    this.#reader.stop();
    this.#blocks.clear();
    for (const call of [...this.#streams.values()]) {
      call.cancel();
      this.#close(call, true);
    }
    this.#shared.observer.closed?.(this.peer, reason);
    this.#wake();
  }
}

/** Where the payload of a padded frame ends; before its begin when there is more padding than that. */
function unpadded(bytes: Uint8Array, start: number, end: number): number {
  return start === end ? start - 1 : end - bytes[start]!;
}
