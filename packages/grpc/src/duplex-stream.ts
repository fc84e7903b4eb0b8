import { GrpcServerError } from './errors.js';
import type { RequestHead } from './head.js';
import { MessageReader } from './message.js';
import type { StreamCall } from './method.js';
import { StatusCode } from './status.js';
import { compact, type Link, ServerStream } from './stream.js';

/** A message the handler has not read, and what it took on the wire. */
interface Received {
  readonly message: Uint8Array;
  readonly wireBytes: number;
}

/** What an empty message takes while it waits. */
const RECEIVED_OVERHEAD_BYTES = 128;

/** A call of any number of messages both ways. */
export class DuplexStream extends ServerStream {
  /** What the handler holds. */
  readonly call: StreamCall;
  #inbox: Received[] = [];
  #inboxBytes = 0;
  /**
   * By how much the inbox is larger than what is kept of the window: the begin of a long message is given back while it
   * arrives, or it could never be whole.
   */
  #overdrawn = 0;
  #reading: ((message: Uint8Array | undefined) => void) | undefined;
  #take: ((message: Uint8Array) => void | Promise<void>) | undefined;
  #atEnd: (() => void) | undefined;
  /** `take` has a message, or has a promise for it. */
  #busy = false;
  #draining: (() => void)[] = [];

  constructor(link: Link, id: number, head: RequestHead, nowMs: number, sendWindowBytes: number) {
    super(link, id, head, nowMs, sendWindowBytes);
    this.messageSinceMs = Number.POSITIVE_INFINITY;
    this.call = new Handle(this);
  }

  read(): Promise<Uint8Array | undefined> {
    if (this.#reading !== undefined || this.#take !== undefined) {
      throw new GrpcServerError('GRPC_MISUSED', `${this.path} is being read already`);
    }
    const first = this.#inbox.shift();
    if (first !== undefined) {
      this.#consume(first);
      return Promise.resolve(first.message);
    }
    if (this.remoteEnded || this.closed || !this.live) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#reading = resolve;
    });
  }

  onMessage(take: (message: Uint8Array) => void | Promise<void>, end: () => void): void {
    if (this.#reading !== undefined || this.#take !== undefined) {
      throw new GrpcServerError('GRPC_MISUSED', `${this.path} is being read already`);
    }
    this.#take = take;
    this.#atEnd = end;
    this.#push();
  }

  write(parts: readonly Uint8Array[]): boolean {
    if (!this.live) return true;
    this.link.send(this, parts);
    return this.closed || !this.link.isFull(this.queuedBytes);
  }

  drained(): Promise<void> {
    if (!this.live || this.closed || !this.link.isFull(this.queuedBytes)) return Promise.resolve();
    return new Promise((resolve) => this.#draining.push(resolve));
  }

  finish(code: number, details: string): void {
    if (!this.live) return;
    this.link.finish(this, { code, details });
    this.#drop();
  }

  data(bytes: Buffer, start: number, end: number, flowBytes: number, nowMs: number): void {
    // Its handler has ended it: the rest is of no interest, and bounded by the window.
    if (!this.live) return this.releaseWindow(flowBytes);
    this.reader ??= new MessageReader(this.head.encoding, this.link.messages);
    const reader = this.reader;
    reader.push(bytes, start, end);
    let begun = reader.midMessage;
    let unclaimed = flowBytes;
    for (;;) {
      const before = reader.wireBytes;
      const next = reader.next();
      if (next === undefined) break;
      if (!(next instanceof Uint8Array)) return this.link.abort(this, next);
      begun = false;
      // What waits must not hold a whole chunk alive for a few bytes.
      const waits = this.#busy || (this.#reading === undefined && this.#take === undefined);
      const received = { message: waits ? compact(next) : next, wireBytes: reader.wireBytes - before };
      unclaimed -= received.wireBytes;
      this.#inbox.push(received);
      this.#inboxBytes += next.length + RECEIVED_OVERHEAD_BYTES;
    }
    if (unclaimed < 0) this.#overdrawn -= unclaimed;
    else this.#giveBack(unclaimed);
    if (!reader.midMessage) this.messageSinceMs = Number.POSITIVE_INFINITY;
    else if (!begun) this.messageSinceMs = nowMs;
    this.#push();
    if (!this.closed) this.setHeld(this.#inboxBytes + reader.heldBytes);
  }

  end(): void {
    if (this.reader?.midMessage === true) {
      return this.link.abort(this, { code: StatusCode.Internal, details: 'unexpected EOF' });
    }
    this.messageSinceMs = Number.POSITIVE_INFINITY;
    this.#push();
  }

  wake(): void {
    if (this.closed) this.#drop();
    if (this.#draining.length === 0 || (!this.closed && this.live && this.link.isFull(this.queuedBytes))) return;
    for (const resolve of this.#draining.splice(0)) resolve();
  }

  /** Hands messages to whoever takes them, as many as he wants. */
  #push(): void {
    if (this.#reading !== undefined) {
      const first = this.#inbox.shift();
      if (first === undefined && !this.remoteEnded) return;
      const resolve = this.#reading;
      this.#reading = undefined;
      if (first !== undefined) this.#consume(first);
      resolve(first?.message);
      return;
    }
    while (this.#take !== undefined && !this.#busy && this.live) {
      const first = this.#inbox.shift();
      if (first === undefined) {
        if (!this.remoteEnded) return;
        const atEnd = this.#atEnd;
        this.#atEnd = undefined;
        if (atEnd !== undefined) this.run(atEnd);
        return;
      }
      this.#consume(first);
      this.#busy = true;
      try {
        const taken = this.#take(first.message);
        if (taken === undefined) this.#busy = false;
        else {
          taken.then(
            () => {
              this.#busy = false;
              this.#push();
            },
            (error: unknown) => this.link.broken(this, error),
          );
        }
      } catch (error) {
        this.link.broken(this, error);
      }
    }
  }

  #consume({ message, wireBytes }: Received): void {
    this.#inboxBytes -= message.length + RECEIVED_OVERHEAD_BYTES;
    this.#giveBack(wireBytes);
    if (!this.closed) this.setHeld(this.#inboxBytes + (this.reader?.heldBytes ?? 0));
  }

  #giveBack(bytes: number): void {
    const paid = Math.min(bytes, this.#overdrawn);
    this.#overdrawn -= paid;
    this.releaseWindow(bytes - paid);
  }

  /** Nobody reads any more. */
  #drop(): void {
    this.#inbox = [];
    this.#inboxBytes = 0;
    const resolve = this.#reading;
    this.#reading = undefined;
    resolve?.(undefined);
  }
}

/** A stream as its handler sees it: `end` here is what ends the answer. */
class Handle implements StreamCall {
  readonly #stream: DuplexStream;

  constructor(stream: DuplexStream) {
    this.#stream = stream;
  }

  get path(): string {
    return this.#stream.path;
  }

  get deadlineMs(): number {
    return this.#stream.deadlineMs;
  }

  get peer(): string {
    return this.#stream.peer;
  }

  get cancelled(): boolean {
    return this.#stream.cancelled;
  }

  metadata(name: string): string | undefined {
    return this.#stream.metadata(name);
  }

  onCancel(callback: () => void): void {
    this.#stream.onCancel(callback);
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#stream.read();
  }

  onMessage(take: (message: Uint8Array) => void | Promise<void>, end: () => void): void {
    this.#stream.onMessage(take, end);
  }

  write(...parts: Uint8Array[]): boolean {
    return this.#stream.write(parts);
  }

  drained(): Promise<void> {
    return this.#stream.drained();
  }

  end(code: number = StatusCode.Ok, details = ''): void {
    this.#stream.finish(code, details);
  }
}
