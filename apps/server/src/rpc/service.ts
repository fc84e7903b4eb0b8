/**
 * How services are written, whatever transport carries them: handlers over decoded messages. grpc-js serves them now;
 * a faster engine can later without touching a handler.
 */
import type { AnyMethodDefinition, RequestOf, ResponseOf, ServiceDefinition } from '@kontiki/proto';

/** What a handler may know of the call it answers. */
export interface Call {
  /** The request as it came, in a unary call: it may be passed on, not kept. */
  readonly message: Uint8Array | undefined;
  /** The first value of a metadata key (lower case), or undefined. */
  metadata(key: string): string | undefined;
  /** True once nobody waits for the answer: cancelled, past its deadline, or the connection is gone. */
  readonly cancelled: boolean;
  /** Calls back once, when `cancelled` becomes true; at once when it already is. */
  onCancel(callback: () => void): void;
  /** Present in a streaming call. */
  readonly stream: StreamControl | undefined;
}

/** A stream, for those beside its handler. */
export interface StreamControl {
  /** Ends it with an error's status; its handler sees it cancelled. */
  end(error: unknown): void;
  /** Calls back once, when it is over, however it ended. */
  onEnd(callback: () => void): void;
}

/** A response whose bytes are made already: parts that are one message together. */
export class Encoded {
  constructor(readonly parts: readonly Uint8Array[]) {}
}

/** A streaming call. */
export interface StreamCall<Request, Response> extends Call {
  /** Ends when the client half-closes. Must be consumed by one reader. */
  readonly requests: AsyncIterable<Request>;
  /** @returns false when the peer reads slower than we write: wait for {@link drained} before the next one. */
  write(response: Response | Encoded): boolean;
  /** Resolves when there is room again, or the call is cancelled. */
  drained(): Promise<void>;
}

export type UnaryHandler<Request, Response> = (
  request: Request,
  call: Call,
) => Promise<Response | Encoded> | Response | Encoded;
/** The stream ends with OK when the promise resolves, with the error's status when it rejects. */
export type StreamHandler<Request, Response> = (stream: StreamCall<Request, Response>) => Promise<void>;

/** The handler a method needs. */
export type HandlerOf<Method extends AnyMethodDefinition> = true extends
  | Method['requestStream']
  | Method['responseStream']
  ? StreamHandler<RequestOf<Method>, ResponseOf<Method>>
  : UnaryHandler<RequestOf<Method>, ResponseOf<Method>>;

/**
 * A service's handlers under the names of its definition. A method left out answers Unimplemented, with the text etcd's
 * gRPC runtime gives.
 */
export type Handlers<Definition extends ServiceDefinition> = {
  readonly [Name in keyof Definition['methods']]?: HandlerOf<Definition['methods'][Name]>;
};

/** A definition and what answers it. */
export interface Service {
  readonly definition: ServiceDefinition;
  readonly handlers: Readonly<Record<string, UnaryHandler<never, unknown> | StreamHandler<never, unknown> | undefined>>;
}

/** Ties handlers to their definition, checked by the compiler method by method. */
export function service<Definition extends ServiceDefinition>(
  definition: Definition,
  handlers: Handlers<Definition>,
): Service {
  return { definition, handlers: handlers as Service['handlers'] };
}
