/**
 * A snapshot on the wire: one request whose body is
 *
 * ```
 * length:8  raftpb.Message (MsgSnap)  contents
 * ```
 *
 * The message says what the contents are; they follow to the end of the body. A header of our own carries their hash.
 */
import type { SnapshotMessage } from '@kontiki/raft';
import { ByteQueue, readUint64 } from './byte-queue.js';
import { encodeMessage, fromWire } from './codec.js';
import { PeerError } from './errors.js';
import { checkedLength, framed, LENGTH_BYTES, wireOf } from './message-stream.js';

/** SHA-256 of the contents, in hexadecimal. */
export const HASH_HEADER = 'X-Kontiki-Snapshot-Sha256';

export function encodeHead(message: SnapshotMessage, messageData: Uint8Array): Uint8Array {
  const { meta } = message.snapshot;
  return framed(encodeMessage({ ...message, snapshot: { meta, data: messageData } }));
}

/** undefined when there is none. @throws PeerError MALFORMED_FRAME when it is no hash */
export function parseHash(header: string | readonly string[] | undefined): Uint8Array | undefined {
  if (header === undefined) return undefined;
  if (typeof header !== 'string' || !/^[0-9a-f]{64}$/i.test(header)) {
    throw new PeerError('MALFORMED_FRAME', 'the hash of a snapshot is not 64 hexadecimal digits');
  }
  return new Uint8Array(Buffer.from(header, 'hex'));
}

/** A body, its head read. */
export interface ReceivedSnapshot {
  readonly message: SnapshotMessage;
  /** Of the message, as it came. */
  readonly headBytes: number;
  /** What follows; ends with the body, throws when that breaks. */
  readonly contents: AsyncIterable<Uint8Array>;
}

/** @throws PeerError MALFORMED_FRAME, FRAME_TOO_LARGE, and what reading the body throws */
export async function readHead(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<ReceivedSnapshot> {
  const chunks = body[Symbol.asyncIterator]();
  const queue = new ByteQueue();
  const need = async (bytes: number): Promise<Uint8Array> => {
    while (queue.length < bytes) {
      const { done, value } = await chunks.next();
      if (done === true) throw new PeerError('MALFORMED_FRAME', 'a snapshot that ends before it begins');
      queue.push(value);
    }
    return queue.take(bytes)!;
  };
  const length = checkedLength(readUint64(await need(LENGTH_BYTES)), maxBytes);
  const message = fromWire(wireOf(await need(length)));
  if (message?.type !== 'snapshot') throw new PeerError('MALFORMED_FRAME', 'wrong raft message type');
  return { message, headBytes: LENGTH_BYTES + length, contents: rest(queue.drain(), chunks) };
}

async function* rest(first: Uint8Array, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    if (first.length > 0) yield first;
    for (;;) {
      const { done, value } = await chunks.next();
      if (done === true) return;
      yield value;
    }
  } finally {
    await chunks.return?.();
  }
}
