/**
 * Services for `@grpc/grpc-js`, its server and its client.
 *
 * @packageDocumentation
 */

import type * as grpc from '@grpc/grpc-js';
import type { MethodDefinition, RequestOf, ResponseOf, ServiceDefinition } from '../service.js';

/** What grpc-js makes of a generated service: the same methods by the same names. */
export type GrpcService<Service extends ServiceDefinition> = {
  readonly [Name in keyof Service['methods']]: grpc.MethodDefinition<
    RequestOf<Service['methods'][Name]>,
    ResponseOf<Service['methods'][Name]>
  >;
};

/** A generated service as grpc-js takes it: for `Server.addService` and `makeGenericClientConstructor`. */
export function toGrpcService<Service extends ServiceDefinition>(service: Service): GrpcService<Service> {
  const methods = Object.entries(service.methods).map(([name, method]) => [name, toGrpcMethod(method)]);
  return Object.fromEntries(methods) as GrpcService<Service>;
}

/** One method as grpc-js takes it: for `Client.makeUnaryRequest` and its kin. */
export function toGrpcMethod<Request, Response>(
  method: MethodDefinition<Request, Response>,
): grpc.MethodDefinition<Request, Response> {
  return {
    path: method.path,
    originalName: method.name,
    requestStream: method.requestStream,
    responseStream: method.responseStream,
    requestSerialize: (message) => toBuffer(method.requestType.encode(message).finish()),
    requestDeserialize: (bytes) => method.requestType.decode(bytes),
    responseSerialize: (message) => toBuffer(method.responseType.encode(message).finish()),
    responseDeserialize: (bytes) => method.responseType.decode(bytes),
  };
}

/** The same bytes: grpc-js takes nothing but Buffers. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
