/**
 * Services over `@kontiki/grpc`. Nothing else in the server knows this transport.
 */
import type { Socket } from 'node:net';
import { type CallInfo, GrpcServer, type Method, type StreamCall as RawStream, type UnaryCall } from '@kontiki/grpc';
import { type AnyMethodDefinition, errors } from '@kontiki/proto';
import { type Clock, concat, Deferred, fromLatin1, type Logger } from '@kontiki/std';
import { RpcError, toRpcError } from './errors.js';
import type { Interceptor, RpcMetrics } from './interceptors.js';
import {
  type Call,
  Encoded,
  type Service,
  type StreamCall,
  type StreamControl,
  type StreamHandler,
  type UnaryHandler,
} from './service.js';
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
  /** A client that pings more often is sent away. */
  readonly minPingIntervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface RpcServer {
  /** Takes over a connection that speaks HTTP/2; what was read of it is back in the socket. */
  accept(socket: Socket): void;
  /** Opens no more calls, lets those under way end, cuts the rest after the grace. */
  drain(graceMs: number): Promise<void>;
}

const MAX_STREAMS = 2 ** 31 - 1;
const MAX_PARTS = 64;

type Definition = Service['definition'];

export function createRpcServer(options: RpcServerOptions): RpcServer {
  const methods = new Map<string, Method>();
  const known = new Map<string, Set<string>>();
  for (const { definition, handlers } of options.services) {
    known.set(definition.fullName, new Set(Object.values(definition.methods).map(({ name }) => name)));
    for (const [key, method] of Object.entries(definition.methods)) {
      const handler = handlers[key] ?? notImplemented(method);
      methods.set(
        `/${definition.fullName}/${method.name}`,
        isStream(method)
          ? streaming(definition, method, handler as StreamHandler<unknown, unknown>, options)
          : unary(definition, method, handler as UnaryHandler<unknown, unknown>, options),
      );
    }
  }
  const { keepalive } = options;
  return new GrpcServer({
    methods,
    unknownPath: (path) => unknownPath(path, known),
    clock: options.clock,
    logger: options.logger,
    limits: {
      maxReceiveBytes: options.maxReceiveBytes,
      maxConcurrentStreams: Math.min(options.maxConcurrentStreams, MAX_STREAMS),
      keepaliveIntervalMs: keepalive?.intervalMs ?? Number.POSITIVE_INFINITY,
      ...(keepalive !== undefined && { keepaliveTimeoutMs: keepalive.timeoutMs }),
      minPingIntervalMs: options.minPingIntervalMs,
    },
  });
}

function isStream(method: AnyMethodDefinition): boolean {
  return method.requestStream || method.responseStream;
}

/** @throws RpcError when the answer cannot be encoded */
function encode(method: AnyMethodDefinition, response: unknown): Uint8Array {
  try {
    return method.responseType.encode(response).finish();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RpcError(errors.GrpcCode.Internal, `grpc: error while marshaling: ${reason}`, { cause: error });
  }
}

/** @throws RpcError when the bytes are no such message */
function decode(method: AnyMethodDefinition, bytes: Uint8Array): unknown {
  try {
    return method.requestType.decode(bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const what = method.requestStream ? 'failed to unmarshal the received message' : 'error unmarshalling request';
    throw new RpcError(errors.GrpcCode.Internal, `grpc: ${what}: ${reason}`);
  }
}

function unary(
  definition: Definition,
  method: AnyMethodDefinition,
  handler: UnaryHandler<unknown, unknown>,
  { metrics, interceptors, slowCalls, clock }: RpcServerOptions,
): Method {
  const { fullName } = definition;
  return {
    kind: 'unary',
    handle(call) {
      const startedMs = clock.monotonic();
      metrics.started(fullName, method);
      metrics.received(fullName, method);
      metrics.receivedBytes.add(call.message.length);
      let request: unknown;
      const slow = (response: unknown): void => {
        const tookMs = clock.monotonic() - startedMs;
        if (tookMs <= slowCalls.thresholdMs || request === undefined) return;
        const shown = response instanceof Encoded ? method.responseType.decode(concat(response.parts)) : response;
        slowCalls.log({ method, remote: call.peer, tookMs, request, response: shown });
      };
      const failed = (error: unknown): void => {
        const { code, message } = toRpcError(error);
        metrics.handled(fullName, method, code, startedMs);
        call.fail(code, message);
        slow(undefined);
      };
      const answered = (response: unknown): void => {
        let parts: readonly Uint8Array[];
        try {
          parts = response instanceof Encoded ? response.parts : [encode(method, response)];
        } catch (error) {
          failed(error);
          return;
        }
        let bytes = 0;
        for (const part of parts) bytes += part.length;
        metrics.sentBytes.add(bytes);
        metrics.sent(fullName, method);
        metrics.handled(fullName, method, errors.GrpcCode.OK, startedMs);
        call.respond(...few(parts));
        slow(response);
      };
      try {
        request = decode(method, call.message);
        const context = new EngineCall(call);
        for (const intercept of interceptors) intercept(context, definition, method);
        const answer = handler(request, context);
        if (answer instanceof Promise) answer.then(answered, failed);
        else answered(answer);
      } catch (error) {
        failed(error);
      }
    },
  };
}

/** Client, server and bidirectional streams alike: a stream of one is a stream. */
function streaming(
  definition: Definition,
  method: AnyMethodDefinition,
  handler: StreamHandler<unknown, unknown>,
  { metrics, interceptors, clock }: RpcServerOptions,
): Method {
  const { fullName } = definition;
  return {
    kind: 'stream',
    open(call) {
      const startedMs = clock.monotonic();
      metrics.started(fullName, method);
      const stream = new EngineStream(call, method, metrics, fullName);
      const run = async (): Promise<void> => {
        for (const intercept of interceptors) intercept(stream, definition, method);
        await Promise.race([handler(stream), stream.endedFromOutside]);
      };
      run()
        .finally(() => stream.over())
        .then(
          () => {
            const code = stream.cancelled ? errors.GrpcCode.Canceled : errors.GrpcCode.OK;
            metrics.handled(fullName, method, code, startedMs);
            call.end();
          },
          (error: unknown) => {
            const { code, message } = toRpcError(error);
            metrics.handled(fullName, method, code, startedMs);
            call.end(code, message);
          },
        );
    },
  };
}

/** What the two kinds of calls have in common. */
class EngineCall implements Call {
  readonly stream: StreamControl | undefined;
  readonly message: Uint8Array | undefined;
  readonly #call: CallInfo;

  constructor(call: UnaryCall | RawStream) {
    this.#call = call;
    this.message = 'message' in call ? call.message : undefined;
  }

  metadata(key: string): string | undefined {
    const value = this.#call.metadata(key);
    // As bytes on the wire, which ought to be UTF-8.
    return value === undefined || isAscii(value) ? value : new TextDecoder().decode(fromLatin1(value));
  }

  get cancelled(): boolean {
    return this.#call.cancelled;
  }

  onCancel(callback: () => void): void {
    this.#call.onCancel(callback);
  }
}

class EngineStream extends EngineCall implements StreamCall<unknown, unknown> {
  override readonly stream: StreamControl;
  readonly requests: AsyncIterable<unknown>;
  /** Rejects when somebody beside the handler ends the stream. */
  readonly endedFromOutside: Promise<never>;
  readonly #raw: RawStream;
  readonly #method: AnyMethodDefinition;
  readonly #metrics: RpcMetrics;
  readonly #service: string;
  #onEnd: (() => void)[] = [];
  #onCancel: (() => void)[] = [];
  #ended = false;

  constructor(call: RawStream, method: AnyMethodDefinition, metrics: RpcMetrics, service: string) {
    super(call);
    this.#raw = call;
    this.#method = method;
    this.#metrics = metrics;
    this.#service = service;
    this.requests = this.#messages();
    const ended = new Deferred<never>();
    ended.promise.catch(() => {});
    this.endedFromOutside = ended.promise;
    this.stream = {
      end: (error) => {
        this.#ended = true;
        ended.reject(error);
        for (const each of this.#onCancel.splice(0)) each();
      },
      onEnd: (callback) => this.#onEnd.push(callback),
    };
  }

  override get cancelled(): boolean {
    return this.#ended || super.cancelled;
  }

  override onCancel(callback: () => void): void {
    if (this.cancelled) return callback();
    let called = false;
    const once = (): void => {
      if (called) return;
      called = true;
      callback();
    };
    this.#onCancel.push(once);
    super.onCancel(once);
  }

  /** The call has its answer. */
  over(): void {
    for (const each of this.#onEnd.splice(0)) each();
  }

  write(response: unknown): boolean {
    if (this.cancelled) return true;
    this.#metrics.sent(this.#service, this.#method);
    if (response instanceof Encoded) {
      let bytes = 0;
      for (const part of response.parts) bytes += part.length;
      this.#metrics.sentBytes.add(bytes);
      return this.#raw.write(...few(response.parts));
    }
    let encoded: Uint8Array;
    try {
      encoded = encode(this.#method, response);
    } catch (error) {
      this.#metrics.streamFailed('send', this.#method);
      throw error;
    }
    this.#metrics.sentBytes.add(encoded.length);
    return this.#raw.write(encoded);
  }

  drained(): Promise<void> {
    return this.cancelled ? Promise.resolve() : this.#raw.drained();
  }

  async *#messages(): AsyncGenerator<unknown> {
    for (;;) {
      const bytes = await this.#raw.read();
      if (bytes === undefined) return;
      this.#metrics.received(this.#service, this.#method);
      this.#metrics.receivedBytes.add(bytes.length);
      let message: unknown;
      try {
        message = decode(this.#method, bytes);
      } catch (error) {
        this.#metrics.streamFailed('receive', this.#method);
        throw error;
      }
      yield message;
      if (!this.#method.requestStream) return;
    }
  }
}

/** Parts that can be passed as arguments: a delete may have made a million events. */
function few(parts: readonly Uint8Array[]): readonly Uint8Array[] {
  return parts.length <= MAX_PARTS ? parts : [concat(parts)];
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** A method of a service we have, which a later version will answer. The text is that of etcd's gRPC runtime. */
function notImplemented(method: AnyMethodDefinition): UnaryHandler<unknown, unknown> & StreamHandler<unknown, unknown> {
  return () => {
    throw new RpcError(errors.GrpcCode.Unimplemented, `method ${method.name} not implemented`);
  };
}

function unknownPath(path: string, known: ReadonlyMap<string, ReadonlySet<string>>): { code: number; details: string } {
  const cut = path.lastIndexOf('/');
  const service = path.slice(1, cut);
  const { code, message } =
    cut <= 0
      ? errors.malformedMethod(path)
      : known.has(service)
        ? errors.unknownMethod(service, path.slice(cut + 1))
        : errors.unknownService(service);
  return { code, details: message };
}
