/**
 * - `BBOLT_INVALID`: neither meta page is one. Not a bbolt database, or destroyed at its very start.
 * - `BBOLT_TRUNCATED`: the file ends before the database does.
 * - `BBOLT_CORRUPT`: a page is not as any bbolt writes it, or pages do not form the trees and the freelist they must.
 * - `BBOLT_NO_BUCKET`: there is no bucket of that name.
 * - `BBOLT_ORDER`: a key, or a bucket's name, does not come after the one before it.
 * - `BBOLT_RECORD`: a record or a name bbolt could not hold: an empty key, one too long, a value too long.
 * - `BBOLT_OPTION`: an option out of its range.
 * - `BBOLT_CLOSED`: the writer has finished, has failed, or is still busy with another call.
 */
export type BboltErrorCode =
  | 'BBOLT_INVALID'
  | 'BBOLT_TRUNCATED'
  | 'BBOLT_CORRUPT'
  | 'BBOLT_NO_BUCKET'
  | 'BBOLT_ORDER'
  | 'BBOLT_RECORD'
  | 'BBOLT_OPTION'
  | 'BBOLT_CLOSED';

export interface BboltErrorOptions extends ErrorOptions {
  /** The page found wrong, and where in the file it begins. Set on `BBOLT_CORRUPT`. */
  readonly page?: number;
  readonly offset?: number;
}

/** Every failure of this package that is not a bug of ours. The code is API, the message is for people. */
export class BboltError extends Error {
  override readonly name = 'BboltError';
  readonly page: number | undefined;
  readonly offset: number | undefined;

  constructor(
    readonly code: BboltErrorCode,
    message: string,
    options: BboltErrorOptions = {},
  ) {
    super(message, options);
    this.page = options.page;
    this.offset = options.offset;
  }
}

export function corrupt(page: number, offset: number, reason: string): BboltError {
  return new BboltError('BBOLT_CORRUPT', `page ${page} at offset ${offset} is damaged: ${reason}`, { page, offset });
}

export function badOption(name: string, rule: string, given: unknown): BboltError {
  return new BboltError('BBOLT_OPTION', `${name} must be ${rule}, not ${String(given)}`);
}
