import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Server } from '../side.js';

/** What may be done to an answer on its way. */
export interface Alteration {
  /** Every response message of a method; several take its place, none drops it. */
  message?(path: string, message: Uint8Array): readonly Uint8Array[];
  /** The trailers of a call: grpc-status, grpc-message. */
  trailers?(path: string, trailers: IncomingHttpHeaders): IncomingHttpHeaders;
}

/**
 * A server behind a proxy that alters its answers: a peer with a planted defect. Everything else (connections, frames
 * of gRPC, trailers, resets) passes as it is, so without an alteration it is the server itself.
 */
export async function alteringProxy(server: Server, alteration: Alteration): Promise<Server> {
  const proxy = createServer();
  proxy.on('session', (session) => {
    const upstream = connect(`http://${server.endpoint}`);
    upstream.on('error', () => session.destroy());
    session.on('error', () => upstream.destroy());
    upstream.on('close', () => session.close());
    session.on('close', () => upstream.close());
    session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) =>
      forward(stream, headers, upstream, alteration),
    );
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = proxy.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP listener without a port');
  return behind(server, proxy, `127.0.0.1:${address.port}`);
}

function behind(server: Server, proxy: Http2Server, endpoint: string): Server {
  return {
    kind: server.kind,
    endpoint,
    addresses: server.addresses,
    get pid() {
      return server.pid;
    },
    log: (maxBytes) => server.log(maxBytes),
    stop: () => server.stop(),
    startAgain: () => server.startAgain(),
    dispose: async () => {
      proxy.close();
      await server.dispose();
    },
  };
}

function forward(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  upstream: ClientHttp2Session,
  alteration: Alteration,
): void {
  const path = String(headers[':path']);
  if (upstream.destroyed || upstream.closed) {
    stream.close(constants.NGHTTP2_REFUSED_STREAM);
    return;
  }
  const call = upstream.request(headers, { endStream: false });
  const splitter = new MessageSplitter();
  let trailers: IncomingHttpHeaders = {};
  stream.pipe(call);
  stream.on('error', () => call.close(constants.NGHTTP2_CANCEL));
  stream.on('close', () => call.close(constants.NGHTTP2_CANCEL));
  call.on('error', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
  call.on('response', (response, flags) => {
    if (stream.destroyed) return;
    const { ':status': status, ...rest } = response;
    if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) {
      stream.respond({ ':status': status, ...(alteration.trailers?.(path, rest) ?? rest) }, { endStream: true });
    } else {
      stream.respond({ ':status': status, ...rest }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers(alteration.trailers?.(path, trailers) ?? trailers));
    }
  });
  call.on('trailers', (received) => {
    trailers = received;
  });
  call.on('data', (chunk: Buffer) => {
    for (const message of splitter.push(chunk)) {
      for (const altered of alteration.message?.(path, message) ?? [message]) stream.write(framed(altered));
    }
  });
  call.on('end', () => {
    if (!stream.destroyed && stream.headersSent) stream.end();
  });
}

/** Cuts a byte stream into gRPC messages: a flag byte, four bytes of length, the message. */
class MessageSplitter {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Buffer[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const messages: Buffer[] = [];
    while (this.#rest.length >= 5 && this.#rest.length >= 5 + this.#rest.readUInt32BE(1)) {
      const length = this.#rest.readUInt32BE(1);
      messages.push(this.#rest.subarray(5, 5 + length));
      this.#rest = this.#rest.subarray(5 + length);
    }
    return messages;
  }
}

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
