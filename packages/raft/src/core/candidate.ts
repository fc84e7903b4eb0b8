import type { Message } from '../message.js';
import { tally } from './campaign.js';
import { follow } from './follower.js';
import { becomeFollower } from './roles.js';
import type { State } from './state.js';

/** What a candidate, or one that only asks first, does with a message of its own term. */
export function stepCandidate(state: State, message: Message): void {
  switch (message.type) {
    case 'append':
    case 'heartbeat':
    case 'snapshot':
      // Somebody else won this term (§5.2).
      becomeFollower(state, message.term, message.from);
      follow(state, message);
      break;
    case 'voteReply':
    case 'preVoteReply':
      // Late answers to the other question count for nothing.
      if ((message.type === 'voteReply') !== (state.role === 'candidate')) break;
      state.tracker.recordVote(message.from, !message.reject);
      tally(state);
      break;
    default:
      break;
  }
}
