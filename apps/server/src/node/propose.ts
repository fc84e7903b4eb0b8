import { type RaftDriver, RaftError, type RaftErrorCode } from '@kontiki/raft';
import type { Reply } from '../apply/handlers.js';
import { encodeRequest, type Request } from '../apply/request.js';
import type { Outcome } from '../apply/state-machine.js';
import { type Condition, ServerError } from '../errors.js';
import type { RequestIds } from './request-ids.js';

/** Entries that may be committed and wait to be applied before new requests are turned away. */
const MAX_APPLY_BACKLOG = 5000;

/** Why raft gave no answer, in etcd's words. */
const REFUSALS: Partial<Record<RaftErrorCode, Condition>> = {
  // Waited for a leader as long as a request may take.
  NO_LEADER: 'ContextDeadlineExceeded',
  LEADER_CHANGED: 'TimeoutDueToLeaderFail',
  PROPOSAL_TIMED_OUT: 'Timeout',
  PROPOSAL_DROPPED: 'ProposalDropped',
  TOO_MANY_WAITING: 'RequestTooManyRequests',
  STOPPED: 'Stopped',
};

/** The way into the log: size limit, back-pressure, an id. The driver keeps the deadline. */
export class Proposer {
  readonly #driver: RaftDriver<Outcome>;
  readonly #ids: RequestIds;
  readonly #maxRequestBytes: number;
  #pending = 0;
  #onFailed: () => void = () => {};

  constructor(options: {
    readonly driver: RaftDriver<Outcome>;
    readonly ids: RequestIds;
    readonly maxRequestBytes: number;
  }) {
    this.#driver = options.driver;
    this.#ids = options.ids;
    this.#maxRequestBytes = options.maxRequestBytes;
  }

  /** Requests whose outcome is still open. */
  get pending(): number {
    return this.#pending;
  }

  /** Called for every request that ends without an outcome: timed out, dropped, or the node stopped. */
  onFailed(listener: () => void): void {
    this.#onFailed = listener;
  }

  /**
   * Resolves with the reply once the request is applied on this member.
   * @throws the error it was answered with, or why no answer came: after a timeout it may still take effect later
   */
  async propose(request: Request): Promise<Reply> {
    this.#checkBacklog();
    const id = this.#ids.next();
    const data = encodeRequest({ ...request, header: { ID: id, username: '', authRevision: 0 } });
    if (data.length > this.#maxRequestBytes) throw new ServerError('RequestTooLarge');
    this.#pending++;
    try {
      const outcome = await this.#driver.propose(id, data);
      if (!outcome.ok) throw outcome.error;
      return outcome.reply;
    } catch (error) {
      const condition = error instanceof RaftError ? REFUSALS[error.code] : undefined;
      if (condition === undefined) throw error;
      this.#onFailed();
      throw new ServerError(condition, { cause: error });
    } finally {
      this.#pending--;
    }
  }

  #checkBacklog(): void {
    // Only who has many requests under way can have many waiting; asking raft each time would cost more.
    if (this.#pending < MAX_APPLY_BACKLOG) return;
    const { commit, applied } = this.#driver.status();
    if (commit - applied > MAX_APPLY_BACKLOG) throw new ServerError('RequestTooManyRequests');
  }
}
