import { readUint32 } from './frame.js';
import { type Status, StatusCode } from './status.js';

/** One byte of flags and four of length, before each message. */
export const PREFIX_BYTES = 5;
const COMPRESSED = 1;
const NOTHING: Buffer = Buffer.alloc(0);
const FIRST_PIECE_BYTES = 64 * 1024;
/** A small message may inflate to this, whatever the ratio: zeros do. */
const RATIO_FREE_BYTES = 256 * 1024;

/** Inflates gzip. */
export interface Inflate {
  /** @returns undefined: not gzip, or cut short; 'too large': more than `maxBytes`, of which no more was made */
  gunzip(bytes: Uint8Array, maxBytes: number): Uint8Array | 'too large' | undefined;
}

export interface MessageOptions {
  readonly maxReceiveBytes: number;
  readonly maxInflateRatio: number;
  readonly inflate: Inflate;
}

/** What refuses a message of more bytes than may be received: gRPC's own words. */
export function tooLarge(bytes: number, maxBytes: number): Status {
  return {
    code: StatusCode.ResourceExhausted,
    details: `grpc: received message larger than max (${bytes} vs. ${maxBytes})`,
  };
}

/** What refuses a message by its first five bytes; undefined: welcome. */
export function checkPrefix(flags: number, length: number, encoding: string, maxBytes: number): Status | undefined {
  if (flags > COMPRESSED) {
    return { code: StatusCode.Internal, details: `grpc: received unexpected payload format ${flags}` };
  }
  if (length > maxBytes) return tooLarge(length, maxBytes);
  if (flags === 0 || encoding === 'gzip') return undefined;
  return { code: StatusCode.Internal, details: 'grpc: compressed flag set with identity or empty encoding' };
}

/** A compressed message as it was before, or what refuses it. */
export function inflateMessage(bytes: Uint8Array, options: MessageOptions): Uint8Array | Status {
  const { maxReceiveBytes, maxInflateRatio } = options;
  const maxByRatio = Math.max(RATIO_FREE_BYTES, Math.floor(bytes.length * maxInflateRatio));
  const inflated = options.inflate.gunzip(bytes, Math.min(maxReceiveBytes, maxByRatio));
  if (inflated instanceof Uint8Array) return inflated;
  if (inflated === undefined) {
    return { code: StatusCode.Internal, details: 'grpc: failed to decompress the received message' };
  }
  const details =
    maxReceiveBytes <= maxByRatio
      ? `grpc: received message after decompression larger than max (${maxReceiveBytes + 1} vs. ${maxReceiveBytes})`
      : `grpc: received message inflates to more than ${maxInflateRatio} times its size`;
  return { code: StatusCode.ResourceExhausted, details };
}

/**
 * Puts messages together from the payloads of DATA frames. A message that lies in one payload is a view of it.
 * Memory grows with what arrived, not with what was announced.
 */
export class MessageReader {
  readonly #encoding: string;
  readonly #options: MessageOptions;
  readonly #prefix: Uint8Array = new Uint8Array(PREFIX_BYTES);
  #prefixBytes = 0;
  #length = 0;
  #body: Buffer = NOTHING;
  #bodyBytes = 0;
  #bytes: Buffer = NOTHING;
  #at = 0;
  #end = 0;
  #wireBytes = 0;

  constructor(encoding: string, options: MessageOptions) {
    this.#encoding = encoding;
    this.#options = options;
  }

  /** Whether a message has begun that is not whole. */
  get midMessage(): boolean {
    return this.#prefixBytes > 0;
  }

  /** Bytes held of a message that is not whole. */
  get heldBytes(): number {
    return this.#bodyBytes;
  }

  /** Prefixes and bodies of all messages that came out, as they were sent. */
  get wireBytes(): number {
    return this.#wireBytes;
  }

  /** Takes a payload; then `next` until it has no more. */
  push(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** The next message of what was pushed; undefined: no whole one; a status: what refuses it. */
  next(): Uint8Array | Status | undefined {
    while (this.#prefixBytes < PREFIX_BYTES) {
      if (this.#at === this.#end) {
        // A stream that is quiet from now on must not hold the chunk alive.
        this.#bytes = NOTHING;
        return undefined;
      }
      this.#prefix[this.#prefixBytes++] = this.#bytes[this.#at++]!;
      if (this.#prefixBytes === PREFIX_BYTES) {
        this.#length = readUint32(this.#prefix, 1);
        const refused = checkPrefix(this.#prefix[0]!, this.#length, this.#encoding, this.#options.maxReceiveBytes);
        if (refused !== undefined) return refused;
      }
    }
    const left = this.#end - this.#at;
    if (this.#bodyBytes === 0 && left >= this.#length) {
      const { buffer, byteOffset } = this.#bytes;
      const whole = new Uint8Array(buffer, byteOffset + this.#at, this.#length);
      this.#at += this.#length;
      return this.#finish(whole);
    }
    const taken = Math.min(left, this.#length - this.#bodyBytes);
    this.#room(this.#bodyBytes + taken);
    this.#bytes.copy(this.#body, this.#bodyBytes, this.#at, this.#at + taken);
    this.#bodyBytes += taken;
    this.#at += taken;
    if (this.#bodyBytes < this.#length) {
      this.#bytes = NOTHING;
      this.#at = this.#end = 0;
      return undefined;
    }
    const { buffer, byteOffset } = this.#body;
    const whole = new Uint8Array(buffer, byteOffset, this.#length);
    this.#body = NOTHING;
    this.#bodyBytes = 0;
    return this.#finish(whole);
  }

  #finish(whole: Uint8Array): Uint8Array | Status {
    this.#prefixBytes = 0;
    this.#wireBytes += PREFIX_BYTES + this.#length;
    return this.#prefix[0] === COMPRESSED ? inflateMessage(whole, this.#options) : whole;
  }

  #room(bytes: number): void {
    if (this.#body.length >= bytes) return;
    const larger = Math.min(this.#length, Math.max(bytes, this.#body.length * 2, FIRST_PIECE_BYTES));
    const body = Buffer.allocUnsafeSlow(larger);
    this.#body.copy(body, 0, 0, this.#bodyBytes);
    this.#body = body;
  }
}
