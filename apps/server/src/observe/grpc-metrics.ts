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

/** As much of a method's definition as the counting needs. */
export interface CountedMethod {
  readonly name: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

/** As much of a service's definition; those of `@kontiki/proto` fit. */
export interface CountedService {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, CountedMethod>>;
}

/** The same, as events of a server: fits `RpcMetrics` of rpc/. */
export interface CallCounter {
  started(service: string, method: CountedMethod): void;
  received(service: string, method: CountedMethod): void;
  sent(service: string, method: CountedMethod): void;
  /** @param startedMs by the same clock as `nowMs` */
  handled(service: string, method: CountedMethod, code: number, startedMs: number): void;
}

export interface GrpcFamilies {
  readonly started: Family;
  readonly received: Family;
  readonly sent: Family;
  readonly handled: Family;
  readonly seconds: Family | undefined;
}

/** Calls by method and outcome, as the Go middleware counts them: every series of a registered method exists at 0. */
export class GrpcMetrics {
  readonly #families: GrpcFamilies;
  /** By the definition itself: nothing to put together on the way of a call. */
  readonly #methods = new Map<CountedMethod, MethodMetrics>();

  constructor(families: GrpcFamilies) {
    this.#families = families;
  }

  /** Call once for every service that is served. */
  register(service: CountedService): void {
    for (const method of Object.values(service.methods)) {
      if (!this.#methods.has(method)) this.#methods.set(method, this.#make(service.fullName, method));
    }
  }

  /** @param method of a registered service, the same object */
  of(method: CountedMethod): MethodMetrics {
    const found = this.#methods.get(method);
    assert(found !== undefined, `${method.name} belongs to a registered service`);
    return found;
  }

  /** @param nowMs a clock that does not fall */
  counter(nowMs: () => number): CallCounter {
    return {
      started: (_, method) => this.of(method).started.add(),
      received: (_, method) => this.of(method).messagesReceived.add(),
      sent: (_, method) => this.of(method).messagesSent.add(),
      handled: (_, method, code, startedMs) => {
        const counts = this.of(method);
        counts.handled(code).add();
        counts.handlingSeconds.observe((nowMs() - startedMs) / 1000);
      },
    };
  }

  #make(service: string, method: CountedMethod): MethodMetrics {
    const labels = [kindOf(method), service, method.name];
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

function kindOf({ requestStream, responseStream }: CountedMethod): string {
  if (requestStream) return responseStream ? 'bidi_stream' : 'client_stream';
  return responseStream ? 'server_stream' : 'unary';
}
