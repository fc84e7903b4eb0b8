import { raft } from '@kontiki/proto';
import type { Message } from '@kontiki/raft';
import { ByteQueue, writeUint64 } from './byte-queue.js';
import { encodeLinkHeartbeat, encodeMessage, fromWire, isLinkHeartbeat } from './codec.js';
import { PeerError } from './errors.js';
import type { Emit, FrameDecoder, FrameEncoder } from './frames.js';

/** Bytes of the length before each frame. */
export const LENGTH_BYTES = 8;

/**
 * The stream for messages of every kind: 8 bytes of length, big-endian, then a raftpb.Message.
 * The link's own heartbeat is a raft heartbeat of nobody to nobody.
 */
export class MessageEncoder implements FrameEncoder<Message> {
  encode(message: Message): Uint8Array {
    return framed(encodeMessage(message));
  }

  linkHeartbeat(): Uint8Array {
    return LINK_HEARTBEAT;
  }
}

export class MessageDecoder implements FrameDecoder {
  readonly #queue = new ByteQueue();
  readonly #maxBytes: number;
  /** Of the frame that has begun. */
  #length: number | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array, emit: Emit): void {
    this.#queue.push(chunk);
    for (;;) {
      const frame = this.#next();
      if (frame === undefined) return;
      const wire = wireOf(frame);
      if (!isLinkHeartbeat(wire)) emit(fromWire(wire));
    }
  }

  #next(): Uint8Array | undefined {
    if (this.#length === undefined) {
      const length = this.#queue.takeUint64();
      if (length === undefined) return undefined;
      this.#length = checkedLength(length, this.#maxBytes);
    }
    const frame = this.#queue.take(this.#length);
    if (frame !== undefined) this.#length = undefined;
    return frame;
  }
}

/** With its length in front. */
export function framed(body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(LENGTH_BYTES + body.length);
  writeUint64(frame, 0, body.length);
  frame.set(body, LENGTH_BYTES);
  return frame;
}

/** @throws PeerError FRAME_TOO_LARGE */
export function checkedLength(length: number, maxBytes: number): number {
  if (length > maxBytes) throw new PeerError('FRAME_TOO_LARGE', `a frame of ${length} bytes; ${maxBytes} are allowed`);
  return length;
}

/** @throws PeerError MALFORMED_FRAME */
export function wireOf(frame: Uint8Array): raft.Message {
  try {
    return raft.Message.decode(frame);
  } catch (error) {
    throw new PeerError('MALFORMED_FRAME', 'a frame that is no raft message', { cause: error });
  }
}

const LINK_HEARTBEAT: Uint8Array = framed(encodeLinkHeartbeat());
