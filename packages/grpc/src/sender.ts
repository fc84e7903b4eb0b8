import { SendWindow } from './flow-control.js';
import {
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  type ErrorCode,
  Flag,
  FRAME_HEADER_BYTES,
  FrameType,
  writeFrameHeader,
  writeUint32,
} from './frame.js';
import type { Budget } from './guards.js';
import { MAX_FIXED_BLOCK_BYTES, ResponseEncoder } from './hpack/encoder.js';
import type { Field } from './hpack/static-table.js';
import type { GrpcLimits } from './limits.js';
import { PREFIX_BYTES } from './message.js';
import { type BlockPool, Output } from './output.js';
import { PeerSettings } from './peer-settings.js';
import { encodeMessage, type Status, StatusCode } from './status.js';
import { framed, type ServerStream } from './stream.js';

/** Messages up to this are written into a block, next to their frames; longer parts are passed as they are. */
const COPIED_BYTES = 4096;
/** Headers and trailers of one small answer, with its frame headers and its prefix. */
const ANSWER_OVERHEAD_BYTES = 3 * FRAME_HEADER_BYTES + 2 * MAX_FIXED_BLOCK_BYTES + PREFIX_BYTES;
/** Larger frames are allowed to some, and would make the others wait. */
const MAX_DATA_BYTES = 64 * 1024;
/** A status text is cut here: no client takes headers without bound. */
const MAX_DETAILS = 8192;
const MAX_REFUSAL = 1024;

export interface SenderOptions {
  readonly limits: GrpcLimits;
  readonly pool: BlockPool;
  readonly queued: Budget;
  /** There is something to write; not called again before it was taken. */
  wake(): void;
  /** The last frame of a call has been written. */
  ended(call: ServerStream): void;
  /** Headers or data were written: the client may have reason to ping. */
  answered(): void;
}

/**
 * Everything a connection writes: control frames at once; messages as windows and the socket allow, in turns among the
 * calls that wait, a frame each.
 *
 * Invariant: a call with `queuedBytes > 0`, or a status that is not sent, is in `#waiting`.
 */
export class Sender {
  readonly output: Output;
  readonly settings: PeerSettings = new PeerSettings();
  readonly queued: Budget;
  readonly #options: SenderOptions;
  readonly #encoder = new ResponseEncoder();
  readonly #window = new SendWindow(DEFAULT_WINDOW_BYTES);
  readonly #waiting = new Set<ServerStream>();
  #maxDataBytes: number = DEFAULT_MAX_FRAME_BYTES;
  #congested = false;
  #awake = false;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.output = new Output(options.pool);
    this.queued = options.queued;
  }

  /** The socket has not taken what it was given: messages wait. */
  get congested(): boolean {
    return this.#congested;
  }

  set congested(congested: boolean) {
    const freed = this.#congested && !congested;
    this.#congested = congested;
    if (freed) this.pumpAll();
  }

  /** The output is about to be taken. */
  taken(): void {
    this.#awake = false;
  }

  /** `settings` has changed. */
  applySettings(): void {
    this.#maxDataBytes = Math.min(this.settings.maxFrameBytes, MAX_DATA_BYTES);
    this.#encoder.setTableLimit(this.settings.headerTableBytes);
  }

  /** @returns false: the window is beyond its largest size */
  growWindow(bytes: number): boolean {
    const grown = this.#window.grow(bytes);
    if (grown) this.pumpAll();
    return grown;
  }

  /** Any frame without much of a payload. */
  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const at = this.output.reserve(FRAME_HEADER_BYTES + payload.length);
    writeFrameHeader(this.output.block, at, payload.length, type, flags, streamId);
    this.output.block.set(payload, at + FRAME_HEADER_BYTES);
    this.output.at = at + FRAME_HEADER_BYTES + payload.length;
    this.#wake();
  }

  /** A frame whose payload is one number: RST_STREAM, WINDOW_UPDATE. */
  number(type: number, streamId: number, value: number): void {
    const at = this.output.reserve(FRAME_HEADER_BYTES + 4);
    const end = writeFrameHeader(this.output.block, at, 4, type, 0, streamId);
    this.output.at = writeUint32(this.output.block, end, value);
    this.#wake();
  }

  goAway(lastStreamId: number, code: ErrorCode, debug: string): void {
    const text = Buffer.from(debug, 'utf8');
    const payload = Buffer.alloc(8 + text.length);
    writeUint32(payload, 0, lastStreamId);
    writeUint32(payload, 4, code);
    payload.set(text, 8);
    this.frame(FrameType.GoAway, 0, 0, payload);
  }

  /** A whole answer: headers, one message, status OK. */
  reply(call: ServerStream, parts: readonly Uint8Array[]): void {
    let length = 0;
    for (const part of parts) length += part.length;
    const flowBytes = length + PREFIX_BYTES;
    const fits = flowBytes <= call.window.available && flowBytes <= this.#window.available;
    if (!fits || flowBytes > COPIED_BYTES || this.#congested) {
      call.status = OK;
      this.#enqueue(call, parts, length);
      return;
    }
    call.status = OK;
    call.window.available -= flowBytes;
    this.#window.available -= flowBytes;
    const { output } = this;
    let at = output.reserve(ANSWER_OVERHEAD_BYTES + length);
    const { block } = output;
    const { id } = call;
    const headersEnd = this.#encoder.encodeHeaders(block, at + FRAME_HEADER_BYTES);
    writeFrameHeader(block, at, headersEnd - at - FRAME_HEADER_BYTES, FrameType.Headers, Flag.EndHeaders, id);
    at = writeFrameHeader(block, headersEnd, flowBytes, FrameType.Data, 0, id);
    block[at] = 0;
    at = writeUint32(block, at + 1, length);
    for (const part of parts) {
      block.set(part, at);
      at += part.length;
    }
    const trailersEnd = this.#encoder.encodeOk(block, at + FRAME_HEADER_BYTES);
    const last = Flag.EndHeaders | Flag.EndStream;
    writeFrameHeader(block, at, trailersEnd - at - FRAME_HEADER_BYTES, FrameType.Headers, last, id);
    output.at = trailersEnd;
    call.headersSent = true;
    this.#congestIfLong();
    this.#wake();
    this.#options.answered();
    this.#options.ended(call);
  }

  /** One message of several. */
  send(call: ServerStream, parts: readonly Uint8Array[]): void {
    let length = 0;
    for (const part of parts) length += part.length;
    this.#enqueue(call, parts, length);
  }

  /** Status and trailers, after what is queued. */
  finish(call: ServerStream, status: Status): void {
    call.status = status;
    this.#pump(call);
  }

  /** Status and trailers at once, in place of what is queued. */
  abort(call: ServerStream, status: Status): void {
    this.forget(call);
    this.#trailers(call, status, 200);
  }

  /** An answer without a handler, to a call that may not even be gRPC. The text is short: it may repeat the request. */
  refuse(call: ServerStream, { code, details }: Status, httpStatus: number): void {
    this.#trailers(call, { code, details: details.slice(0, MAX_REFUSAL) }, httpStatus);
  }

  /** Drops what a call has queued. */
  forget(call: ServerStream): void {
    if (!this.#waiting.delete(call)) return;
    this.queued.give(call.queuedBytes);
    call.queuedBytes = 0;
    call.queue = undefined;
  }

  /** A window of this call has grown. */
  pump(call: ServerStream): void {
    if (this.#waiting.has(call)) this.#pump(call);
  }

  /** Lets all who wait send, in turns. */
  pumpAll(): void {
    // Also without a window: what has sent all its data needs none for its trailers.
    for (let progress = true; progress && !this.#congested; ) {
      progress = false;
      for (const call of this.#waiting) {
        if (this.#step(call)) progress = true;
        if (this.#congested) break;
      }
    }
    for (const call of this.#waiting) call.wake();
  }

  #enqueue(call: ServerStream, parts: readonly Uint8Array[], length: number): void {
    const added = framed(parts, length);
    if (call.queue === undefined) call.queue = added;
    else for (const part of added) call.queue.push(part);
    call.queuedBytes += length + PREFIX_BYTES;
    this.queued.take(length + PREFIX_BYTES);
    this.#waiting.add(call);
    this.#pump(call);
  }

  #pump(call: ServerStream): void {
    this.#waiting.add(call);
    while (this.#step(call));
    call.wake();
  }

  /** Sends one frame of a call's queue, and its trailers after the last one. @returns whether it is worth trying again */
  #step(call: ServerStream): boolean {
    if (call.queuedBytes === 0) {
      this.#waiting.delete(call);
      if (call.status !== undefined) this.#trailers(call, call.status, 200);
      else call.wake();
      return false;
    }
    const allowed = Math.min(call.window.available, this.#window.available, this.#maxDataBytes);
    if (this.#congested || allowed <= 0) return false;
    if (!call.headersSent) this.#headers(call);
    this.#data(call, Math.min(allowed, call.queuedBytes));
    this.#congestIfLong();
    return true;
  }

  #headers(call: ServerStream): void {
    const at = this.output.reserve(FRAME_HEADER_BYTES + MAX_FIXED_BLOCK_BYTES);
    const { block } = this.output;
    const end = this.#encoder.encodeHeaders(block, at + FRAME_HEADER_BYTES);
    writeFrameHeader(block, at, end - at - FRAME_HEADER_BYTES, FrameType.Headers, Flag.EndHeaders, call.id);
    this.output.at = end;
    call.headersSent = true;
  }

  #data(call: ServerStream, bytes: number): void {
    const { output } = this;
    const at = output.reserve(FRAME_HEADER_BYTES);
    output.at = writeFrameHeader(output.block, at, bytes, FrameType.Data, 0, call.id);
    call.window.available -= bytes;
    this.#window.available -= bytes;
    call.queuedBytes -= bytes;
    this.queued.give(bytes);
    const queue = call.queue!;
    let index = 0;
    for (let left = bytes; left > 0; ) {
      const part = queue[index]!;
      const taken = Math.min(left, part.length - call.queueOffset);
      this.#append(part, call.queueOffset, call.queueOffset + taken);
      left -= taken;
      call.queueOffset += taken;
      if (call.queueOffset === part.length) {
        call.queueOffset = 0;
        index++;
      }
    }
    if (index === queue.length) call.queue = undefined;
    else if (index > 0) queue.splice(0, index);
    this.#options.answered();
    this.#wake();
  }

  #append(part: Uint8Array, start: number, end: number): void {
    const { output } = this;
    const length = end - start;
    if (length > COPIED_BYTES) {
      output.pass(length === part.length ? part : part.subarray(start, end));
      return;
    }
    const at = output.reserve(length);
    output.block.set(length === part.length ? part : part.subarray(start, end), at);
    output.at = at + length;
  }

  #trailers(call: ServerStream, status: Status, httpStatus: number): void {
    const { output } = this;
    const last = Flag.EndHeaders | Flag.EndStream;
    if (call.headersSent && status.code === StatusCode.Ok) {
      const at = output.reserve(FRAME_HEADER_BYTES + MAX_FIXED_BLOCK_BYTES);
      const end = this.#encoder.encodeOk(output.block, at + FRAME_HEADER_BYTES);
      writeFrameHeader(output.block, at, end - at - FRAME_HEADER_BYTES, FrameType.Headers, last, call.id);
      output.at = end;
      this.#wake();
    } else {
      this.#fields(call.id, [
        ...(call.headersSent
          ? []
          : [
              { name: ':status', value: String(httpStatus) },
              { name: 'content-type', value: 'application/grpc' },
            ]),
        { name: 'grpc-status', value: String(status.code) },
        ...(status.details === ''
          ? []
          : [{ name: 'grpc-message', value: encodeMessage(status.details.slice(0, MAX_DETAILS)) }]),
      ]);
    }
    call.status = status;
    call.headersSent = true;
    this.#options.answered();
    this.#options.ended(call);
  }

  /** A block that ends a call, over as many frames as it takes. */
  #fields(streamId: number, fields: readonly Field[]): void {
    const block = this.#encoder.encodeFields(fields);
    const max = this.settings.maxFrameBytes;
    for (let at = 0, type: number = FrameType.Headers; at < block.length; at += max, type = FrameType.Continuation) {
      const flags =
        (at + max >= block.length ? Flag.EndHeaders : 0) | (type === FrameType.Headers ? Flag.EndStream : 0);
      this.frame(type, flags, streamId, block.subarray(at, at + max));
    }
  }

  #congestIfLong(): void {
    if (this.output.bytes > this.#options.limits.maxUnsentBytes) this.#congested = true;
  }

  #wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    this.#options.wake();
  }
}

const OK: Status = { code: StatusCode.Ok, details: '' };
