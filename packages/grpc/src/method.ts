/** What every handler may know of the call it answers. */
export interface CallInfo {
  /** As sent: `/package.Service/Method`. */
  readonly path: string;
  /**
   * The first value of a header by its lower-case name, latin1. One whose name ends in `-bin` is decoded from base64,
   * one character per byte.
   */
  metadata(name: string): string | undefined;
  /** On the server's monotonic clock; Infinity: none. */
  readonly deadlineMs: number;
  /** `ip:port` or the path of a unix socket. */
  readonly peer: string;
  /** True once nobody waits for the answer: reset by the client, past its deadline, refused, or the connection is gone. */
  readonly cancelled: boolean;
  /** Calls back once, when `cancelled` becomes true; at once when it is already. Not called for a call that was answered. */
  onCancel(callback: () => void): void;
}

/** One request, one answer. */
export interface UnaryCall extends CallInfo {
  /** Memory that is not written to again: it may be kept, though a small message may hold a larger chunk alive. */
  readonly message: Uint8Array;
  /**
   * Answers with one message, the parts one after another, and status OK. Must be called once, or `fail`; ignored when
   * cancelled. Parts must not change afterwards: large ones are not copied.
   */
  respond(...parts: Uint8Array[]): void;
  fail(code: number, details: string): void;
}

/** Messages both ways, as long as it takes; a stream of one is a stream. */
export interface StreamCall extends CallInfo {
  /**
   * The next message; undefined: the client sent its last one, or the call is cancelled. One reader at a time. Messages
   * are taken from the client as they are read here.
   *
   * @throws GrpcServerError GRPC_MISUSED when somebody reads already
   */
  read(): Promise<Uint8Array | undefined>;
  /**
   * The same, pushed: `take` for each message, the next one not before its promise (if it gives one) is fulfilled, and
   * `end` after the last one.
   */
  onMessage(take: (message: Uint8Array) => void | Promise<void>, end: () => void): void;
  /**
   * Sends one message, the parts one after another, which must not change afterwards. Ignored when cancelled.
   * @returns false: more than the high-water mark waits to be sent; then await {@link drained} before the next
   */
  write(...parts: Uint8Array[]): boolean;
  /** Resolves when there is room, or the call is cancelled. */
  drained(): Promise<void>;
  /** Ends the call after what was written; code 0 by default. */
  end(code?: number, details?: string): void;
}

/** How one path is served. */
export type Method =
  | { readonly kind: 'unary'; handle(call: UnaryCall): void }
  | { readonly kind: 'stream'; open(call: StreamCall): void };
