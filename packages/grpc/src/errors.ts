export type GrpcServerErrorCode = 'GRPC_BAD_OPTION' | 'GRPC_MISUSED';

/** What a user of the package did wrong. What peers do wrong ends their call or their connection, never in an exception. */
export class GrpcServerError extends Error {
  override readonly name = 'GrpcServerError';

  constructor(
    readonly code: GrpcServerErrorCode,
    message: string,
  ) {
    super(message);
  }
}
