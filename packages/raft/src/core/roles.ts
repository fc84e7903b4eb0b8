import { assert } from '@kontiki/std';
import { NOBODY, type NodeId, type Term } from '../types.js';
import { appendOwn } from './replicate.js';
import type { State } from './state.js';

/**
 * ```
 *              timeout                won                    won
 *   follower ----------> preCandidate ------> candidate ------------> leader
 *      ^  ^                  |                    |                     |
 *      |  +------------------+--------------------+                     |
 *      |          lost, a leader, or a higher term                      |
 *      +----------------------------------------------------------------+
 *                    a higher term, or no quorum heard
 * ```
 */

export function becomeFollower(state: State, term: Term, leader: NodeId): void {
  reset(state, term);
  state.role = 'follower';
  state.leader = leader;
  state.check();
}

/** Keeps term and vote: asking costs nothing (dissertation §9.6). */
export function becomePreCandidate(state: State): void {
  assert(state.role !== 'leader', 'a leader does not campaign');
  state.role = 'preCandidate';
  state.leader = NOBODY;
  state.tracker.clearVotes();
  state.check();
}

export function becomeCandidate(state: State): void {
  assert(state.role !== 'leader', 'a leader does not campaign');
  reset(state, state.term + 1);
  state.role = 'candidate';
  state.vote = state.id;
  state.check();
}

export function becomeLeader(state: State): void {
  assert(state.role === 'candidate', 'only a candidate is elected');
  reset(state, state.term);
  state.role = 'leader';
  state.leader = state.id;
  const self = state.self;
  assert(self !== undefined, 'whoever is elected is a member');
  self.accepted(state.log.durable);
  self.becomeReplicate();
  self.active = true;
  // Whatever is in the log unapplied might be a membership change.
  state.pendingChange = state.log.last;
  // An entry of its own term is what a leader commits the rest with (§5.4.2, §8).
  appendOwn(state, [{ kind: 'normal', data: NO_DATA }]);
  state.check();
}

const NO_DATA = new Uint8Array(0);

function reset(state: State, term: Term): void {
  assert(term >= state.term, 'the term falls');
  if (term !== state.term) {
    state.term = term;
    state.vote = NOBODY;
    state.outbox.dropBefore(term);
  }
  state.leader = NOBODY;
  state.electionElapsed = 0;
  state.heartbeatElapsed = 0;
  state.drawElectionTimeout();
  state.takeOverPending = false;
  state.transferTarget = NOBODY;
  state.pendingChange = 0;
  state.uncommittedBytes = 0;
  state.tracker.reset(state.log.last);
  state.reads.clear();
}
