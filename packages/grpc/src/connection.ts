import { Calls, type Shared } from './calls.js';
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
import { type Flood, FloodGuard, PingPolicy } from './guards.js';
import { HeadReader } from './head-reader.js';
import { type BlockFault, type HeaderBlock, HeaderBlocks } from './header-blocks.js';
import { HpackError } from './hpack/decoder.js';
import type { GrpcLimits } from './limits.js';
import type { Output } from './output.js';
import type { Sender } from './sender.js';
import { Vitals } from './vitals.js';

export interface ConnectionOptions {
  readonly shared: Shared;
  readonly peer: string;
  readonly nowMs: number;
  /** There is something to write, or the connection has ended. Must not call back into the connection. */
  wake(): void;
}

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
 * Invariants: ids of calls rise; nothing is read, and no call is open, once it has ended.
 */
export class Connection implements FrameSink {
  readonly peer: string;
  readonly #shared: Shared;
  readonly #limits: GrpcLimits;
  readonly #wake: () => void;
  readonly #reader: FrameReader;
  readonly #blocks: HeaderBlocks;
  readonly #heads: HeadReader;
  readonly #vitals: Vitals;
  readonly #calls: Calls;
  readonly #sender: Sender;
  readonly #window: ReceiveWindow;
  readonly #floods: FloodGuard;
  readonly #pings: PingPolicy;
  #nowMs: number;
  #endedReason: string | undefined;

  /** When a first GOAWAY was sent, and a ping after it; Infinity: not, or it was answered. */
  #drainSentMs: number = Number.POSITIVE_INFINITY;
  #dropAtMs: number = Number.POSITIVE_INFINITY;
  #checkMessagesMs: number;

  constructor({ shared, peer, nowMs, wake }: ConnectionOptions) {
    const { limits } = shared;
    this.peer = peer;
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
    this.#calls = new Calls({
      shared,
      peer,
      wake,
      answered: () => this.#pings.forgive(),
      emptied: () => this.#emptied(),
      flood: (flood, limit) => this.#flood(flood, limit),
      trip: (limit, code) => this.#trip(limit, code),
    });
    this.#sender = this.#calls.sender;
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
    return { queued: this.#sender.queued.used, received: this.#calls.receivedBytes };
  }

  /** Open calls. */
  get streams(): number {
    return this.#calls.size;
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
    this.#calls.resume();
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
    if (this.#sender.congested) {
      this.#vitals.excuse(nowMs);
      this.#calls.excuse(nowMs);
    }
    const draining = this.#calls.sealed || this.#drainSentMs !== Number.POSITIVE_INFINITY;
    const due = this.#vitals.due(nowMs, this.#calls.size, draining);
    if (due?.kind === 'end') return this.#trip(due.limit, due.code);
    if (due?.kind === 'ping') this.#sender.frame(FrameType.Ping, 0, 0, KEEPALIVE_PING);
    if (due?.kind === 'drain') {
      const graceMs = due.limit === 'maxAgeMs' ? this.#limits.maxAgeGraceMs : Number.POSITIVE_INFINITY;
      this.drain(nowMs, due.limit, graceMs);
    }
    if (nowMs - this.#drainSentMs >= DRAIN_PING_MS) this.#drainNow();
    if (nowMs >= this.#dropAtMs) return this.#end(ErrorCode.NoError, 'limit maxAgeGraceMs', 'max_age');
    if (nowMs - this.#checkMessagesMs < this.#limits.messageMs / 8) return;
    this.#checkMessagesMs = nowMs;
    this.#calls.checkMessages(nowMs);
  }

  /** Tells the client to open no more calls, and ends once those it has are over. */
  drain(nowMs: number, reason = 'drained', graceMs: number = Number.POSITIVE_INFINITY): void {
    const draining = this.#calls.sealed || this.#drainSentMs !== Number.POSITIVE_INFINITY;
    if (this.#endedReason !== undefined || draining) return;
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
    if (this.#calls.isIdle(id)) return this.#fail(ErrorCode.ProtocolError, 'DATA on an idle stream');
    const flowBytes = end - start;
    if (!this.#window.take(flowBytes)) return this.#fail(ErrorCode.FlowControlError, 'more DATA than allowed');
    // Given back at once: what is held of calls is bounded by their own windows, and by the budget.
    const increment = this.#window.release(flowBytes);
    if (increment > 0) this.#sender.number(FrameType.WindowUpdate, 0, increment);

    const call = this.#calls.get(id);
    if (call === undefined) return this.#afterEnd(id);
    const last = (flags & Flag.EndStream) !== 0;
    let from = start;
    let to = end;
    if ((flags & Flag.Padded) !== 0) {
      to = unpadded(bytes, start, end);
      from = start + 1;
      if (to < from) return this.#fail(ErrorCode.ProtocolError, 'more padding than there is payload');
    }
    if (from === to && !last && this.#flood('idleFrames', 'maxIdleFrames')) return;
    this.#calls.data(call, bytes, from, to, flowBytes, last, this.#nowMs);
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
    const calls = this.#calls;
    if (id <= calls.lastId || calls.sealed) {
      this.#heads.skip(bytes, start, end);
      const call = calls.get(id);
      if (call !== undefined) calls.trailers(call, last);
      else if (id <= calls.lastId) this.#afterEnd(id, true);
      return;
    }
    const head = this.#heads.request(bytes, start, end);
    calls.lastId = id;
    if (selfDependent || head === 'malformed') calls.error(id, ErrorCode.ProtocolError, undefined);
    else if (head === 'too large') calls.error(id, ErrorCode.FrameSizeError, undefined);
    else calls.open(id, head, last, this.#nowMs, this.#vitals.acknowledged);
  }

  #priority(id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0) return this.#fail(ErrorCode.ProtocolError, 'PRIORITY on no stream');
    if (end - start !== 5) return this.#calls.error(id, ErrorCode.FrameSizeError, this.#calls.get(id));
    if ((readUint32(bytes, start) & 0x7fff_ffff) === id) {
      return this.#calls.error(id, ErrorCode.ProtocolError, this.#calls.get(id));
    }
    this.#flood('idleFrames', 'maxIdleFrames');
  }

  #rstStream(id: number, start: number, end: number): void {
    if (end - start !== 4) return this.#fail(ErrorCode.FrameSizeError, 'RST_STREAM of a wrong size');
    if (this.#calls.isIdle(id)) return this.#fail(ErrorCode.ProtocolError, 'RST_STREAM on an idle stream');
    const call = this.#calls.get(id);
    if (call !== undefined) this.#calls.reset(call, this.#nowMs);
    else this.#flood('idleFrames', 'maxIdleFrames');
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
    if (more !== 0 && !this.#calls.growWindows(more)) this.#fail(ErrorCode.FlowControlError, 'a window is too large');
  }

  #ping(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) return this.#fail(ErrorCode.ProtocolError, 'PING on a stream');
    if (end - start !== 8) return this.#fail(ErrorCode.FrameSizeError, 'PING of a wrong size');
    if ((flags & Flag.Ack) !== 0) {
      if (bytes[start] === DRAIN_PING[0] && this.#drainSentMs !== Number.POSITIVE_INFINITY) this.#drainNow();
      return;
    }
    this.#sender.frame(FrameType.Ping, Flag.Ack, 0, bytes.subarray(start, end));
    const verdict = this.#pings.ping(this.#nowMs, this.#calls.size);
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
      return this.#calls.resume();
    }
    if (this.#calls.isIdle(id)) return this.#fail(ErrorCode.ProtocolError, 'WINDOW_UPDATE on an idle stream');
    const call = this.#calls.get(id);
    if (call === undefined) return;
    if (increment === 0) return this.#calls.error(id, ErrorCode.ProtocolError, call);
    if (!call.window.grow(increment)) return this.#calls.error(id, ErrorCode.FlowControlError, call);
    this.#sender.pump(call);
    this.#calls.resume();
  }

  /** A frame of a call that is over. */
  #afterEnd(id: number, headers = false): void {
    const how = this.#calls.howEnded(id);
    if (how === 'ended') return this.#fail(ErrorCode.StreamClosed, 'a frame after the last one of its stream');
    // Of an old one nothing is known any more. HEADERS may be trailers that crossed our reset, or an id out of order.
    if (headers && how === undefined) return this.#fail(ErrorCode.ProtocolError, 'ids of streams must rise');
    this.#flood('idleFrames', 'maxIdleFrames');
  }

  #emptied(): void {
    this.#vitals.idle(this.#nowMs);
    if (this.#calls.sealed && this.#endedReason === undefined) this.#finish('drained');
  }

  #drainNow(): void {
    if (this.#calls.sealed) return;
    this.#calls.sealed = true;
    this.#drainSentMs = Number.POSITIVE_INFINITY;
    this.#sender.goAway(this.#calls.lastId, ErrorCode.NoError, '');
    if (this.#calls.size === 0) this.#finish('drained');
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
    this.#sender.goAway(this.#calls.lastId, code, debug);
    this.#finish(reason);
  }

  #finish(reason: string): void {
    this.#endedReason = reason;
    this.#reader.stop();
    this.#blocks.clear();
    this.#calls.cancelAll();
    this.#shared.observer.closed?.(this.peer, reason);
    this.#wake();
  }
}

/** Where the payload of a padded frame ends; before its begin when there is more padding than that. */
function unpadded(bytes: Uint8Array, start: number, end: number): number {
  return start === end ? start - 1 : end - bytes[start]!;
}
