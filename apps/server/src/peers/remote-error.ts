export type RemoteErrorCode =
  /** No address of the member could be connected to, or the connection broke. */
  | 'REMOTE_UNREACHABLE'
  /** No answer in time. */
  | 'REMOTE_TIMEOUT'
  /** The caller gave up. */
  | 'REMOTE_ABORTED'
  /** An answer that says no, for a reason without a name in the table of errors. */
  | 'REMOTE_REFUSED'
  /** An answer that is not what was asked for. */
  | 'REMOTE_MALFORMED'
  /** An answer of more bytes than there should be. */
  | 'REMOTE_TOO_LARGE'
  /** The member belongs to another cluster. */
  | 'REMOTE_OTHER_CLUSTER';

/** Another member could not be asked, or its answer cannot be used. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';

  constructor(
    readonly code: RemoteErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
