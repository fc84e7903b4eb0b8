/** Every condition this package reports; the README has a line for each. */
export type RaftErrorCode =
  | 'NO_LEADER'
  | 'LEADER_CHANGED'
  | 'PROPOSAL_DROPPED'
  | 'PROPOSAL_TIMED_OUT'
  | 'TOO_MANY_WAITING'
  | 'DUPLICATE_ID'
  | 'STOPPED'
  | 'CHANGE_PENDING'
  | 'INVALID_CHANGE'
  | 'INVALID_MESSAGE'
  | 'INVALID_OPTIONS'
  | 'LOG_LOST'
  | 'UNKNOWN_MEMBERS'
  | 'STORAGE_FAILED'
  | 'APPLY_FAILED';

export class RaftError extends Error {
  override readonly name = 'RaftError';

  constructor(
    readonly code: RaftErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
