import type { Agent } from 'node:http';
import type { Message } from '@kontiki/raft';
import { encodeMessage, roughBytes } from './codec.js';
import type { PeerContext } from './context.js';
import { requestTarget, type UrlPicker } from './dial.js';
import { PeerError, reasonOf } from './errors.js';
import { type Exchange, exchange } from './exchange.js';
import { refusalOf, requestHeaders } from './headers.js';
import type { Traffic } from './metrics.js';

export interface PipelineOptions {
  readonly peer: bigint;
  readonly picker: UrlPicker;
  readonly agent: Agent;
  readonly traffic: Traffic;
  /** Requests under way at once; with 1 messages keep their order. */
  readonly concurrency: number;
}

/** What a slow link moves in a millisecond: so much longer a large message may take. */
const BYTES_PER_MS = 64;

/**
 * One request for each message: the way to a peer while a stream to it is down. A message is posted once; when that
 * fails it is lost, and reported.
 */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #context: PeerContext;
  readonly #underWay = new Set<Exchange>();
  #waiting: Message[] = [];
  #waitingBytes = 0;
  #stopped = false;
  #trouble = '';

  constructor(options: PipelineOptions, context: PeerContext) {
    this.#options = options;
    this.#context = context;
  }

  /** @returns false: no room; the message is dropped */
  send(message: Message): boolean {
    if (this.#stopped) return false;
    const { pipelineMessages, pipelineBytes } = this.#context.limits;
    const bytes = roughBytes(message);
    if (this.#waiting.length >= pipelineMessages) return false;
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > pipelineBytes) return false;
    this.#waiting.push(message);
    this.#waitingBytes += bytes;
    this.#next();
    return true;
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting = [];
    for (const one of this.#underWay) one.end(new PeerError('PEER_CLOSED', 'stopped'));
  }

  #next(): void {
    while (!this.#stopped && this.#underWay.size < this.#options.concurrency) {
      const message = this.#waiting.shift();
      if (message === undefined) return;
      this.#waitingBytes -= roughBytes(message);
      this.#post(message);
    }
  }

  #post(message: Message): void {
    const { picker, agent, traffic, peer } = this.#options;
    const { identity, ownPeerUrls, events, logger, limits } = this.#context;
    const url = picker.pick();
    const failed = (reason: string): void => {
      if (this.#stopped) return;
      if (url !== undefined) picker.failed(url);
      traffic.sentFailures.add();
      events.reportUnreachable(peer);
      if (reason === this.#trouble) return;
      this.#trouble = reason;
      logger.debug('failed to post a message to remote peer', { 'remote-peer-id': peer.toString(16), error: reason });
    };
    if (url === undefined) {
      failed('the peer has no address that can be dialled');
      return;
    }
    const body = encodeMessage(message);
    let posted: Exchange;
    try {
      posted = exchange(
        {
          ...requestTarget(url, '/raft'),
          method: 'POST',
          headers: {
            ...requestHeaders(identity, ownPeerUrls()),
            'Content-Type': 'application/protobuf',
            'Content-Length': body.length,
          },
          agent,
        },
        limits.readMs + body.length / BYTES_PER_MS,
        this.#context,
      );
    } catch (error) {
      failed(reasonOf(error));
      return;
    }
    this.#underWay.add(posted);
    posted.request.end(body);
    posted.reply
      .then(
        ({ status, headers, body: words }) => {
          if (status === 204) {
            this.#trouble = '';
            traffic.sentBytes.add(body.length);
            return;
          }
          const refusal = refusalOf(status, headers, words, identity);
          failed(refusal === 'removed' ? 'this member was removed' : refusal.reason);
          if (refusal === 'removed' && !this.#stopped) events.onRemoved();
        },
        (error: unknown) => failed(reasonOf(error)),
      )
      .finally(() => {
        this.#underWay.delete(posted);
        this.#next();
      });
  }
}
