import { assert, type Counter, type Histogram, silentHistogram } from '@kontiki/std';
import type { Family } from './metric-family.js';

/** Status codes by number, as the label says them. */
export const GRPC_CODES: readonly string[] = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
];

/** What is counted of one method. Look it up once, count many times. */
export interface MethodMetrics {
  readonly started: Counter;
  readonly messagesReceived: Counter;
  readonly messagesSent: Counter;
  /** @param code a gRPC status; one outside the table counts as Unknown */
  handled(code: number): Counter;
  /** Silent unless `--metrics=extensive`. */
  readonly handlingSeconds: Histogram;
}

/** As much of a service definition as the counting needs; grpc-js' and ours fit. */
export type CountedService = Readonly<
  Record<string, { readonly path: string; readonly requestStream: boolean; readonly responseStream: boolean }>
>;

/** Calls by method and outcome, as the Go middleware counts them: every series of a registered method exists at 0. */
export class GrpcMetrics {
  readonly #families: {
    readonly started: Family;
    readonly received: Family;
    readonly sent: Family;
    readonly handled: Family;
    readonly seconds: Family | undefined;
  };
  readonly #methods = new Map<string, MethodMetrics>();

  constructor(families: {
    readonly started: Family;
    readonly received: Family;
    readonly sent: Family;
    readonly handled: Family;
    readonly seconds: Family | undefined;
  }) {
    this.#families = families;
  }

  /** Call once for every service that is served. */
  register(service: CountedService): void {
    for (const method of Object.values(service)) {
      if (!this.#methods.has(method.path)) this.#methods.set(method.path, this.#make(method));
    }
  }

  /** @param path of a registered method, such as `/etcdserverpb.KV/Range` */
  method(path: string): MethodMetrics {
    const found = this.#methods.get(path);
    assert(found !== undefined, `${path} is a registered method`);
    return found;
  }

  #make(method: CountedService[string]): MethodMetrics {
    const [, service = '', name = ''] = method.path.split('/');
    const labels = [kindOf(method), service, name];
    const { started, received, sent, handled, seconds } = this.#families;
    const outcomes = GRPC_CODES.map((code) => handled.value(...labels, code));
    return {
      started: started.value(...labels),
      messagesReceived: received.value(...labels),
      messagesSent: sent.value(...labels),
      handled: (code) => outcomes[code] ?? outcomes[2]!,
      handlingSeconds: seconds?.buckets(...labels) ?? silentHistogram,
    };
  }
}

function kindOf({ requestStream, responseStream }: CountedService[string]): string {
  if (requestStream) return responseStream ? 'bidi_stream' : 'client_stream';
  return responseStream ? 'server_stream' : 'unary';
}
