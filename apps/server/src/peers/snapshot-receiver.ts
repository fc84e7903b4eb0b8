import type { IncomingMessage } from 'node:http';
import { hexId } from '../cluster/member-id.js';
import { type HttpAnswer, textAnswer } from '../http/answer.js';
import { rejectionOf } from './acceptance.js';
import type { PeerContext } from './context.js';
import { PeerError, reasonOf } from './errors.js';
import { HASH_HEADER, parseHash, type ReceivedSnapshot, readHead } from './snapshot-stream.js';
import { Watchdog } from './watchdog.js';

/** As the answer to a message in its name. */
export const NO_CONTENT: HttpAnswer = { status: 204, headers: {}, body: '' };

/** Takes snapshots in, at most so many at once. */
export class SnapshotReceiver {
  readonly #context: PeerContext;
  readonly #incoming = new Set<IncomingMessage>();

  constructor(context: PeerContext) {
    this.#context = context;
  }

  /**
   * The answer to a request whose headers were found good. 204: the snapshot is durable, and raft has it.
   * @param remote names the sender where things are counted
   */
  async receive(request: IncomingMessage, remote: string): Promise<HttpAnswer> {
    const { limits, metrics, clock } = this.#context;
    if (this.#incoming.size >= limits.snapshotsIn) return textAnswer(503, 'too many snapshots at once');
    this.#incoming.add(request);
    const watchdog = new Watchdog(clock, limits.snapshotIdleMs, () => {
      request.destroy(new PeerError('PEER_SILENT', 'no byte of a snapshot for too long'));
    });
    const inflight = metrics.snapshotsReceiving(remote);
    const startedMs = clock.monotonic();
    inflight.set(1);
    watchdog.start();
    try {
      const answer = await this.#take(request, watchdog, remote);
      if (answer.status === 204) {
        metrics.snapshotReceived(remote).add();
        metrics.snapshotReceiveSeconds(remote).observe((clock.monotonic() - startedMs) / 1000);
      } else metrics.snapshotReceiveFailures(remote).add();
      return answer;
    } finally {
      watchdog.stop();
      inflight.set(0);
      this.#incoming.delete(request);
    }
  }

  /** Breaks off whatever is coming in. */
  stop(): void {
    for (const request of this.#incoming) request.destroy(new PeerError('PEER_CLOSED', 'stopped'));
  }

  async #take(request: IncomingMessage, watchdog: Watchdog, remote: string): Promise<HttpAnswer> {
    const { limits, events, logger, metrics } = this.#context;
    let received: ReceivedSnapshot;
    let sha256: Uint8Array | undefined;
    try {
      sha256 = parseHash(request.headers[HASH_HEADER.toLowerCase()]);
      received = await readHead(request, limits.snapshotHeadBytes);
    } catch (error) {
      return this.#refused(400, `failed to decode raft message (${reasonOf(error)})`, remote);
    }
    const { message, contents } = received;
    const rejection = rejectionOf(message, undefined, this.#context);
    if (rejection !== undefined) return rejectionAnswer(rejection);
    const about = {
      'remote-snapshot-sender-id': hexId(message.from),
      'incoming-snapshot-index': message.snapshot.meta.index,
    };
    logger.info('receiving database snapshot', about);
    const counted = countedBytes(contents, watchdog);
    let data: Uint8Array;
    try {
      data = await this.#context.snapshots.receive(message, counted.chunks, sha256);
    } catch (error) {
      return this.#refused(500, `failed to save KV snapshot (${reasonOf(error)})`, remote);
    }
    metrics.receivedBytes(remote).add(received.headBytes + counted.bytes());
    logger.info('received and saved database snapshot', { ...about, 'incoming-snapshot-size-bytes': counted.bytes() });
    events.receive({ ...message, snapshot: { meta: message.snapshot.meta, data } });
    return NO_CONTENT;
  }

  #refused(status: number, reason: string, remote: string): HttpAnswer {
    this.#context.logger.warn('failed to receive a database snapshot', {
      'remote-snapshot-sender-id': remote,
      error: reason,
    });
    return textAnswer(status, reason.replaceAll('\n', ' '));
  }
}

/** In etcd's words and form: its members know by them that they were removed. */
export function rejectionAnswer(rejection: 'removed' | 'mismatch' | 'forged'): HttpAnswer {
  const whose = { removed: 'from removed member', mismatch: 'to mismatch member', forged: 'from nobody' }[rejection];
  return {
    status: 403,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ message: `cannot process message ${whose}` }),
  };
}

function countedBytes(
  source: AsyncIterable<Uint8Array>,
  watchdog: Watchdog,
): { readonly chunks: AsyncIterable<Uint8Array>; bytes(): number } {
  let bytes = 0;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      bytes += chunk.length;
      // Whoever takes the bytes may be slower than the network: that is not the peer's silence.
      watchdog.stop();
      yield chunk;
      watchdog.start();
    }
    watchdog.stop();
  }
  return { chunks: chunks(), bytes: () => bytes };
}
