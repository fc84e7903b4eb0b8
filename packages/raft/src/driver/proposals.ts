import { RaftError } from '../errors.js';
import type { MembershipChange } from '../membership/change.js';
import type { Term } from '../types.js';

/** Somebody who waits for what its proposal comes to. */
export interface Proposal<Outcome> {
  readonly id: bigint;
  /** What is proposed; a change instead of bytes for the member set. */
  readonly content: Uint8Array | MembershipChange;
  /** Present: only for a leader of this term, which must be this member. */
  readonly term: Term | undefined;
  readonly sinceTick: number;
  /** A leader has it, or it is on its way to one: it may be committed even if this member never hears of it. */
  submitted: boolean;
  /** Settled: nobody waits any more. */
  over: boolean;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
  onAbort: (() => void) | undefined;
}

export interface ProposalLimits {
  readonly maxWaiting: number;
  readonly maxBytes: number;
}

/**
 * Who waits for which proposal.
 *
 * Invariants: everything queued waits and is not submitted; queuedBytes is the sum over the queue; at most
 * maxWaiting wait.
 */
export class Proposals<Outcome> {
  readonly #limits: ProposalLimits;
  /** In order of arrival. */
  readonly #waiting: Map<bigint, Proposal<Outcome>> = new Map();
  #queue: Proposal<Outcome>[] = [];
  #queuedBytes = 0;

  constructor(limits: ProposalLimits) {
    this.#limits = limits;
  }

  get queued(): number {
    return this.#queue.length;
  }

  get size(): number {
    return this.#waiting.size;
  }

  add(
    id: bigint,
    content: Uint8Array | MembershipChange,
    tick: number,
    { signal, term }: { readonly signal?: AbortSignal | undefined; readonly term?: Term } = {},
  ): Promise<Outcome> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const bytes = content instanceof Uint8Array ? content.length : 0;
    if (this.#waiting.size >= this.#limits.maxWaiting || this.#queuedBytes + bytes > this.#limits.maxBytes) {
      return Promise.reject(new RaftError('TOO_MANY_WAITING', `${this.#waiting.size} proposals wait already`));
    }
    if (this.#waiting.has(id)) {
      return Promise.reject(new RaftError('DUPLICATE_ID', `a proposal with id ${id} waits already`));
    }
    return new Promise((resolve, reject) => {
      const proposal: Proposal<Outcome> = {
        id,
        content,
        term,
        sinceTick: tick,
        submitted: false,
        over: false,
        resolve,
        reject,
        signal,
        onAbort: undefined,
      };
      this.#waiting.set(id, proposal);
      this.#queue.push(proposal);
      this.#queuedBytes += bytes;
      if (signal === undefined) return;
      proposal.onAbort = () => this.fail(proposal, signal.reason);
      signal.addEventListener('abort', proposal.onAbort, { once: true });
    });
  }

  /** Takes what is queued and still waited for; those that find no leader go back by {@link putBack}. */
  takeQueue(): Proposal<Outcome>[] {
    const queue = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    return queue.some((proposal) => proposal.over) ? queue.filter((proposal) => !proposal.over) : queue;
  }

  putBack(rest: Proposal<Outcome>[]): void {
    this.#queue = rest;
    for (const { content } of rest) if (content instanceof Uint8Array) this.#queuedBytes += content.length;
  }

  /** A proposal was applied; no effect when nobody waits for it here. */
  settle(id: bigint, outcome: Outcome): void {
    const proposal = this.#waiting.get(id);
    if (proposal === undefined) return;
    this.#end(proposal);
    proposal.resolve(outcome);
  }

  fail(proposal: Proposal<Outcome>, error: unknown): void {
    if (proposal.over) return;
    this.#end(proposal);
    proposal.reject(error);
  }

  /** The leader they were given to is gone: whether they will be applied is unknown. */
  failSubmitted(error: unknown): void {
    for (const proposal of this.#waiting.values()) if (proposal.submitted) this.fail(proposal, error);
  }

  /** Those that wait since before `tick` fail. */
  expire(tick: number): void {
    for (const proposal of this.#waiting.values()) {
      if (proposal.sinceTick >= tick) return;
      this.fail(
        proposal,
        proposal.submitted
          ? new RaftError('PROPOSAL_TIMED_OUT', 'the proposal was not applied in time; it may still be')
          : new RaftError('NO_LEADER', 'no leader took the proposal in time'),
      );
    }
  }

  failAll(error: unknown): void {
    for (const proposal of this.#waiting.values()) this.fail(proposal, error);
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  #end(proposal: Proposal<Outcome>): void {
    proposal.over = true;
    this.#waiting.delete(proposal.id);
    if (proposal.onAbort !== undefined) proposal.signal?.removeEventListener('abort', proposal.onAbort);
  }
}
