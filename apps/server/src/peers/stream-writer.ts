import type { ServerResponse } from 'node:http';
import type { Message } from '@kontiki/raft';
import { concat, type Timer } from '@kontiki/std';
import { hexId } from '../cluster/member-id.js';
import { roughBytes } from './codec.js';
import type { PeerContext } from './context.js';
import type { FrameEncoder } from './frames.js';
import type { Traffic } from './metrics.js';
import type { StreamKind } from './stream-reader.js';
import { Watchdog } from './watchdog.js';

export interface StreamWriterOptions<M extends Message> {
  readonly kind: StreamKind;
  readonly peer: bigint;
  readonly traffic: Traffic;
  createEncoder(): FrameEncoder<M>;
  onUp(): void;
  onDown(reason: string): void;
}

/**
 * Bytes handed to the socket at once. The socket says when it has passed them on, so on a slow link this is how finely
 * progress shows: a large frame takes as long as it takes, a dead connection is found out by a single piece.
 */
const PIECE_BYTES = 64 * 1024;

/**
 * Writes to one peer on one stream: the answer, without an end, to the request it made for it.
 *
 * - At most one connection; a newer one replaces the older.
 * - What waits is messages, not bytes, at most so many; they are encoded when the socket has room.
 * - A connection that ends takes what waited for it along: nothing is ever sent twice.
 */
export class StreamWriter<M extends Message> {
  readonly #options: StreamWriterOptions<M>;
  readonly #context: PeerContext;
  readonly #watchdog: Watchdog;
  #response: ServerResponse | undefined;
  #encoder: FrameEncoder<M> | undefined;
  #heartbeat: Timer | undefined;
  #waiting: M[] = [];
  #waitingBytes = 0;
  /** Encoded, and not yet handed over. */
  #rest: Uint8Array | undefined;
  /** The socket has enough for now. */
  #full = false;
  #flushScheduled = false;
  /** Since the last look of the heartbeat. */
  #wrote = false;

  constructor(options: StreamWriterOptions<M>, context: PeerContext) {
    this.#options = options;
    this.#context = context;
    this.#watchdog = new Watchdog(context.clock, context.limits.writeMs, () => {
      this.detach('the peer takes no bytes');
    });
  }

  /** Whether there is a connection. */
  get isUp(): boolean {
    return this.#response !== undefined;
  }

  /** @param response its head is sent; this ends it */
  attach(response: ServerResponse): void {
    this.detach('replaced by a newer connection');
    this.#response = response;
    this.#encoder = this.#options.createEncoder();
    response.socket?.setNoDelay(true);
    response.on('drain', () => this.#drained(response));
    response.on('error', (error) => this.#ended(response, error.message));
    response.once('close', () => this.#ended(response, 'closed by the peer'));
    this.#heartbeat = this.#context.clock.every(this.#context.limits.readMs / 3, () => this.#keepAlive());
    this.#options.onUp();
  }

  /** @returns false: no connection, or no room; the message is dropped */
  send(message: M): boolean {
    if (this.#response === undefined) return false;
    const { streamMessages, streamBytes } = this.#context.limits;
    const bytes = roughBytes(message);
    if (this.#waiting.length >= streamMessages) return false;
    // A message larger than all the room there is may still go alone.
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > streamBytes) return false;
    this.#waiting.push(message);
    this.#waitingBytes += bytes;
    this.#schedule();
    return true;
  }

  /** Ends the connection, if there is one. */
  detach(reason: string): void {
    if (this.#response !== undefined) this.#ended(this.#response, reason);
  }

  /** Once for all that is sent in one go: one write, one packet. */
  #schedule(): void {
    if (this.#flushScheduled || this.#full) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const response = this.#response;
    while (response !== undefined && response === this.#response && !this.#full) {
      const bytes = (this.#rest ??= this.#encode());
      if (bytes === undefined) return;
      const piece = bytes.length <= PIECE_BYTES ? bytes : bytes.subarray(0, PIECE_BYTES);
      this.#rest = piece === bytes ? undefined : bytes.subarray(PIECE_BYTES);
      this.#write(response, piece);
    }
  }

  /** The next frames that wait, together at least one piece or all there are. */
  #encode(): Uint8Array | undefined {
    if (this.#waiting.length === 0) return undefined;
    const frames: Uint8Array[] = [];
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && bytes < PIECE_BYTES) {
      const message = this.#waiting[count++]!;
      const frame = this.#encoder!.encode(message);
      this.#waitingBytes -= roughBytes(message);
      bytes += frame.length;
      frames.push(frame);
    }
    if (count === this.#waiting.length) this.#waiting = [];
    else this.#waiting.splice(0, count);
    return frames.length === 1 ? frames[0]! : concat(frames);
  }

  #write(response: ServerResponse, bytes: Uint8Array): void {
    this.#wrote = true;
    this.#options.traffic.sentBytes.add(bytes.length);
    if (response.write(bytes)) return;
    this.#full = true;
    this.#watchdog.start();
  }

  #drained(response: ServerResponse): void {
    if (response !== this.#response) return;
    this.#full = false;
    this.#watchdog.stop();
    this.#flush();
  }

  #keepAlive(): void {
    const idle = !this.#wrote && !this.#full;
    this.#wrote = false;
    if (idle && this.#response !== undefined) {
      this.#write(this.#response, this.#encoder!.linkHeartbeat());
      this.#wrote = false;
    }
  }

  #ended(response: ServerResponse, reason: string): void {
    if (response !== this.#response) return;
    const { peer, kind, traffic, onDown } = this.#options;
    const { events, logger } = this.#context;
    this.#response = undefined;
    this.#encoder = undefined;
    this.#heartbeat?.cancel();
    this.#watchdog.stop();
    this.#full = false;
    const lost = this.#waiting.length + (this.#rest === undefined ? 0 : 1);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#rest = undefined;
    response.destroy();
    logger.info('stream to remote peer ended', { stream: kind, 'remote-peer-id': hexId(peer), reason });
    if (lost > 0) {
      traffic.sentFailures.add(lost);
      events.reportUnreachable(peer);
    }
    onDown(reason);
  }
}
