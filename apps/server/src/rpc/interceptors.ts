import type { AnyMethodDefinition, ServiceDefinition } from '@kontiki/proto';
import type { Counter } from '@kontiki/std';
import { ServerError } from '../errors.js';
import type { Node } from '../node/node.js';
import type { Call } from './service.js';

/** What is counted about calls; each name is one metric family. */
export interface RpcMetrics {
  started(service: string, method: AnyMethodDefinition): void;
  received(service: string, method: AnyMethodDefinition): void;
  sent(service: string, method: AnyMethodDefinition): void;
  handled(service: string, method: AnyMethodDefinition, code: number, startedMs: number): void;
  clientRequest(kind: 'unary' | 'stream', clientApiVersion: string): void;
  /** A stream broke for another reason than that its client left. */
  streamFailed(kind: 'send' | 'receive', method: AnyMethodDefinition): void;
  /** Of messages, without the five bytes and the frames around each. */
  readonly receivedBytes: Counter;
  readonly sentBytes: Counter;
}

/** What every call passes before its handler; throws what it is answered with instead. */
export type Interceptor = (call: Call, service: ServiceDefinition, method: AnyMethodDefinition) => void;

/** Counts the call under the API version its client names. */
export function countClient(metrics: RpcMetrics): Interceptor {
  return (call, _service, method) => {
    const version = call.metadata('client-api-version');
    // Decoded with a replacement character: the bytes were no UTF-8.
    if (version?.includes('\ufffd')) throw new ServerError('InvalidClientAPIVersion');
    const kind = method.requestStream || method.responseStream ? 'stream' : 'unary';
    metrics.clientRequest(kind, version ?? 'unknown');
  };
}

/** A client may ask to be refused at once, not kept waiting, while no leader is known. */
export function requireLeader(node: Node): Interceptor {
  return (call) => {
    if (call.metadata('hasleader') === 'true' && !node.hasLeader) throw new ServerError('NoLeader');
  };
}
