/**
 * - `MALFORMED_FRAME`: what a peer sent is no frame of the stream it sent it on. The stream cannot be read any further.
 * - `FRAME_TOO_LARGE`: a frame announced, or turned out, larger than the limit.
 * - `SNAPSHOT_LENGTH`: a snapshot to be sent has more or fewer bytes than was said of it.
 * - `PEER_SILENT`: a peer did not move a byte for as long as the limit allows.
 * - `PEER_REFUSED`: a peer answered, and the answer is no.
 * - `PEER_CLOSED`: the exchange ended on our side first: the peer was removed, or the transport stopped.
 */
export type PeerErrorCode =
  | 'MALFORMED_FRAME'
  | 'FRAME_TOO_LARGE'
  | 'SNAPSHOT_LENGTH'
  | 'PEER_SILENT'
  | 'PEER_REFUSED'
  | 'PEER_CLOSED';

/** What can go wrong between two members. */
export class PeerError extends Error {
  override readonly name = 'PeerError';
  readonly code: PeerErrorCode;

  constructor(code: PeerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A line for a log, whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
