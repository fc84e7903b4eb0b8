import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { PeerContext } from './context.js';
import { PeerError } from './errors.js';

/** An answer whose whole body was read. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** One character per byte; what is longer than {@link REPLY_BYTES} is cut. */
  readonly body: string;
}

export const REPLY_BYTES = 4096;

/** A request to a peer that has been begun: its body is still to be written. */
export interface Exchange {
  readonly request: ClientRequest;
  /** Rejects with what broke it, or with what it was ended for. */
  readonly reply: Promise<Reply>;
  /** Gives it up. */
  end(error: PeerError): void;
}

/**
 * Begins a request.
 *
 * @param answerMs from the connection to the end of the answer; undefined: the caller looks after it
 * @throws what node throws for a request it cannot make
 */
export function exchange(
  options: RequestOptions,
  answerMs: number | undefined,
  { dialer, clock, limits }: PeerContext,
): Exchange {
  const request = dialer.request(options);
  let fail!: (error: unknown) => void;
  const reply = new Promise<Reply>((resolve, reject) => {
    fail = reject;
    request.once('response', (response) => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => {
        if (body.length < REPLY_BYTES) body += chunk;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.once('close', () => reject(new PeerError('PEER_REFUSED', 'the connection was closed without an answer')));
  });
  // Whoever waits for the reply hears of it; a request may end before somebody does.
  reply.catch(() => {});
  const end = (error: PeerError): void => {
    fail(error);
    request.destroy();
  };
  let deadline = clock.after(limits.dialMs, () => end(new PeerError('PEER_SILENT', 'dialling took too long')));
  let closed = false;
  const connected = (): void => {
    deadline.cancel();
    if (answerMs === undefined || closed) return;
    deadline = clock.after(answerMs, () => end(new PeerError('PEER_SILENT', 'no answer for too long')));
  };
  request.once('socket', (socket) => {
    if (socket.connecting) socket.once('connect', connected);
    else connected();
  });
  request.once('close', () => {
    closed = true;
    deadline.cancel();
  });
  return { request, reply, end };
}
