import {
  type CallOptions,
  Client,
  credentials,
  Metadata,
  type ServiceError,
  type StatusObject,
  status,
} from '@grpc/grpc-js';

/** How a call ended: its gRPC status, and the response message's bytes when the status is 0. */
export interface RawAnswer {
  readonly code: number;
  readonly details: string;
  readonly body?: Uint8Array;
}

export interface RawCallOptions {
  /** The call fails with DEADLINE_EXCEEDED after that long. Default 30,000. */
  readonly timeoutMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A bidirectional stream of message bytes. */
export interface RawStream {
  send(message: Uint8Array): void;
  /** Half-closes. */
  end(): void;
  cancel(): void;
  /** Resolves with the status the call ended with; never rejects. */
  readonly ended: Promise<RawAnswer>;
}

/**
 * gRPC with the messages left as bytes, over one connection of its own, so that anything can be sent: malformed
 * messages, unknown methods, numbers no typed client can hold.
 */
export class RawClient {
  readonly #client: Client;
  readonly #streams: Set<RawStream> = new Set();
  #closed = false;

  /** @param endpoint host:port, plain text */
  constructor(endpoint: string) {
    this.#client = new Client(endpoint, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.min_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 200,
      // A process's clients must not share a connection: several are several clients to the server too.
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  /** @param path `/package.Service/Method`. Never rejects: a failure is an answer with its status. */
  unary(path: string, message: Uint8Array, options: RawCallOptions = {}): Promise<RawAnswer> {
    if (this.#closed) return Promise.resolve({ code: status.CANCELLED, details: 'Cancelled on client' });
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        path,
        asBuffer,
        identity,
        message,
        metadataOf(options),
        deadline(options.timeoutMs ?? 30_000),
        (error: ServiceError | null, body?: Uint8Array) => {
          if (error !== null) resolve({ code: error.code, details: error.details });
          else resolve({ code: 0, details: '', body: body ?? new Uint8Array(0) });
        },
      );
    });
  }

  /** Opens a bidirectional stream; `onMessage` gets every message in order. */
  duplex(path: string, onMessage: (message: Uint8Array) => void, options: RawCallOptions = {}): RawStream {
    const call = this.#client.makeBidiStreamRequest(
      path,
      asBuffer,
      identity,
      metadataOf(options),
      options.timeoutMs === undefined ? {} : deadline(options.timeoutMs),
    );
    const ended = new Promise<RawAnswer>((resolve) => {
      call.on('status', (status: StatusObject) => resolve({ code: status.code, details: status.details }));
      // The status says it all; without a listener the error event would end the process.
      call.on('error', () => undefined);
    });
    call.on('data', onMessage);
    const stream: RawStream = {
      send: (message) => void call.write(message),
      end: () => void call.end(),
      cancel: () => call.cancel(),
      ended,
    };
    this.#streams.add(stream);
    void ended.then(() => this.#streams.delete(stream));
    return stream;
  }

  /** Cancels what is open and closes the connection; a call after that is answered as cancelled. */
  close(): void {
    this.#closed = true;
    for (const stream of this.#streams) stream.cancel();
    this.#client.close();
  }
}

function deadline(timeoutMs: number): CallOptions {
  return { deadline: new Date(Date.now() + timeoutMs) };
}

function metadataOf(options: RawCallOptions): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
  return metadata;
}

function asBuffer(message: Uint8Array): Buffer {
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
}

function identity(message: Buffer): Uint8Array {
  return message;
}
