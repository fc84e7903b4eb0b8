import { NOBODY } from '@kontiki/raft';
import type { Clock } from '@kontiki/std';
import type { Member, Membership } from '../cluster/members.js';
import { ServerError } from '../errors.js';
import type { Leadership } from './leadership.js';

/** Between two tries, in milliseconds. */
const RETRY_MS = 50;

export interface AtLeaderOptions {
  readonly leadership: Leadership;
  readonly membership: Membership;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/** How a question that only the leader can answer is put. */
export interface AskLeader<T> {
  /** This member leads. @throws NotYet when it cannot answer at this moment */
  here(): Promise<T>;
  /** Another member leads. What it throws other than a ServerError means that it could not be asked. */
  there(leader: Member, timeoutMs: number): Promise<T>;
  readonly signal?: AbortSignal;
}

/** The leader cannot answer yet, or not any more: ask whoever leads then. */
export class NotYet extends Error {
  override readonly name = 'NotYet';
}

/**
 * Asks whoever leads, here or elsewhere, until there is an answer or the time of a request is over.
 * @throws ServerError the leader's own; NoLeader, Timeout when time is over; the signal's reason
 */
export async function atLeader<T>(options: AtLeaderOptions, ask: AskLeader<T>): Promise<T> {
  const { leadership, membership, clock, timeoutMs } = options;
  const deadlineMs = clock.monotonic() + timeoutMs;
  for (;;) {
    ask.signal?.throwIfAborted();
    const leader = leadership.leader;
    const member = membership.member(leader);
    const here = leadership.isLeader;
    try {
      if (here) return await ask.here();
      if (member !== undefined) {
        const leftMs = Math.max(1, deadlineMs - clock.monotonic());
        return await untilChanged(leadership, ask.there(member, leftMs));
      }
    } catch (error) {
      const answer = error instanceof ServerError || (here && !(error instanceof NotYet));
      if (answer || ask.signal?.aborted === true) throw error;
    }
    if (clock.monotonic() >= deadlineMs) throw new ServerError(leader === NOBODY ? 'NoLeader' : 'Timeout');
    await new Promise<void>((resolve) => void clock.after(RETRY_MS, resolve));
  }
}

/** Nobody waits for a leader that leads no more: the next one may have the answer. */
async function untilChanged<T>(leadership: Leadership, answer: Promise<T>): Promise<T> {
  answer.catch(() => {});
  let stopListening!: () => void;
  const changed = new Promise<never>((_, reject) => {
    stopListening = leadership.onChange(() => reject(new NotYet('the leader changed')));
  });
  return Promise.race([answer, changed]).finally(stopListening);
}
