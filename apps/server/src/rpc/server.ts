/**
 * Services over `@grpc/grpc-js`. Nothing else in the server knows this transport.
 */
import type { Readable } from 'node:stream';
import * as grpc from '@grpc/grpc-js';
import { type AnyMethodDefinition, errors } from '@kontiki/proto';
import { Deferred } from '@kontiki/std';
import { RpcError, toRpcError } from './errors.js';
import type { Interceptor, RpcMetrics } from './interceptors.js';
import type { Call, Service, StreamCall, StreamControl, StreamHandler, UnaryHandler } from './service.js';
import type { SlowCalls } from './slow-calls.js';

export interface RpcServerOptions {
  readonly services: readonly Service[];
  readonly interceptors: readonly Interceptor[];
  readonly metrics: RpcMetrics;
  /** Told of unary calls that took longer than its threshold. */
  readonly slowCalls: SlowCalls;
  /** A request message of more bytes is refused. */
  readonly maxReceiveBytes: number;
  readonly maxConcurrentStreams: number;
  /** Time between pings to a silent client, and how long its answer may take; undefined: no pings. */
  readonly keepalive: { readonly intervalMs: number; readonly timeoutMs: number } | undefined;
  nowMs(): number;
}

/**
 * Beyond this grpc-js stops reading a message by itself; below it, and above `maxReceiveBytes`, the refusal is ours,
 * in the words clients know.
 */
const HARD_LIMIT_FACTOR = 16;
const MAX_STREAMS = 2 ** 31 - 1;

/** A decoded request, or what to answer instead: a message that cannot be read must not end the connection. */
type Received = { readonly message: unknown } | { readonly refused: RpcError };

export function createRpcServer(options: RpcServerOptions): grpc.Server {
  const server = new grpc.Server({
    'grpc.max_receive_message_length': options.maxReceiveBytes * HARD_LIMIT_FACTOR,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': Math.min(options.maxConcurrentStreams, MAX_STREAMS),
    ...(options.keepalive !== undefined && {
      'grpc.keepalive_time_ms': options.keepalive.intervalMs,
      'grpc.keepalive_timeout_ms': options.keepalive.timeoutMs,
    }),
  });
  const known = new Map<string, Set<string>>();
  for (const service of options.services) {
    known.set(service.definition.fullName, new Set(Object.values(service.definition.methods).map(({ name }) => name)));
    addService(server, service, options);
  }
  answerUnknownMethods(server, known);
  return server;
}

function addService(server: grpc.Server, { definition, handlers }: Service, options: RpcServerOptions): void {
  const methods: Record<string, grpc.MethodDefinition<unknown, unknown>> = {};
  const implementation: Record<string, grpc.UntypedHandleCall> = {};
  for (const [key, method] of Object.entries(definition.methods)) {
    methods[key] = {
      path: `/${definition.fullName}/${method.name}`,
      requestStream: method.requestStream,
      responseStream: method.responseStream,
      requestSerialize: (message) => Buffer.from(method.requestType.encode(message).finish()),
      requestDeserialize: (bytes) => receive(method, bytes, options),
      responseSerialize: (message) => send(method, message, options.metrics),
      responseDeserialize: (bytes) => method.responseType.decode(bytes),
    };
    const handler = handlers[key] ?? notImplemented(method);
    implementation[key] = isStream(method)
      ? streaming(definition, method, handler as StreamHandler<unknown, unknown>, options)
      : unary(definition, method, handler as UnaryHandler<unknown, unknown>, options);
  }
  server.addService(methods, implementation);
}

function receive(method: AnyMethodDefinition, bytes: Buffer, options: RpcServerOptions): Received {
  const { maxReceiveBytes, metrics } = options;
  if (bytes.length > maxReceiveBytes) {
    return { refused: RpcError.of(errors.messageTooLarge(bytes.length, maxReceiveBytes)) };
  }
  metrics.receivedBytes.add(bytes.length);
  try {
    return { message: method.requestType.decode(bytes) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const what = method.requestStream ? 'failed to unmarshal the received message' : 'error unmarshalling request';
    return { refused: new RpcError(errors.GrpcCode.Internal, `grpc: ${what}: ${reason}`) };
  }
}

/** What it throws becomes the status of the call. */
function send(method: AnyMethodDefinition, message: unknown, metrics: RpcMetrics): Buffer {
  try {
    const bytes = method.responseType.encode(message).finish();
    metrics.sentBytes.add(bytes.length);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } catch (error) {
    if (isStream(method)) metrics.streamFailed('send', method);
    throw error;
  }
}

function isStream(method: AnyMethodDefinition): boolean {
  return method.requestStream || method.responseStream;
}

type Definition = Service['definition'];

function unary(
  definition: Definition,
  method: AnyMethodDefinition,
  handler: UnaryHandler<unknown, unknown>,
  options: RpcServerOptions,
): grpc.handleUnaryCall<unknown, unknown> {
  const { metrics, interceptors, slowCalls } = options;
  return (call, callback) => {
    const startedMs = options.nowMs();
    metrics.started(definition.fullName, method);
    metrics.received(definition.fullName, method);
    const received = call.request as Received;
    const context = new GrpcCall(call);
    const answer = async (): Promise<unknown> => {
      if ('refused' in received) throw received.refused;
      for (const intercept of interceptors) intercept(context, definition, method);
      return await handler(received.message, context);
    };
    const answered = (response: unknown): void => {
      const tookMs = options.nowMs() - startedMs;
      if (tookMs <= slowCalls.thresholdMs || 'refused' in received) return;
      slowCalls.log({ method, remote: call.getPeer(), tookMs, request: received.message, response });
    };
    answer().then(
      (response) => {
        metrics.sent(definition.fullName, method);
        metrics.handled(definition.fullName, method, grpc.status.OK, startedMs);
        callback(null, response);
        answered(response);
      },
      (error: unknown) => {
        const { code, message } = toRpcError(error);
        metrics.handled(definition.fullName, method, code, startedMs);
        callback({ code, details: message });
        answered(undefined);
      },
    );
  };
}

/** Client, server and bidirectional streams alike: a stream of one is a stream. */
function streaming(
  definition: Definition,
  method: AnyMethodDefinition,
  handler: StreamHandler<unknown, unknown>,
  options: RpcServerOptions,
): grpc.UntypedHandleCall {
  const { metrics, interceptors } = options;
  return (call: grpc.ServerDuplexStream<unknown, unknown> | grpc.ServerWritableStream<unknown, unknown>) => {
    const startedMs = options.nowMs();
    metrics.started(definition.fullName, method);
    const stream = new GrpcStream(call, method, {
      received: () => metrics.received(definition.fullName, method),
      sent: () => metrics.sent(definition.fullName, method),
      refused: () => metrics.streamFailed('receive', method),
    });
    const run = async (): Promise<void> => {
      for (const intercept of interceptors) intercept(stream, definition, method);
      await Promise.race([handler(stream), stream.endedFromOutside]);
    };
    run()
      .finally(() => stream.over())
      .then(
        () => {
          metrics.handled(
            definition.fullName,
            method,
            stream.cancelled ? grpc.status.CANCELLED : grpc.status.OK,
            startedMs,
          );
          call.end();
        },
        (error: unknown) => {
          const { code, message } = toRpcError(error);
          metrics.handled(definition.fullName, method, code, startedMs);
          call.emit('error', { code, details: message });
        },
      );
  };
}

/** What the two kinds of grpc-js calls have in common. */
interface Cancellable {
  readonly cancelled: boolean;
  readonly metadata: grpc.Metadata;
  on(event: 'cancelled' | 'drain' | 'error', listener: () => void): unknown;
}

class GrpcCall implements Call {
  readonly stream: StreamControl | undefined;
  readonly #call: Cancellable;
  #onCancel: (() => void)[] | undefined;

  constructor(call: Cancellable) {
    this.#call = call;
  }

  metadata(key: string): string | undefined {
    const value = this.#call.metadata.get(key)[0];
    return value === undefined ? undefined : String(value);
  }

  get cancelled(): boolean {
    return this.#call.cancelled;
  }

  onCancel(callback: () => void): void {
    if (this.cancelled) return callback();
    if (this.#onCancel === undefined) {
      this.#onCancel = [];
      this.#call.on('cancelled', () => this.cancelNow());
    }
    this.#onCancel.push(callback);
  }

  protected cancelNow(): void {
    for (const each of this.#onCancel?.splice(0) ?? []) each();
  }
}

/** What happens to a stream. */
interface Counts {
  received(): void;
  sent(): void;
  /** A message could not be read: the stream ends with it. */
  refused(): void;
}

type GrpcStreamCall = grpc.ServerDuplexStream<unknown, unknown> | grpc.ServerWritableStream<unknown, unknown>;

class GrpcStream extends GrpcCall implements StreamCall<unknown, unknown> {
  override readonly stream: StreamControl;
  readonly requests: AsyncIterable<unknown>;
  /** Rejects when somebody beside the handler ends the stream. */
  readonly endedFromOutside: Promise<never>;
  readonly #call: GrpcStreamCall;
  readonly #sent: () => void;
  #waiting: (() => void)[] = [];
  #onEnd: (() => void)[] = [];
  #ended = false;

  constructor(call: GrpcStreamCall, method: AnyMethodDefinition, count: Counts) {
    super(call as Cancellable);
    this.#call = call;
    this.#sent = count.sent;
    // A stream that broke says so through `cancelled`; unheard, its error would end the process.
    call.on('error', () => {});
    const resume = (): void => {
      for (const each of this.#waiting.splice(0)) each();
    };
    call.on('drain', resume);
    this.onCancel(resume);
    this.requests = messages(method.requestStream ? arriving(call as Readable) : [requestOf(call)], count);
    const ended = new Deferred<never>();
    ended.promise.catch(() => {});
    this.endedFromOutside = ended.promise;
    this.stream = {
      end: (error) => {
        this.#ended = true;
        ended.reject(error);
        this.cancelNow();
      },
      onEnd: (callback) => this.#onEnd.push(callback),
    };
  }

  override get cancelled(): boolean {
    return this.#ended || super.cancelled;
  }

  /** The call has its answer. */
  over(): void {
    for (const each of this.#onEnd.splice(0)) each();
  }

  write(response: unknown): boolean {
    if (this.cancelled) return true;
    this.#sent();
    return this.#call.write(response);
  }

  drained(): Promise<void> {
    if (this.cancelled) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** Without closing the stream when the reader stops: it has an answer to give still. */
function arriving(call: Readable): AsyncIterable<Received> {
  return call.iterator({ destroyOnReturn: false });
}

function requestOf(call: GrpcStreamCall): Received {
  return (call as grpc.ServerWritableStream<unknown, unknown>).request as Received;
}

async function* messages(source: AsyncIterable<Received> | Iterable<Received>, count: Counts): AsyncGenerator<unknown> {
  try {
    for await (const received of source) {
      count.received();
      if ('refused' in received) {
        count.refused();
        throw received.refused;
      }
      yield received.message;
    }
  } catch (error) {
    if (error instanceof RpcError) throw error;
    // The client went away in the middle: there is nothing more to read, and nobody to tell.
  }
}

/** A method of a service we have, which a later version will answer. The text is that of etcd's gRPC runtime. */
function notImplemented(method: AnyMethodDefinition): UnaryHandler<unknown, unknown> & StreamHandler<unknown, unknown> {
  return () => {
    throw new RpcError(errors.GrpcCode.Unimplemented, `method ${method.name} not implemented`);
  };
}

/**
 * Paths nobody serves: grpc-js has words of its own for them, clients of etcd know others. Its table of handlers is a
 * Map it asks by path; ours answers for every path.
 */
function answerUnknownMethods(server: grpc.Server, known: ReadonlyMap<string, ReadonlySet<string>>): void {
  const table = server as unknown as { handlers: Map<string, unknown> };
  const handlers = table.handlers;
  const answered = new Map(handlers);
  answered.get = (path: string) => Map.prototype.get.call(answered, path) ?? unknownPath(path, known);
  table.handlers = answered;
}

function unknownPath(path: string, known: ReadonlyMap<string, ReadonlySet<string>>): unknown {
  const cut = path.lastIndexOf('/');
  const service = path.slice(1, cut);
  const { code, message } =
    cut <= 0
      ? errors.malformedMethod(path)
      : known.has(service)
        ? errors.unknownMethod(service, path.slice(cut + 1))
        : errors.unknownService(service);
  return {
    func: (call: { emit(event: 'error', error: object): void }) => {
      call.emit('error', { code, details: message });
    },
    serialize: () => Buffer.alloc(0),
    deserialize: (bytes: Buffer) => bytes,
    type: 'bidi',
    path,
  };
}
