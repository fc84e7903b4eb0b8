import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Message } from '@kontiki/raft';
import type { Timer } from '@kontiki/std';
import { hexId } from '../cluster/member-id.js';
import type { EndpointUrl } from '../config/urls.js';
import { rejectionOf } from './acceptance.js';
import type { PeerContext } from './context.js';
import { requestTarget, type UrlPicker } from './dial.js';
import { reasonOf } from './errors.js';
import type { FrameDecoder } from './frames.js';
import { isOurCluster, refusalOf, requestHeaders } from './headers.js';
import type { Traffic } from './metrics.js';
import { Watchdog } from './watchdog.js';

/** `message`: everything but appends and snapshots; `msgapp`: appends. */
export type StreamKind = 'message' | 'msgapp';

export interface StreamReaderOptions {
  readonly kind: StreamKind;
  readonly peer: bigint;
  readonly picker: UrlPicker;
  readonly traffic: Traffic;
  createDecoder(): FrameDecoder;
  /** The stream stands. */
  onUp(): void;
  /** The stream was up, the peer ended it, and nobody answers there any more: its process has ended. */
  onGone?(): void;
  /** It does not any more. `silent`: nothing came for too long; no word of the peer or the network ended it. */
  onDown(reason: string, silent: boolean): void;
}

/** A refusal's text is read up to here. */
const REFUSAL_BYTES = 4096;
/** The same complaint again only after this. */
const COMPLAIN_EVERY_MS = 30_000;

/**
 * Reads what one peer has to say on one of its streams: asks for it, and asks again whenever it ends, for as long as it
 * is not stopped.
 *
 * ```
 * pausing → dialling → reading ─┐
 *    ↑          └───────────────┴→ lost ─┐
 *    └───────────────────────────────────┘
 * ```
 */
export class StreamReader {
  readonly #options: StreamReaderOptions;
  readonly #context: PeerContext;
  #stopped = false;
  #request: ClientRequest | undefined;
  #pause: Timer | undefined;
  /** Attempts since the last one that led to a stream. */
  #failures = 0;
  /** The stream was up and ended: what comes of the next attempt says whether the peer did. */
  #wasUp = false;
  #complaint = '';
  #complainedMs = 0;

  constructor(options: StreamReaderOptions, context: PeerContext) {
    this.#options = options;
    this.#context = context;
  }

  /** The peer shows life, or has another address: asks at once instead of after the pause. */
  wake(): void {
    if (this.#stopped || this.#request !== undefined) return;
    this.#pause?.cancel();
    this.#pause = undefined;
    this.#failures = 0;
    this.#dial();
  }

  stop(): void {
    this.#stopped = true;
    this.#pause?.cancel();
    this.#pause = undefined;
    const request = this.#request;
    this.#request = undefined;
    request?.destroy();
  }

  #dial(): void {
    const { kind, peer, picker } = this.#options;
    const { identity, ownPeerUrls, dialer, clock, limits } = this.#context;
    const url = picker.pick();
    if (url === undefined) {
      this.#retry('the peer has no address that can be dialled');
      return;
    }
    let request: ClientRequest;
    try {
      request = dialer.request({
        ...requestTarget(url, `/raft/stream/${kind}/${hexId(identity.memberId)}`),
        headers: { ...requestHeaders(identity, ownPeerUrls()), 'X-Raft-To': hexId(peer) },
        agent: false,
      });
    } catch (error) {
      picker.failed(url);
      this.#retry(reasonOf(error));
      return;
    }
    this.#request = request;
    let answered = false;
    const dialling = clock.after(limits.dialMs, () => this.#lost(request, url, 'dialling took too long'));
    const watchdog = new Watchdog(clock, limits.readMs, () => this.#lost(request, url, 'no byte for too long', true));
    request.once('socket', (socket) => {
      socket.setNoDelay(true);
      const connected = (): void => {
        dialling.cancel();
        if (this.#request === request) watchdog.start();
      };
      if (socket.connecting) socket.once('connect', connected);
      else connected();
    });
    request.once('close', () => {
      dialling.cancel();
      watchdog.stop();
      this.#lost(request, url, 'closed by the peer');
    });
    request.on('error', (error) => {
      const gone = this.#request === request && !answered && this.#wasUp && isNobody(error);
      this.#lost(request, url, reasonOf(error));
      if (!gone) return;
      this.#wasUp = false;
      this.#options.onGone?.();
    });
    request.once('response', (response) => {
      if (this.#request !== request) return;
      answered = true;
      watchdog.feed();
      if (response.statusCode === 200) this.#read(request, response, url, watchdog);
      else this.#hearRefusal(request, response, url);
    });
    request.end();
  }

  #read(request: ClientRequest, response: IncomingMessage, url: EndpointUrl, watchdog: Watchdog): void {
    if (!isOurCluster(response.headers, this.#context.identity)) {
      this.#lost(request, url, 'what answers at the address is no member of this cluster');
      return;
    }
    const { traffic, onUp } = this.#options;
    const decoder = this.#options.createDecoder();
    const emit = (message: Message | undefined): void => this.#hear(message);
    this.#failures = 0;
    this.#complaint = '';
    this.#wasUp = true;
    onUp();
    response.on('data', (chunk: Uint8Array) => {
      watchdog.feed();
      traffic.receivedBytes.add(chunk.length);
      if (this.#request !== request) return;
      try {
        decoder.push(chunk, emit);
      } catch (error) {
        traffic.receivedFailures.add();
        this.#lost(request, url, reasonOf(error));
      }
    });
    response.once('end', () => this.#lost(request, url, 'ended by the peer'));
    response.on('error', (error) => this.#lost(request, url, reasonOf(error)));
  }

  #hear(message: Message | undefined): void {
    if (this.#stopped) return;
    const { peer, traffic } = this.#options;
    const rejection = message === undefined ? 'unknown' : rejectionOf(message, peer, this.#context);
    if (message !== undefined && rejection === undefined) {
      this.#context.events.receive(message);
      return;
    }
    traffic.receivedFailures.add();
    this.#complain(`ignored a message: ${rejection}`);
  }

  #hearRefusal(request: ClientRequest, response: IncomingMessage, url: EndpointUrl): void {
    const { identity, events } = this.#context;
    let body = '';
    response.setEncoding('latin1');
    response.on('data', (chunk: string) => {
      if (body.length < REFUSAL_BYTES) body += chunk;
    });
    response.on('error', (error) => this.#lost(request, url, reasonOf(error)));
    response.once('end', () => {
      if (this.#request !== request) return;
      const refusal = refusalOf(response.statusCode ?? 0, response.headers, body, identity);
      this.#lost(request, url, refusal === 'removed' ? 'this member was removed' : refusal.reason);
      if (refusal === 'removed') events.onRemoved();
    });
  }

  /** Ends the attempt or the stream, once, and asks again later. */
  #lost(request: ClientRequest, url: EndpointUrl, reason: string, silent = false): void {
    if (this.#request !== request) return;
    this.#request = undefined;
    request.destroy();
    this.#options.picker.failed(url);
    this.#options.onDown(reason, silent);
    this.#retry(reason);
  }

  #retry(reason: string): void {
    if (this.#stopped) return;
    this.#complain(reason);
    const { clock, random, limits } = this.#context;
    const longestMs = Math.min(limits.retryMs * 2 ** this.#failures, limits.retryMaxMs);
    this.#failures = Math.min(this.#failures + 1, 30);
    // All who lost the same peer would come back in the same moment otherwise.
    const delayMs = Math.ceil(longestMs / 2) + random.int(Math.max(1, Math.floor(longestMs / 2)));
    this.#pause = clock.after(delayMs, () => {
      this.#pause = undefined;
      this.#dial();
    });
  }

  #complain(reason: string): void {
    const { clock, logger } = this.#context;
    const nowMs = clock.monotonic();
    if (reason === this.#complaint && nowMs - this.#complainedMs < COMPLAIN_EVERY_MS) return;
    this.#complaint = reason;
    this.#complainedMs = nowMs;
    logger.warn('stream from remote peer is troubled', {
      stream: this.#options.kind,
      'remote-peer-id': hexId(this.#options.peer),
      error: reason,
    });
  }
}

/** Nobody listens, or whoever took the connection has nobody behind it: a live member at least answers. */
function isNobody(error: Error): boolean {
  const { code } = error as { readonly code?: string };
  return code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === 'EPIPE';
}
