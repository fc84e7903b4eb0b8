import type { Expiring } from './deadlines.js';
import { ReceiveWindow, SendWindow } from './flow-control.js';
import { readUint32, writeUint32 } from './frame.js';
import { metadataOf, type RequestHead } from './head.js';
import { type MessageOptions, type MessageReader, PREFIX_BYTES } from './message.js';
import type { CallInfo } from './method.js';
import { type Status, StatusCode } from './status.js';

/** A call that is ready for its handler. */
export interface Deferrable {
  handle(): void;
}

/** The connection, as its calls see it. */
export interface Link {
  readonly peer: string;
  readonly messages: MessageOptions;
  readonly streamWindowBytes: number;
  /** Sends a whole answer, trailers included. */
  reply(call: ServerStream, parts: readonly Uint8Array[]): void;
  /** Sends a message of several. */
  send(call: ServerStream, parts: readonly Uint8Array[]): void;
  /** Ends the call after what it has queued. */
  finish(call: ServerStream, status: Status): void;
  /** Ends the call now, from our side: what is queued is dropped, its handler sees it cancelled. */
  abort(call: ServerStream, status: Status): void;
  /** Whether a call that has `queuedBytes` to send had better wait. */
  isFull(queuedBytes: number): boolean;
  /** Tells the client that it may send more of this call. */
  grant(call: ServerStream, bytes: number): void;
  /** Accounts for bytes received and held. @returns false: too many */
  hold(bytes: number): boolean;
  release(bytes: number): void;
  /** Keeps a call from its handler for now. @returns whether it does */
  defer(call: Deferrable): boolean;
  /** A handler threw: our bug. */
  broken(call: ServerStream, error: unknown): void;
}

/**
 * One call: what both kinds have in common.
 *
 *     open ──(END_STREAM received)──▶ remoteEnded ──┐
 *       │                                           ├──▶ closed: both ended, or either side reset
 *       └──(trailers queued)──▶ status set ─────────┘
 *
 * `cancelled` is set when it closes without a status of its handler.
 */
export abstract class ServerStream implements CallInfo, Expiring {
  readonly id: number;
  readonly head: RequestHead;
  readonly deadlineMs: number;
  readonly openedMs: number;
  readonly window: SendWindow;
  protected readonly link: Link;

  slot = -1;
  before: Expiring | undefined = undefined;
  after: Expiring | undefined = undefined;

  /** The client's last frame is being read, or has been. */
  lastFrame = false;
  /** The client has sent its last byte. */
  remoteEnded = false;
  /** How the call ends; set once its handler has said so. */
  status: Status | undefined = undefined;
  headersSent = false;
  closed = false;
  cancelled = false;

  /** Framed messages that wait for a window or for the socket, and how far into the first of their parts. */
  queue: Uint8Array[] | undefined = undefined;
  queueOffset = 0;
  queuedBytes = 0;

  /** Payload so far, to be compared with a content-length. */
  payloadBytes = 0;
  /** When the message that is not whole yet began; Infinity: none has. */
  messageSinceMs: number;
  protected reader: MessageReader | undefined = undefined;
  protected heldBytes = 0;
  #receive: ReceiveWindow | undefined = undefined;
  #onCancel: (() => void)[] | undefined = undefined;

  constructor(link: Link, id: number, head: RequestHead, nowMs: number, sendWindowBytes: number) {
    this.link = link;
    this.id = id;
    this.head = head;
    this.openedMs = nowMs;
    this.messageSinceMs = nowMs;
    this.deadlineMs = nowMs + head.timeoutMs;
    this.window = new SendWindow(sendWindowBytes);
  }

  get path(): string {
    return this.head.path;
  }

  get peer(): string {
    return this.link.peer;
  }

  metadata(name: string): string | undefined {
    return metadataOf(this.head, name);
  }

  onCancel(callback: () => void): void {
    if (this.cancelled) callback();
    else if (this.#onCancel === undefined) this.#onCancel = [callback];
    else this.#onCancel.push(callback);
  }

  /** Whether the handler can still say how it ends. */
  get live(): boolean {
    return !this.cancelled && this.status === undefined;
  }

  /** @returns false: the client sent more than it may */
  takeWindow(bytes: number, last: boolean): boolean {
    if (this.#receive === undefined) {
      // Most calls are one frame: they need no bookkeeping.
      if (last) return bytes <= this.link.streamWindowBytes;
      this.#receive = new ReceiveWindow(this.link.streamWindowBytes);
    }
    return this.#receive.take(bytes);
  }

  protected releaseWindow(bytes: number): void {
    if (this.lastFrame || this.closed || this.#receive === undefined || bytes === 0) return;
    const increment = this.#receive.release(bytes);
    if (increment > 0) this.link.grant(this, increment);
  }

  /** Accounts for what is held of this call. @returns false: it was too much, and the call is over */
  protected setHeld(bytes: number): boolean {
    const more = bytes - this.heldBytes;
    this.heldBytes = bytes;
    if (more <= 0) {
      this.link.release(-more);
      return true;
    }
    if (this.link.hold(more)) return true;
    this.link.abort(this, {
      code: StatusCode.ResourceExhausted,
      details: 'grpc: too much is received and not read yet',
    });
    return false;
  }

  /** Takes the payload of one DATA frame; `flowBytes` is what it counts for, padding included. */
  abstract data(bytes: Buffer, start: number, end: number, flowBytes: number, nowMs: number): void;
  /** The client has sent its last byte. Comes once. */
  abstract end(): void;

  /** Its deadline has passed. */
  expire(): void {
    this.link.abort(this, { code: StatusCode.DeadlineExceeded, details: 'context deadline exceeded' });
  }

  /** Nobody waits for the answer any more; its handler hears of it when the call closes. */
  cancel(): void {
    if (this.status === undefined) this.cancelled = true;
  }

  /** The call is over, in whatever way. Comes once, from the connection. */
  close(): void {
    this.closed = true;
    this.queue = undefined;
    this.reader = undefined;
    this.link.release(this.heldBytes);
    this.heldBytes = 0;
    const callbacks = this.#onCancel;
    this.#onCancel = undefined;
    if (this.cancelled && callbacks !== undefined) for (const each of callbacks) this.run(each);
    this.wake();
  }

  /** Whoever waits for room may look again. */
  abstract wake(): void;

  /** Runs code of the handler, whose exceptions must not reach the connection. */
  protected run(code: () => void): void {
    try {
      code();
    } catch (error) {
      this.link.broken(this, error);
    }
  }
}

/** A message as it is framed: prefix first. */
export function framed(parts: readonly Uint8Array[], length: number): Uint8Array[] {
  const prefix = new Uint8Array(PREFIX_BYTES);
  writeUint32(prefix, 1, length);
  const whole: Uint8Array[] = [prefix];
  for (const part of parts) if (part.length > 0) whole.push(part);
  return whole;
}

/** The same bytes, in memory of about their size. */
export function compact(message: Uint8Array): Uint8Array {
  return message.length * 2 < message.buffer.byteLength ? new Uint8Array(message) : message;
}

/** Whether the payload is one plain message, whole, which may be received. */
export function isWholeMessage(bytes: Uint8Array, start: number, end: number, maxBytes: number): boolean {
  const length = end - start - PREFIX_BYTES;
  return length >= 0 && bytes[start] === 0 && length <= maxBytes && readUint32(bytes, start + 1) === length;
}
