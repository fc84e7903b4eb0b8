import type { Message } from '@kontiki/raft';

/** Messages as the bytes of one stream, in the order they are encoded: both ends keep count. */
export interface FrameEncoder<M extends Message> {
  encode(message: M): Uint8Array;
  /** Means nothing but "I am here". */
  linkHeartbeat(): Uint8Array;
}

/** What a decoder found: a message, or undefined for one that is not for us, of a kind this version does not know. */
export type Emit = (message: Message | undefined) => void;

/** The same bytes, cut into chunks anyhow, back into messages. */
export interface FrameDecoder {
  /**
   * Messages that became complete are emitted before this returns. Holds the bytes of an unfinished frame as they came,
   * never the room one announced.
   * @throws PeerError MALFORMED_FRAME, FRAME_TOO_LARGE: the stream cannot be read any further
   */
  push(chunk: Uint8Array, emit: Emit): void;
}
