import { ErrorCode, Flag, readUint32 } from './frame.js';
import type { GrpcLimits } from './limits.js';

/** A header block, whole. */
export interface HeaderBlock {
  readonly streamId: number;
  /** The stream ends with it. */
  readonly last: boolean;
  /** Its stream is said to depend on itself, which is an error of the stream. */
  readonly selfDependent: boolean;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Why the connection cannot go on: a rule of HTTP/2, or a limit of ours. */
export type BlockFault =
  | { readonly code: ErrorCode; readonly what: string }
  | { readonly limit: 'maxHeaderBlockBytes' | 'maxContinuations' };

const PRIORITY_BYTES = 5;

/** Puts header blocks together from HEADERS and CONTINUATION frames. @see RFC 9113 §6.2, §6.10 */
export class HeaderBlocks {
  readonly #limits: GrpcLimits;
  /** Of the block that is not whole; 0: there is none. */
  #streamId = 0;
  #last = false;
  #selfDependent = false;
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(limits: GrpcLimits) {
    this.#limits = limits;
  }

  /** The stream whose block is not whole, and may not be interrupted; 0: none. */
  get openStream(): number {
    return this.#streamId;
  }

  /** @returns undefined: more is to come */
  headers(flags: number, id: number, bytes: Buffer, start: number, end: number): HeaderBlock | BlockFault | undefined {
    if (id % 2 === 0) return { code: ErrorCode.ProtocolError, what: 'HEADERS on a stream no client opens' };
    const padded = (flags & Flag.Padded) !== 0;
    const prioritised = (flags & Flag.Priority) !== 0;
    const from = start + (padded ? 1 : 0) + (prioritised ? PRIORITY_BYTES : 0);
    if (from > end) return { code: ErrorCode.FrameSizeError, what: 'HEADERS with too little in it' };
    const to = padded ? end - bytes[start]! : end;
    if (to < from) return { code: ErrorCode.ProtocolError, what: 'more padding than there is payload' };
    const selfDependent = prioritised && (readUint32(bytes, from - PRIORITY_BYTES) & 0x7fff_ffff) === id;
    const last = (flags & Flag.EndStream) !== 0;
    if ((flags & Flag.EndHeaders) !== 0) return { streamId: id, last, selfDependent, bytes, start: from, end: to };
    this.#streamId = id;
    this.#last = last;
    this.#selfDependent = selfDependent;
    this.#pieces = [Buffer.from(bytes.subarray(from, to))];
    this.#bytes = to - from;
    return undefined;
  }

  /** @returns undefined: more is to come */
  continuation(flags: number, bytes: Buffer, start: number, end: number): HeaderBlock | BlockFault | undefined {
    if (this.#streamId === 0) return { code: ErrorCode.ProtocolError, what: 'CONTINUATION of nothing' };
    this.#bytes += end - start;
    if (this.#bytes > this.#limits.maxHeaderBlockBytes) return { limit: 'maxHeaderBlockBytes' };
    if (this.#pieces.length > this.#limits.maxContinuations) return { limit: 'maxContinuations' };
    this.#pieces.push(Buffer.from(bytes.subarray(start, end)));
    if ((flags & Flag.EndHeaders) === 0) return undefined;
    const whole = Buffer.concat(this.#pieces);
    const streamId = this.#streamId;
    this.clear();
    return {
      streamId,
      last: this.#last,
      selfDependent: this.#selfDependent,
      bytes: whole,
      start: 0,
      end: whole.length,
    };
  }

  /** Forgets what is not whole. */
  clear(): void {
    this.#streamId = 0;
    this.#pieces = [];
    this.#bytes = 0;
  }
}
