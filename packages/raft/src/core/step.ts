import type { Message } from '../message.js';
import { NOBODY } from '../types.js';
import { answerVote, preVoteReply } from './campaign.js';
import { stepCandidate } from './candidate.js';
import { stepFollower } from './follower.js';
import { stepLeader } from './leader.js';
import { becomeFollower } from './roles.js';
import type { State } from './state.js';

/** One message from another member: first what its term says (§5.1), then what it says to this role. */
export function step(state: State, message: Message): void {
  if (message.term !== 0) {
    if (message.term > state.term && !enterTerm(state, message)) return;
    if (message.term < state.term) {
      answerThePast(state, message);
      return;
    }
  }
  if (message.type === 'vote' || message.type === 'preVote') answerVote(state, message);
  else if (state.role === 'leader') stepLeader(state, message);
  else if (state.role === 'follower') stepFollower(state, message);
  else stepCandidate(state, message);
  state.check();
}

/** A higher term was seen. False: the message is to be ignored. */
function enterTerm(state: State, message: Message): boolean {
  switch (message.type) {
    case 'preVote':
      // Asking raises nobody's term.
      return !loyal(state);
    case 'vote':
      if (loyal(state) && !message.transfer) return false;
      becomeFollower(state, message.term, NOBODY);
      return true;
    case 'preVoteReply':
      // Granted for the term that was asked for: nobody is in that term yet.
      if (message.reject) becomeFollower(state, message.term, NOBODY);
      return true;
    case 'append':
    case 'heartbeat':
    case 'snapshot':
      becomeFollower(state, message.term, message.from);
      return true;
    default:
      becomeFollower(state, message.term, NOBODY);
      return true;
  }
}

/** Heard a leader within the election timeout: somebody else's timeout is no reason to leave it (dissertation §4.2.3). */
function loyal(state: State): boolean {
  return state.options.checkQuorum && state.leader !== NOBODY && state.electionElapsed < state.options.electionTicks;
}

/** Messages of an earlier term are void; some senders must learn that it is over. */
function answerThePast(state: State, message: Message): void {
  switch (message.type) {
    case 'append':
    case 'heartbeat':
      // This member may be in a later term all alone, and its votes ignored by those who are loyal to the sender.
      // Seeing the later term, the sender steps down and the next election takes all of them there.
      if (!state.options.checkQuorum && !state.options.preVote) return;
      state.outbox.sendAfterPersist({
        type: 'appendReply',
        from: state.id,
        to: message.from,
        term: state.term,
        index: 0,
        reject: false,
        hintIndex: 0,
        hintTerm: 0,
      });
      return;
    case 'preVote':
      // It would never catch up with the term if nobody told it.
      state.outbox.send(preVoteReply(state, message, state.term, true));
      return;
    default:
      return;
  }
}
