import type { RequestHead } from './head.js';
import { MessageReader, PREFIX_BYTES } from './message.js';
import type { Method, UnaryCall } from './method.js';
import { StatusCode } from './status.js';
import { compact, isWholeMessage, type Link, ServerStream } from './stream.js';

const NOTHING: Uint8Array = new Uint8Array(0);

/** A call of one request and one answer. Its handler runs once the request is whole and the client has ended it. */
export class UnaryStream extends ServerStream implements UnaryCall {
  message: Uint8Array = NOTHING;
  #received = false;
  readonly #method: Method & { readonly kind: 'unary' };

  constructor(
    link: Link,
    id: number,
    head: RequestHead,
    method: Method & { readonly kind: 'unary' },
    nowMs: number,
    sendWindowBytes: number,
  ) {
    super(link, id, head, nowMs, sendWindowBytes);
    this.#method = method;
  }

  respond(...parts: Uint8Array[]): void {
    if (this.live) this.link.reply(this, parts);
  }

  fail(code: number, details: string): void {
    if (this.live) this.link.finish(this, { code, details });
  }

  data(bytes: Buffer, start: number, end: number, flowBytes: number): void {
    const { messages } = this.link;
    if (!this.#received && this.reader === undefined && isWholeMessage(bytes, start, end, messages.maxReceiveBytes)) {
      const whole = new Uint8Array(bytes.buffer, bytes.byteOffset + start + PREFIX_BYTES, end - start - PREFIX_BYTES);
      this.#take(this.lastFrame ? whole : compact(whole));
    } else if (start < end) {
      this.reader ??= new MessageReader(this.head.encoding, messages);
      this.reader.push(bytes, start, end);
      for (let next = this.reader.next(); next !== undefined; next = this.reader?.next()) {
        if (!(next instanceof Uint8Array)) return this.link.abort(this, next);
        if (this.#received) {
          const details = 'grpc: received a second message of a call that has one';
          return this.link.abort(this, { code: StatusCode.Internal, details });
        }
        this.#take(this.lastFrame ? next : compact(next));
      }
      const held = (this.#received ? this.message.length : 0) + (this.reader?.heldBytes ?? 0);
      if (!this.lastFrame && !this.setHeld(held)) return;
    }
    // What is held of a message is bounded by its size: the client may send on.
    this.releaseWindow(flowBytes);
  }

  end(): void {
    if (this.reader?.midMessage === true) {
      return this.link.abort(this, { code: StatusCode.Unknown, details: 'unexpected EOF' });
    }
    if (!this.#received) {
      return this.link.abort(this, { code: StatusCode.Unknown, details: 'EOF' });
    }
    this.reader = undefined;
    this.messageSinceMs = Number.POSITIVE_INFINITY;
    if (!this.link.defer(this)) return this.handle();
    this.message = compact(this.message);
  }

  /** Hands it to its handler. */
  handle(): void {
    if (!this.live) return;
    try {
      this.#method.handle(this);
    } catch (error) {
      this.link.broken(this, error);
    }
  }

  wake(): void {}

  #take(message: Uint8Array): void {
    this.#received = true;
    this.message = message;
  }
}
