import { LeaseError, type LeaseErrorCode } from '@kontiki/lease';
import { MvccError, type MvccErrorCode } from '@kontiki/mvcc';
import { errors } from '@kontiki/proto';
import { ServerError } from '../errors.js';

/** A gRPC status: what a client sees of an error. */
export class RpcError extends Error {
  override readonly name = 'RpcError';

  /** @param code gRPC's number */
  constructor(
    readonly code: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  static of(status: errors.RpcStatus, options?: ErrorOptions): RpcError {
    return new RpcError(status.code, status.message, options);
  }
}

const MVCC: Partial<Record<MvccErrorCode, errors.ErrorName>> = {
  COMPACTED: 'Compacted',
  FUTURE_REVISION: 'FutureRev',
  KEY_NOT_FOUND: 'KeyNotFound',
  LEASE_NOT_FOUND: 'LeaseNotFound',
  CLOSED: 'Stopped',
};

const LEASE: Partial<Record<LeaseErrorCode, errors.ErrorName>> = {
  NOT_FOUND: 'LeaseNotFound',
  INVALID_ID: 'LeaseNotFound',
  EXISTS: 'LeaseExist',
  TTL_TOO_LARGE: 'LeaseTTLTooLarge',
  NOT_PRIMARY: 'NotPrimaryLessor',
};

/** The one place where an error becomes a status. What no table knows is Unknown with its own text, as in etcd. */
export function toRpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  const name = conditionOf(error);
  if (name !== undefined) return RpcError.of(errors.rpcError(name), { cause: error });
  return new RpcError(errors.GrpcCode.Unknown, error instanceof Error ? error.message : String(error), {
    cause: error,
  });
}

function conditionOf(error: unknown): errors.ErrorName | undefined {
  if (error instanceof ServerError) return error.condition;
  if (error instanceof MvccError) return MVCC[error.code];
  if (error instanceof LeaseError) return LEASE[error.code];
  return undefined;
}
