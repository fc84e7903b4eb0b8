import { GrpcServerError } from './errors.js';
import { DEFAULT_WINDOW_BYTES, LARGEST_WINDOW_BYTES } from './frame.js';

/** Every bound of a server and of each of its connections. `Infinity` switches a time or a count off. */
export interface GrpcLimits {
  /** A request message of more bytes, inflated or not, is refused. */
  readonly maxReceiveBytes: number;
  /** Open calls of one connection; advertised, and one more is refused. */
  readonly maxConcurrentStreams: number;
  /** What a client may send ahead, of one call and of one connection, in bytes. */
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  /** A header block: its bytes as sent, its frames, and what it decodes to (advertised) in bytes and fields. */
  readonly maxHeaderBlockBytes: number;
  readonly maxContinuations: number;
  readonly maxHeaderListBytes: number;
  readonly maxHeaderFields: number;
  /** How much larger than its compressed form a message may be, beyond 256 KiB. */
  readonly maxInflateRatio: number;

  /** The time over which the four counts below are taken. */
  readonly floodWindowMs: number;
  /** Calls the client opened and reset within 100 ms, or that broke a rule, or were refused. */
  readonly maxResets: number;
  readonly maxSettings: number;
  /** Beside those that answer something we sent. */
  readonly maxPings: number;
  /** Frames that do nothing: empty DATA, PRIORITY, unknown types, frames for calls that are over. */
  readonly maxIdleFrames: number;

  /** Bytes of one connection that wait to be sent; over it, its further unary calls wait to be handled. */
  readonly busyQueuedBytes: number;
  /**
   * The same; over it, a connection that adds more is closed. And of all, what sockets have not taken included; over it,
   * the connection that holds most is closed.
   */
  readonly maxQueuedBytes: number;
  readonly maxQueuedBytesOfAll: number;
  /** Bytes of one connection the socket has not taken: beyond, its calls are held back and nothing is read from it. */
  readonly maxUnsentBytes: number;
  /**
   * Bytes received of one connection and not yet handed over; over it, the call that adds more fails. And of all; over
   * it, the connection that holds most is closed.
   */
  readonly maxReceivedBytes: number;
  readonly maxReceivedBytesOfAll: number;
  /** A streaming call that has more than this to send says so. */
  readonly streamHighWaterBytes: number;

  /** From the accepted socket to the end of the client's first SETTINGS. */
  readonly handshakeMs: number;
  /** Until the client acknowledges ours. */
  readonly settingsAckMs: number;
  /** From the begin of a frame or a header block to its end. */
  readonly frameMs: number;
  /** From the begin of a request message (of a unary call: of the call) to its end. */
  readonly messageMs: number;
  /** Without calls: then the client is told to go. */
  readonly idleMs: number;
  /** Age of a connection: then the client is told to go. */
  readonly maxAgeMs: number;
  /** For calls that are open when the client is told to go for its age. */
  readonly maxAgeGraceMs: number;
  /** From the end of a connection to that of its socket, so that the client may read why. */
  readonly closeGraceMs: number;

  /** A client that is silent for the interval is sent a ping, and dropped when nothing comes within the timeout. */
  readonly keepaliveIntervalMs: number;
  readonly keepaliveTimeoutMs: number;
  /** A client that pings more often than this, more than twice in a row, is dropped. */
  readonly minPingIntervalMs: number;
  /** Whether it may ping at that rate without an open call; else once in two hours. */
  readonly permitPingWithoutStream: boolean;
}

export const DEFAULT_LIMITS: GrpcLimits = Object.freeze({
  maxReceiveBytes: 4 * 1024 * 1024,
  maxConcurrentStreams: 1000,
  streamWindowBytes: 1024 * 1024,
  connectionWindowBytes: 4 * 1024 * 1024,
  maxHeaderBlockBytes: 64 * 1024,
  maxContinuations: 16,
  maxHeaderListBytes: 64 * 1024,
  maxHeaderFields: 256,
  maxInflateRatio: 200,
  floodWindowMs: 10_000,
  maxResets: 1000,
  maxSettings: 100,
  maxPings: 500,
  maxIdleFrames: 100_000,
  busyQueuedBytes: 16 * 1024 * 1024,
  maxQueuedBytes: 256 * 1024 * 1024,
  maxQueuedBytesOfAll: 1024 * 1024 * 1024,
  maxUnsentBytes: 1024 * 1024,
  maxReceivedBytes: 64 * 1024 * 1024,
  maxReceivedBytesOfAll: 512 * 1024 * 1024,
  streamHighWaterBytes: 256 * 1024,
  handshakeMs: 10_000,
  settingsAckMs: 30_000,
  frameMs: 30_000,
  messageMs: 120_000,
  idleMs: 3_600_000,
  maxAgeMs: Number.POSITIVE_INFINITY,
  maxAgeGraceMs: 60_000,
  closeGraceMs: 1000,
  keepaliveIntervalMs: 7_200_000,
  keepaliveTimeoutMs: 20_000,
  minPingIntervalMs: 5000,
  permitPingWithoutStream: false,
});

/** @throws GrpcServerError GRPC_BAD_OPTION */
export function limitsOf(given: Partial<GrpcLimits> = {}): GrpcLimits {
  const limits = { ...DEFAULT_LIMITS, ...given };
  for (const [name, value] of Object.entries(limits)) {
    if (typeof value !== 'boolean' && !(value >= 0)) bad(name, 'is not a number from 0 on', value);
  }
  for (const name of ['streamWindowBytes', 'connectionWindowBytes'] as const) {
    if (!Number.isInteger(limits[name])) bad(name, 'is not whole', limits[name]);
    if (limits[name] > LARGEST_WINDOW_BYTES) bad(name, `is more than ${LARGEST_WINDOW_BYTES}`, limits[name]);
  }
  if (limits.streamWindowBytes < 1024) bad('streamWindowBytes', 'is less than 1024', limits.streamWindowBytes);
  if (limits.connectionWindowBytes < DEFAULT_WINDOW_BYTES) {
    bad('connectionWindowBytes', `is less than ${DEFAULT_WINDOW_BYTES}`, limits.connectionWindowBytes);
  }
  return limits;
}

function bad(name: string, what: string, value: unknown): never {
  throw new GrpcServerError('GRPC_BAD_OPTION', `limit ${name} ${what}: ${String(value)}`);
}
