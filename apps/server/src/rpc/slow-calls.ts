import { type AnyMethodDefinition, rpc } from '@kontiki/proto';
import type { Clock, Logger } from '@kontiki/std';
import { formatDuration } from '../config/duration.js';
import { deleteText, putText, rangeText, txnText } from './request-text.js';

export interface SlowCallsOptions {
  /** Calls that took longer are logged. */
  readonly thresholdMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A unary call that has been answered. */
export interface AnsweredCall {
  readonly method: AnyMethodDefinition;
  /** host:port of the client. */
  readonly remote: string;
  readonly tookMs: number;
  /** The message, decoded. */
  readonly request: unknown;
  /** undefined when the answer was an error. */
  readonly response: unknown;
}

/** What a request and its answer come to; -1 where etcd does not count. */
interface Stats {
  readonly requestCount: number;
  readonly requestSize: number;
  readonly responseCount: number;
  readonly responseSize: number;
  readonly content: string;
}

const NOT_COUNTED: Stats = { requestCount: -1, requestSize: -1, responseCount: -1, responseSize: -1, content: '' };

/** Of a transaction of many operations, what is enough to recognise it. */
const MAX_CONTENT = 4096;

/**
 * Says which unary calls were slow, in one line each: etcd's `request stats`. What was asked for shows with its keys,
 * never with a value.
 */
export class SlowCalls {
  readonly thresholdMs: number;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(options: SlowCallsOptions) {
    this.thresholdMs = options.thresholdMs;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Must not throw: the call has been answered, and there is nobody to tell. */
  log(call: AnsweredCall): void {
    try {
      this.#log(call);
    } catch (error) {
      this.#logger.error('a slow call could not be described', { 'response type': call.method.path, error });
    }
  }

  #log(call: AnsweredCall): void {
    const { requestCount, requestSize, responseCount, responseSize, content } = statsOf(call);
    this.#logger.warn('request stats', {
      'start time': new Date(this.#clock.now() - call.tookMs).toISOString(),
      'time spent': formatDuration(call.tookMs),
      remote: call.remote,
      'response type': call.method.path,
      'request count': requestCount,
      'request size': requestSize,
      'response count': responseCount,
      'response size': responseSize,
      'request content': content.length > MAX_CONTENT ? `${content.slice(0, MAX_CONTENT)}...` : content,
    });
  }
}

function statsOf({ method, request, response }: AnsweredCall): Stats {
  const size = (messages: AnyMethodDefinition['requestType'], message: unknown): number =>
    message === undefined ? 0 : messages.encode(message).finish().length;
  const counted = (requestCount: number, responseCount: number, content: string): Stats => ({
    requestCount,
    requestSize: size(method.requestType, request),
    responseCount,
    responseSize: size(method.responseType, response),
    content,
  });
  switch (method.path) {
    case '/etcdserverpb.KV/Range':
      return counted(
        0,
        (response as rpc.RangeResponse | undefined)?.count ?? 0,
        rangeText(request as rpc.RangeRequest),
      );
    case '/etcdserverpb.KV/Put':
      return counted(1, 0, putText(request as rpc.PutRequest));
    case '/etcdserverpb.KV/DeleteRange': {
      const deleted = (response as rpc.DeleteRangeResponse | undefined)?.deleted ?? 0;
      return counted(0, deleted, deleteText(request as rpc.DeleteRangeRequest));
    }
    case '/etcdserverpb.KV/Txn':
      return txnStats(request as rpc.TxnRequest, response as rpc.TxnResponse | undefined);
    default:
      return NOT_COUNTED;
  }
}

/** Of a transaction counts the branch that was taken; one that failed took none. */
function txnStats(request: rpc.TxnRequest, response: rpc.TxnResponse | undefined): Stats {
  if (response === undefined)
    return { requestCount: 0, requestSize: 0, responseCount: 0, responseSize: 0, content: '' };
  const taken = response.succeeded ? request.success : request.failure;
  return {
    requestCount: taken.length,
    requestSize: taken.reduce((sum, op) => sum + rpc.RequestOp.encode(op).finish().length, 0),
    responseCount: 0,
    responseSize: rpc.TxnResponse.encode(response).finish().length,
    content: txnText(request),
  };
}
