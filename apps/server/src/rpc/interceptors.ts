import { type AnyMethodDefinition, rpc, type ServiceDefinition } from '@kontiki/proto';
import type { Clock, Counter, Timer } from '@kontiki/std';
import { ServerError } from '../errors.js';
import type { Node } from '../node/node.js';
import type { Call, StreamControl } from './service.js';

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

/** What a learner answers; reads of its own state beside it, which kv.ts knows from the others. */
const OPEN_ON_LEARNERS: ReadonlySet<string> = new Set([
  rpc.MaintenanceDefinition.methods.status.path,
  rpc.MaintenanceDefinition.methods.snapshot.path,
  rpc.KVDefinition.methods.range.path,
]);

/** A learner lags behind by definition: clients are sent away. */
export function refuseOnLearner(node: Node): Interceptor {
  return (_call, service, method) => {
    if (node.isLearner && isOurs(service) && !OPEN_ON_LEARNERS.has(method.path)) {
      throw new ServerError('NotSupportedForLearner');
    }
  };
}

function isOurs({ fullName }: ServiceDefinition): boolean {
  return fullName.startsWith('etcdserverpb.');
}

/** Election timeouts after which a stream that requires a leader ends. */
const LEADERLESS_ELECTIONS = 3;

/**
 * A client may ask not to be served by a member that knows no leader: it is refused at once, and a stream ends when
 * there has been no leader for three election timeouts.
 */
export function requireLeader(
  node: Node,
  options: { readonly clock: Clock; readonly electionMs: number },
): Interceptor {
  const streams = new Set<StreamControl>();
  let timer: Timer | undefined;
  const cut = (): void => {
    for (const stream of [...streams]) stream.end(new ServerError('NoLeader'));
  };
  node.onLeader((hasLeader) => {
    timer?.cancel();
    timer = hasLeader ? undefined : options.clock.after(LEADERLESS_ELECTIONS * options.electionMs, cut);
  });
  return (call) => {
    if (call.metadata('hasleader') !== 'true') return;
    if (!node.hasLeader) throw new ServerError('NoLeader');
    const { stream } = call;
    if (stream === undefined) return;
    streams.add(stream);
    stream.onEnd(() => streams.delete(stream));
  };
}
