import { type MembershipChange, type RaftDriver, RaftError, type RaftErrorCode } from '@kontiki/raft';
import type { Clock } from '@kontiki/std';
import type { Reply } from '../apply/handlers.js';
import { type EncodedOperation, encodeOperation, encodeRequest, type Request } from '../apply/request.js';
import type { Outcome } from '../apply/state-machine.js';
import { encodeMemberChange } from '../cluster/member-change.js';
import type { MemberChange } from '../cluster/members.js';
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
  INVALID_CHANGE: 'MemberNotEnoughStarted',
};

/** While another change of the members is under way, the next is tried again after this. */
const CHANGE_RETRY_MS = 50;

export interface ProposerOptions {
  readonly driver: RaftDriver<Outcome>;
  readonly ids: RequestIds;
  readonly maxRequestBytes: number;
  readonly clock: Clock;
  /** How long a change of the members is tried. */
  readonly timeoutMs: number;
  /** Why a request that was given to a leader at `sinceMs` (monotonic) may have got no answer in time. */
  explain(sinceMs: number): Condition;
}

/** The way into the log: size limit, back-pressure, an id. The driver keeps the deadline. */
export class Proposer {
  readonly #options: ProposerOptions;
  #pending = 0;
  #onFailed: () => void = () => {};

  constructor(options: ProposerOptions) {
    this.#options = options;
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
   * @param term only as the leader of this term, which this member must be; for what a leader decides by its own clock
   * @throws the error it was answered with, or why no answer came: after a timeout it may still take effect later
   */
  propose(request: Request, term?: number): Promise<Reply> {
    const id = this.#options.ids.next();
    const data = encodeRequest({ ...request, header: { ID: id, username: '', authRevision: 0 } });
    return this.#submit(id, data, term);
  }

  /** The same for an operation that came encoded. @param body copied */
  proposeEncoded(operation: EncodedOperation, body: Uint8Array): Promise<Reply> {
    const id = this.#options.ids.next();
    return this.#submit(id, encodeOperation(id, operation, body), undefined);
  }

  /** Changes who is a member, one change at a time; otherwise as {@link propose}. */
  async proposeChange(change: MemberChange): Promise<Reply> {
    const { driver, ids, clock, timeoutMs } = this.#options;
    const deadlineMs = clock.monotonic() + timeoutMs;
    for (;;) {
      const id = ids.next();
      const proposed: MembershipChange = encodeMemberChange(id, change);
      try {
        return await this.#settled(driver.proposeChange(id, proposed));
      } catch (error) {
        const pending = error instanceof RaftError && error.code === 'CHANGE_PENDING';
        if (!pending) throw error;
        if (clock.monotonic() >= deadlineMs) throw new ServerError('Timeout', { cause: error });
        await new Promise<void>((resolve) => void clock.after(CHANGE_RETRY_MS, resolve));
      }
    }
  }

  #submit(id: bigint, data: Uint8Array, term: number | undefined): Promise<Reply> {
    const { driver, maxRequestBytes } = this.#options;
    if (this.#isBehind()) return Promise.reject(new ServerError('RequestTooManyRequests'));
    if (data.length > maxRequestBytes) return Promise.reject(new ServerError('RequestTooLarge'));
    return this.#settled(term === undefined ? driver.propose(id, data) : driver.proposeInTerm(id, data, term));
  }

  #settled(outcome: Promise<Outcome>): Promise<Reply> {
    const { clock, explain } = this.#options;
    const sinceMs = clock.monotonic();
    this.#pending++;
    return outcome.then(
      (settled) => {
        this.#pending--;
        if (!settled.ok) throw settled.error;
        return settled.reply;
      },
      (error: unknown) => {
        this.#pending--;
        const condition = error instanceof RaftError ? REFUSALS[error.code] : undefined;
        if (condition === undefined) throw error;
        this.#onFailed();
        throw new ServerError(condition === 'Timeout' ? explain(sinceMs) : condition, { cause: error });
      },
    );
  }

  /** More is committed and not applied than may be. */
  #isBehind(): boolean {
    // Only who has many requests under way can have many waiting; asking raft each time would cost more.
    if (this.#pending < MAX_APPLY_BACKLOG) return false;
    const { commit, applied } = this.#options.driver.status();
    return commit - applied > MAX_APPLY_BACKLOG;
  }
}
