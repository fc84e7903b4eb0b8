import type { MessageFns } from './message.js';

/** One method of a service, as generated: enough to call it or to serve it over any transport. */
export interface MethodDefinition<Request, Response> {
  /** "Put" */
  readonly name: string;
  /** "/etcdserverpb.KV/Put" */
  readonly path: string;
  readonly requestType: MessageFns<Request>;
  readonly requestStream: boolean;
  readonly responseType: MessageFns<Response>;
  readonly responseStream: boolean;
}

/** A method of whatever messages. */
// biome-ignore lint/suspicious/noExplicitAny: a method takes its messages and gives them, so no other type fits all.
export type AnyMethodDefinition = MethodDefinition<any, any>;

/** A service, as generated. */
export interface ServiceDefinition {
  /** "KV" */
  readonly name: string;
  /** "etcdserverpb.KV" */
  readonly fullName: string;
  /** By name with a small first letter: `put`. */
  readonly methods: Readonly<Record<string, AnyMethodDefinition>>;
}

/** The message a method takes. */
export type RequestOf<Method extends AnyMethodDefinition> = ReturnType<Method['requestType']['decode']>;
/** The message a method answers. */
export type ResponseOf<Method extends AnyMethodDefinition> = ReturnType<Method['responseType']['decode']>;
