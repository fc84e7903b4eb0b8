import { type RaftDriver, RaftError } from '@kontiki/raft';
import type { Reply } from '../apply/handlers.js';
import { encodeRequest, type Request } from '../apply/request.js';
import type { Outcome } from '../apply/state-machine.js';
import { ServerError } from '../errors.js';
import type { RequestIds } from './request-ids.js';
import type { UniformTimeout } from './uniform-timeout.js';

/** Entries that may be committed and wait to be applied before new requests are turned away. */
const MAX_APPLY_BACKLOG = 5000;

/** The way into the log: size limit, back-pressure, an id, a deadline. */
export class Proposer {
  readonly #driver: RaftDriver<Outcome>;
  readonly #ids: RequestIds;
  readonly #timeout: UniformTimeout;
  readonly #maxRequestBytes: number;
  #pending = 0;
  #failed = 0;

  constructor(options: {
    readonly driver: RaftDriver<Outcome>;
    readonly ids: RequestIds;
    readonly timeout: UniformTimeout;
    readonly maxRequestBytes: number;
  }) {
    this.#driver = options.driver;
    this.#ids = options.ids;
    this.#timeout = options.timeout;
    this.#maxRequestBytes = options.maxRequestBytes;
  }

  /** Requests whose outcome is still open. */
  get pending(): number {
    return this.#pending;
  }

  /** Requests that ended without an outcome: timed out, dropped, or the node stopped. */
  get failed(): number {
    return this.#failed;
  }

  /**
   * Resolves with the reply once the request is applied on this member.
   * @throws the error it was answered with, or why no answer came: after a timeout it may still take effect later
   */
  async propose(request: Request): Promise<Reply> {
    const { commit, applied } = this.#driver.status();
    if (commit - applied > MAX_APPLY_BACKLOG) throw new ServerError('RequestTooManyRequests');
    const id = this.#ids.next();
    const data = encodeRequest({ ...request, header: { ID: id, username: '', authRevision: 0 } });
    if (data.length > this.#maxRequestBytes) throw new ServerError('RequestTooLarge');
    this.#pending++;
    try {
      const outcome = await this.#timeout.guard(this.#driver.propose(id, data), () => new ServerError('Timeout'));
      if (!outcome.ok) throw outcome.error;
      return outcome.reply;
    } catch (error) {
      if (error instanceof RaftError || (error instanceof ServerError && error.condition === 'Timeout')) this.#failed++;
      throw error;
    } finally {
      this.#pending--;
    }
  }
}
