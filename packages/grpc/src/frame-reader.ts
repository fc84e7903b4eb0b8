import { FRAME_HEADER_BYTES, PREFACE, readUint32 } from './frame.js';

/** Takes frames, in the order they came. */
export interface FrameSink {
  /**
   * One whole frame; its payload is `bytes[start, end)`, memory that is not written to again.
   * @returns false: read no further
   */
  frame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): boolean;
  /** A frame is longer than allowed; nothing is read any more. */
  frameTooLong(length: number, type: number, streamId: number): void;
  /** The connection does not begin as one of HTTP/2 does; nothing is read any more. */
  badPreface(): void;
}

/**
 * Cuts what a socket brings into frames, in place: only a frame that spans chunks is copied, once.
 * Holds at most one frame.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #maxFrameBytes: number;
  #prefaceLeft = PREFACE.length;
  #stopped = false;
  /** The begin of a frame that is not whole yet: its header, or with it a payload of known length. */
  #held: Buffer = Buffer.alloc(0);
  #heldBytes = 0;

  constructor(sink: FrameSink, options: { readonly maxFrameBytes: number }) {
    this.#sink = sink;
    this.#maxFrameBytes = options.maxFrameBytes;
  }

  /** Whether the preface was read to its end. */
  get prefaced(): boolean {
    return this.#prefaceLeft === 0;
  }

  /** Whether a frame has begun that is not whole. */
  get midFrame(): boolean {
    return this.#heldBytes > 0;
  }

  /** Takes the chunk over: it must not be written to again. */
  read(chunk: Buffer): void {
    if (this.#stopped) return;
    let at = 0;
    if (this.#prefaceLeft > 0) {
      at = this.#preface(chunk);
      if (at < 0) return;
    }
    const end = chunk.length;
    if (this.#heldBytes > 0) {
      at = this.#complete(chunk, at);
      if (at < 0) return;
    }
    while (end - at >= FRAME_HEADER_BYTES) {
      const length = (chunk[at]! << 16) | (chunk[at + 1]! << 8) | chunk[at + 2]!;
      if (length > this.#maxFrameBytes) return this.#tooLong(chunk, at, length);
      const next = at + FRAME_HEADER_BYTES + length;
      if (next > end) break;
      if (!this.#emit(chunk, at, next)) return;
      at = next;
    }
    if (at < end) this.#hold(chunk, at);
  }

  /** Reads nothing any more. */
  stop(): void {
    this.#stopped = true;
    this.#heldBytes = 0;
    this.#held = Buffer.alloc(0);
  }

  /** @returns where frames begin, or -1 */
  #preface(chunk: Buffer): number {
    const shared = Math.min(this.#prefaceLeft, chunk.length);
    const from = PREFACE.length - this.#prefaceLeft;
    for (let i = 0; i < shared; i++) {
      if (chunk[i] !== PREFACE[from + i]) {
        this.stop();
        this.#sink.badPreface();
        return -1;
      }
    }
    this.#prefaceLeft -= shared;
    return this.#prefaceLeft === 0 ? shared : -1;
  }

  #emit(bytes: Buffer, at: number, end: number): boolean {
    const streamId = readUint32(bytes, at + 5) & 0x7fff_ffff;
    if (!this.#sink.frame(bytes[at + 3]!, bytes[at + 4]!, streamId, bytes, at + FRAME_HEADER_BYTES, end)) this.stop();
    return !this.#stopped;
  }

  #tooLong(bytes: Buffer, at: number, length: number): void {
    const streamId = readUint32(bytes, at + 5) & 0x7fff_ffff;
    const type = bytes[at + 3]!;
    this.stop();
    this.#sink.frameTooLong(length, type, streamId);
  }

  #hold(chunk: Buffer, at: number): void {
    const left = chunk.length - at;
    const length = left < FRAME_HEADER_BYTES ? 0 : (chunk[at]! << 16) | (chunk[at + 1]! << 8) | chunk[at + 2]!;
    this.#held = Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES + length);
    this.#heldBytes = chunk.copy(this.#held, 0, at);
  }

  /** @returns how far the chunk was needed, or -1 when all of it was and the frame is not whole, or must not be read */
  #complete(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#heldBytes < FRAME_HEADER_BYTES) {
      const taken = chunk.copy(this.#held, this.#heldBytes, at, at + FRAME_HEADER_BYTES - this.#heldBytes);
      this.#heldBytes += taken;
      at += taken;
      if (this.#heldBytes < FRAME_HEADER_BYTES) return -1;
      const header = this.#held;
      const length = (header[0]! << 16) | (header[1]! << 8) | header[2]!;
      if (length > this.#maxFrameBytes) {
        this.#tooLong(header, 0, length);
        return -1;
      }
      this.#held = Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES + length);
      header.copy(this.#held, 0, 0, FRAME_HEADER_BYTES);
    }
    const frame = this.#held;
    const taken = chunk.copy(frame, this.#heldBytes, at, at + frame.length - this.#heldBytes);
    this.#heldBytes += taken;
    if (this.#heldBytes < frame.length) return -1;
    this.#heldBytes = 0;
    return this.#emit(frame, 0, frame.length) ? at + taken : -1;
  }
}
