import { NOBODY } from '../types.js';
import { type ConfirmedRead, contextRound, type ReadRequest, roundContext } from './pending-reads.js';
import { sendHeartbeats } from './replicate.js';
import type { State } from './state.js';

/**
 * Linearizable reads without a log entry (dissertation §6.4): the leader remembers its commit index, makes sure that it
 * still leads, and whoever has applied up to that index may answer.
 */

/** False when nobody can be asked now, or too many wait: the caller asks again later. */
export function requestRead(state: State, request: ReadRequest): boolean {
  if (state.role === 'leader') {
    // A new leader has every committed entry but does not know which ones they are (§8).
    if (!state.committedInTerm) return state.reads.postpone(request);
    return state.reads.add(request, state.log.committed);
  }
  // A follower that took another's question for its leader's would send it round in circles.
  if (state.leader === NOBODY || request.from !== state.id) return false;
  state.outbox.send({ type: 'readIndex', from: state.id, to: state.leader, term: 0, context: request.context });
  return true;
}

/** Announces the round that has gathered; a single voter confirms it by itself. */
export function flushReads(state: State): void {
  if (!state.reads.unannounced) return;
  sendHeartbeats(state, roundContext(state.reads.announce()));
  answerConfirmed(state);
}

/** A member answered a heartbeat, and so says that it follows this leader. */
export function heardRound(state: State, from: bigint, context: Uint8Array): void {
  state.reads.heard(from, contextRound(context));
  answerConfirmed(state);
}

/** Also after the member set changed: what was missing may not be needed any more. */
export function answerConfirmed(state: State): void {
  for (const read of state.reads.takeConfirmed(state.id, state.tracker.configuration)) answer(state, read);
}

function answer(state: State, { from, context, index }: ConfirmedRead): void {
  if (from === state.id) state.confirmedReads.push({ context, index });
  else state.outbox.send({ type: 'readIndexReply', from: state.id, to: from, term: state.term, index, context });
}
