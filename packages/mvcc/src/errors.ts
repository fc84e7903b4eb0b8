/**
 * - `COMPACTED`: the revision is below what is kept (or, for a compaction, not above the last one).
 * - `FUTURE_REVISION`: the revision is above the current one.
 * - `KEY_NOT_FOUND`: a put that keeps the old value or lease of a key that does not exist.
 * - `LEASE_NOT_FOUND`: a put names a lease its caller does not know.
 * - `EMPTY_RANGE`: a watch on a range that can hold no key.
 * - `STALE`: the state a store is to take over ends before its own.
 * - `CORRUPT`: what is stored is not what this package writes, or something it wrote is gone.
 * - `POISONED`: an earlier write to the backend failed; what is on disk is unknown, only reopening helps.
 * - `CLOSED`: the store or the backend has been closed.
 */
export type MvccErrorCode =
  | 'COMPACTED'
  | 'FUTURE_REVISION'
  | 'KEY_NOT_FOUND'
  | 'LEASE_NOT_FOUND'
  | 'EMPTY_RANGE'
  | 'STALE'
  | 'CORRUPT'
  | 'POISONED'
  | 'CLOSED';

export interface MvccErrorOptions extends ErrorOptions {
  readonly compactRevision?: number;
}

/** A failure of the request or of the world; `code` is part of the API. */
export class MvccError extends Error {
  override readonly name = 'MvccError';
  readonly code: MvccErrorCode;
  /** With `COMPACTED`: the oldest revision that can still be read. */
  readonly compactRevision: number | undefined;

  constructor(code: MvccErrorCode, message: string, options?: MvccErrorOptions) {
    super(message, options);
    this.code = code;
    this.compactRevision = options?.compactRevision;
  }
}

/** `revision` is below `compactRevision`, the oldest that is kept. */
export function compactedError(revision: number, compactRevision: number): MvccError {
  const message = `revision ${revision} has been compacted, ${compactRevision} is the oldest kept`;
  return new MvccError('COMPACTED', message, { compactRevision });
}

export function futureRevisionError(revision: number, current: number): MvccError {
  return new MvccError('FUTURE_REVISION', `revision ${revision} is in the future, ${current} is the current one`);
}
