import { rpc } from '@kontiki/proto';
import { type RawAnswer, type RawCallOptions, RawClient, type RawStream } from './raw-client.js';

/** A unary call's end: the decoded response, or the gRPC status. A failure is a value: tools count on failures. */
export type Reply<Response> =
  | { readonly ok: true; readonly response: Response }
  | { readonly ok: false; readonly code: number; readonly details: string };

/** What is used of a generated method definition. */
interface Method {
  readonly name: string;
  readonly requestType: { encode(message: never): { finish(): Uint8Array }; fromPartial(object: never): unknown };
  readonly responseType: { decode(bytes: Uint8Array): unknown };
}

interface Service {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, Method>>;
}

type Asked<M extends Method> = Parameters<M['requestType']['fromPartial']>[0];
type Answered<M extends Method> = ReturnType<M['responseType']['decode']>;

/** One function per unary method of a service. */
export type Calls<S extends Service> = {
  readonly [Name in keyof S['methods']]: (
    request: Asked<S['methods'][Name]>,
    options?: RawCallOptions,
  ) => Promise<Reply<Answered<S['methods'][Name]>>>;
};

/** An open stream with typed messages. */
export interface TypedStream<Request> extends Omit<RawStream, 'send'> {
  send(request: Request): void;
}

/** etcd's services over one connection, with the messages of `@kontiki/proto`. */
export class Client {
  readonly raw: RawClient;
  readonly kv: Calls<typeof rpc.KVDefinition>;
  readonly lease: Calls<typeof rpc.LeaseDefinition>;
  readonly cluster: Calls<typeof rpc.ClusterDefinition>;
  readonly maintenance: Calls<typeof rpc.MaintenanceDefinition>;
  readonly auth: Calls<typeof rpc.AuthDefinition>;

  /** @param endpoint host:port, plain text */
  constructor(endpoint: string) {
    this.raw = new RawClient(endpoint);
    this.kv = callsOf(this.raw, rpc.KVDefinition);
    this.lease = callsOf(this.raw, rpc.LeaseDefinition);
    this.cluster = callsOf(this.raw, rpc.ClusterDefinition);
    this.maintenance = callsOf(this.raw, rpc.MaintenanceDefinition);
    this.auth = callsOf(this.raw, rpc.AuthDefinition);
  }

  /** A watch stream; `onResponse` gets every response in order. */
  watch(
    onResponse: (response: rpc.WatchResponse) => void,
  ): TypedStream<Asked<typeof rpc.WatchDefinition.methods.watch>> {
    const stream = this.raw.duplex('/etcdserverpb.Watch/Watch', (bytes) => onResponse(rpc.WatchResponse.decode(bytes)));
    return {
      send: (request) => stream.send(rpc.WatchRequest.encode(rpc.WatchRequest.fromPartial(request)).finish()),
      end: () => stream.end(),
      cancel: () => stream.cancel(),
      ended: stream.ended,
    };
  }

  /** Ends every open stream and the connection. */
  close(): void {
    this.raw.close();
  }
}

/** The unary calls of a service, bound to a connection. */
function callsOf<S extends Service>(client: RawClient, service: S): Calls<S> {
  const calls = Object.entries(service.methods).map(([name, method]) => {
    const path = `/${service.fullName}/${method.name}`;
    const call = async (request: never, options?: RawCallOptions): Promise<Reply<unknown>> => {
      const message = method.requestType.encode(method.requestType.fromPartial(request) as never).finish();
      return decoded(await client.unary(path, message, options), method);
    };
    return [name, call];
  });
  return Object.fromEntries(calls) as Calls<S>;
}

function decoded(answer: RawAnswer, method: Method): Reply<unknown> {
  if (answer.body === undefined) return { ok: false, code: answer.code, details: answer.details };
  return { ok: true, response: method.responseType.decode(answer.body) };
}
