/**
 * - `WAL_CORRUPT`: bytes that were once safely stored are damaged or missing. Never repaired, never skipped, never served.
 * - `WAL_MISSING`: there is no log here, or none old enough for the asked position.
 * - `WAL_EXISTS`: there is one already; a log is never written over another.
 * - `WAL_NO_SPACE`: the disk is full. What was acknowledged is safe; make room and open the log again.
 * - `WAL_POISONED`: a write or datasync failed, so what the disk holds is unknown. Nothing is retried.
 * - `WAL_CLOSED`: asked after `close`.
 */
export type WalErrorCode =
  | 'WAL_CORRUPT'
  | 'WAL_MISSING'
  | 'WAL_EXISTS'
  | 'WAL_NO_SPACE'
  | 'WAL_POISONED'
  | 'WAL_CLOSED';

export interface WalErrorOptions extends ErrorOptions {
  /** Where the damage starts. Set on `WAL_CORRUPT`, unless whole files are missing. */
  readonly file?: string;
  readonly offset?: number;
}

/** Every failure of this package that is not a bug of ours. The code is API, the message is for people. */
export class WalError extends Error {
  override readonly name = 'WalError';
  readonly file: string | undefined;
  readonly offset: number | undefined;

  constructor(
    readonly code: WalErrorCode,
    message: string,
    options: WalErrorOptions = {},
  ) {
    super(message, options);
    this.file = options.file;
    this.offset = options.offset;
  }
}

const REMEDY =
  'Keep the files for inspection. A member of a cluster: remove it, empty its data directory and add it again. ' +
  'A single node: restore a backup.';

export function corrupt(file: string, offset: number, reason: string): WalError {
  return new WalError('WAL_CORRUPT', `${file} is damaged at offset ${offset}: ${reason}. ${REMEDY}`, { file, offset });
}

export function corruptDirectory(directory: string, reason: string): WalError {
  return new WalError('WAL_CORRUPT', `${directory} is damaged: ${reason}. ${REMEDY}`);
}

/** Whether the disk, or this user's share of it, is full. */
function isNoSpace(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** Gives a full disk its own code; any other failure stays what it is. */
export function fullDisk(path: string, error: unknown): unknown {
  if (error instanceof WalError || !isNoSpace(error)) return error;
  const message = `no space left for ${path}. What was acknowledged is safe: make room and open the log again`;
  return new WalError('WAL_NO_SPACE', message, { cause: error });
}
