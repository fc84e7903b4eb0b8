/**
 * A gRPC server runtime on plain sockets: HTTP/2 of its own, calls as bytes, and a bound on everything a client can
 * make it do. It knows no service and no message format.
 *
 * @packageDocumentation
 */
export type { ConnectionObserver } from './calls.js';
export { GrpcServer, type GrpcServerOptions } from './driver/server.js';
export { GrpcServerError, type GrpcServerErrorCode } from './errors.js';
export { DEFAULT_LIMITS, type GrpcLimits } from './limits.js';
export type { CallInfo, Method, StreamCall, UnaryCall } from './method.js';
export { type Status, StatusCode } from './status.js';
