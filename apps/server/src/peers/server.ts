import type { IncomingMessage, ServerResponse } from 'node:http';
import { hexId } from '../cluster/member-id.js';
import { type HttpAnswer, NOT_FOUND, textAnswer } from '../http/answer.js';
import { rejectionOf } from './acceptance.js';
import { decodeMessage } from './codec.js';
import type { PeerContext } from './context.js';
import { PeerError } from './errors.js';
import { type Introduction, introductionOf, mismatchOf, parseId } from './headers.js';
import { PROBING_PATH, probeAnswer } from './prober.js';
import { NO_CONTENT, rejectionAnswer, SnapshotReceiver } from './snapshot-receiver.js';
import type { StreamKind } from './stream-reader.js';
import { Watchdog } from './watchdog.js';

/** Who the server knows. */
export interface Acquaintances {
  /** Whether we were told of the member. */
  knows(id: bigint): boolean;
  /** The member asked for one of its streams; the head of the answer is sent. */
  attach(id: bigint, kind: StreamKind, response: ServerResponse): void;
  /** A member of this cluster that we may not know introduced itself. */
  meet(introduction: Introduction): void;
}

const STREAM_PREFIX = '/raft/stream/';

/**
 * What other members ask for at the peer address: everything under `/raft`.
 *
 * Nothing reaches raft before it is certain that the sender is of this cluster, of a version that we understand each
 * other, not removed, and means this member.
 */
export class PeerServer {
  readonly #context: PeerContext;
  readonly #acquaintances: Acquaintances;
  readonly #snapshots: SnapshotReceiver;
  readonly #posts = new Set<IncomingMessage>();
  readonly #answering = new Set<Promise<void>>();
  #stopped = false;

  constructor(context: PeerContext, acquaintances: Acquaintances) {
    this.#context = context;
    this.#acquaintances = acquaintances;
    this.#snapshots = new SnapshotReceiver(context);
  }

  /** @returns false: the path is not one of ours, and nothing was done */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const path = pathOf(request);
    if (path !== '/raft' && !path.startsWith('/raft/')) return false;
    if (path.startsWith(STREAM_PREFIX)) {
      this.#serveStream(request, response, path.slice(STREAM_PREFIX.length));
      return true;
    }
    const answering = this.#answer(request, path)
      .then(
        (answer) => send(request, response, this.#named(path, answer)),
        (error: unknown) => {
          this.#context.logger.error('failed to answer a peer', { path, error });
          send(request, response, textAnswer(500, 'Internal Server Error'));
        },
      )
      .finally(() => this.#answering.delete(answering));
    this.#answering.add(answering);
    return true;
  }

  /** Breaks off what is coming in; resolves when all of it has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const request of this.#posts) request.destroy(new PeerError('PEER_CLOSED', 'stopped'));
    this.#snapshots.stop();
    await Promise.all(this.#answering);
  }

  async #answer(request: IncomingMessage, path: string): Promise<HttpAnswer> {
    if (this.#stopped) return textAnswer(503, 'stopped');
    if (path === PROBING_PATH) {
      const body = probeAnswer(this.#context.clock.now());
      return { status: 200, headers: { 'Content-Type': 'text/plain; charset=utf-8' }, body };
    }
    if (path !== '/raft' && path !== '/raft/snapshot') return NOT_FOUND;
    if (request.method !== 'POST') return textAnswer(405, 'Method Not Allowed', { Allow: 'POST' });
    const mismatch = mismatchOf(request.headers, this.#context.identity);
    if (mismatch !== undefined) return this.#mismatched(request, mismatch);
    const sender = introductionOf(request.headers);
    if (sender !== undefined && !this.#context.events.isRemoved(sender.id)) this.#acquaintances.meet(sender);
    const remote = sender !== undefined && this.#acquaintances.knows(sender.id) ? hexId(sender.id) : 'unknown';
    return path === '/raft' ? this.#takeMessage(request, remote) : this.#snapshots.receive(request, remote);
  }

  async #takeMessage(request: IncomingMessage, remote: string): Promise<HttpAnswer> {
    const { limits, metrics, events, logger } = this.#context;
    if (this.#posts.size >= limits.postsIn) return textAnswer(503, 'too many messages at once');
    this.#posts.add(request);
    try {
      const body = await this.#readBody(request);
      metrics.receivedBytes(remote).add(body.length);
      const message = decodeMessage(body);
      // Its sender can do without; an error would make it think that we cannot be reached.
      if (message === undefined) return NO_CONTENT;
      if (message.type === 'snapshot') throw new PeerError('MALFORMED_FRAME', 'a snapshot without its contents');
      const rejection = rejectionOf(message, undefined, this.#context);
      if (rejection !== undefined) {
        metrics.receivedFailures(remote).add();
        logger.warn('rejected a raft message', { 'remote-peer-id': remote, reason: rejection });
        return rejectionAnswer(rejection);
      }
      events.receive(message);
      return NO_CONTENT;
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      metrics.receivedFailures(remote).add();
      logger.warn('failed to read a raft message', { 'remote-peer-id': remote, error: error.message });
      return textAnswer(400, 'error unmarshalling raft message');
    } finally {
      this.#posts.delete(request);
    }
  }

  /** @throws PeerError */
  async #readBody(request: IncomingMessage): Promise<Uint8Array> {
    const { limits, clock } = this.#context;
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    const watchdog = new Watchdog(clock, limits.readMs, () => {
      request.destroy(new PeerError('PEER_SILENT', 'no byte of a message for too long'));
    });
    watchdog.start();
    try {
      for await (const chunk of request as AsyncIterable<Uint8Array>) {
        watchdog.feed();
        bytes += chunk.length;
        if (bytes > limits.frameBytes) throw new PeerError('FRAME_TOO_LARGE', `a message of over ${bytes} bytes`);
        chunks.push(chunk);
      }
    } catch (error) {
      if (error instanceof PeerError) throw error;
      throw new PeerError('MALFORMED_FRAME', 'a message that breaks off', { cause: error });
    } finally {
      watchdog.stop();
    }
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  }

  #serveStream(request: IncomingMessage, response: ServerResponse, rest: string): void {
    const { identity } = this.#context;
    const headers = {
      'X-Server-Version': identity.serverVersion,
      'X-Etcd-Cluster-ID': hexId(identity.clusterId),
    };
    const granted = this.#grantStream(request, rest);
    if ('refusal' in granted) {
      const { refusal } = granted;
      send(request, response, { ...refusal, headers: { ...headers, ...refusal.headers } });
      return;
    }
    response.writeHead(200, headers);
    response.flushHeaders();
    this.#acquaintances.attach(granted.id, granted.kind, response);
  }

  #grantStream(
    request: IncomingMessage,
    rest: string,
  ): { readonly id: bigint; readonly kind: StreamKind } | { readonly refusal: HttpAnswer } {
    const { identity, events, logger } = this.#context;
    const refuse = (status: number, line: string): { readonly refusal: HttpAnswer } => ({
      refusal: textAnswer(status, line),
    });
    if (this.#stopped) return refuse(503, 'stopped');
    if (request.method !== 'GET') return { refusal: textAnswer(405, 'Method Not Allowed', { Allow: 'GET' }) };
    const mismatch = mismatchOf(request.headers, identity);
    if (mismatch !== undefined) return { refusal: this.#mismatched(request, mismatch) };
    const match = /^(message|msgapp)\/([^/]*)$/.exec(rest);
    if (match === null) return refuse(404, 'invalid path');
    const id = parseId(match[2]!);
    if (id === undefined) return refuse(404, 'invalid from');
    const about = { 'remote-peer-id': hexId(id) };
    if (events.isRemoved(id)) {
      logger.warn('rejected stream from remote peer because it was removed', about);
      return refuse(410, 'removed member');
    }
    if (!this.#acquaintances.knows(id)) {
      // It may have joined later than what this member has applied, and even lead by now.
      const sender = introductionOf(request.headers);
      if (sender?.id === id) this.#acquaintances.meet(sender);
      logger.warn('failed to find remote peer in cluster', about);
      return refuse(404, 'error sender not found');
    }
    if (request.headers['x-raft-to'] !== hexId(identity.memberId)) {
      logger.warn('ignored streaming request; ID mismatch', about);
      return refuse(412, 'to field mismatch');
    }
    return { id, kind: match[1] as StreamKind };
  }

  #mismatched(request: IncomingMessage, mismatch: string): HttpAnswer {
    const { headers } = request;
    this.#context.logger.warn(`rejected a request of a peer: ${mismatch}`, {
      'remote-peer-server-name': headers['x-server-from'],
      'remote-peer-server-version': headers['x-server-version'],
      'remote-peer-cluster-id': headers['x-etcd-cluster-id'],
    });
    return textAnswer(412, mismatch);
  }

  /** Which cluster answers; a probe is anybody's. */
  #named(path: string, answer: HttpAnswer): HttpAnswer {
    if (path === PROBING_PATH) return answer;
    return { ...answer, headers: { 'X-Etcd-Cluster-ID': hexId(this.#context.identity.clusterId), ...answer.headers } };
  }
}

function pathOf({ url = '' }: IncomingMessage): string {
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

/** A body that is still coming is not waited for: the connection ends with the answer. */
function send(request: IncomingMessage, response: ServerResponse, { status, headers, body }: HttpAnswer): void {
  if (response.destroyed) return;
  const length = status === 204 ? {} : { 'Content-Length': Buffer.byteLength(body) };
  if (!request.complete && request.method === 'POST') {
    const { socket } = response;
    response.setHeader('Connection', 'close');
    // A request that was given up has no socket any more by then.
    response.once('finish', () => socket?.destroySoon());
  }
  response.writeHead(status, { ...headers, ...length });
  response.end(body);
}
