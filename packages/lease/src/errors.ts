/**
 * - `INVALID_ID`: 0 is no lease, and an id must fit 64 signed bits.
 * - `EXISTS`: the id is in use.
 * - `TTL_TOO_LARGE`: above {@link MAX_TTL_SECONDS}.
 * - `NOT_FOUND`: never granted, or gone.
 * - `NOT_PRIMARY`: only the primary counts time, and this member is not, or no longer, it.
 * - `EXPIRED`: its time is over and its revoke is on the way; it cannot be renewed. Waiting for the revoke turns this
 *   into `NOT_FOUND`.
 */
export type LeaseErrorCode = 'INVALID_ID' | 'EXISTS' | 'TTL_TOO_LARGE' | 'NOT_FOUND' | 'NOT_PRIMARY' | 'EXPIRED';

/** What went wrong in this package; tell the conditions apart by `code`. */
export class LeaseError extends Error {
  override readonly name = 'LeaseError';

  constructor(
    readonly code: LeaseErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
