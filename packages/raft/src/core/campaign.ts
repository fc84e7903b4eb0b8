import { membersOf } from '../membership/configuration.js';
import type { PreVoteMessage, PreVoteReplyMessage, VoteMessage, VoteReplyMessage } from '../message.js';
import { isVoter } from '../quorum/joint.js';
import { NOBODY, type NodeId } from '../types.js';
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from './roles.js';
import type { State } from './state.js';

/**
 * Stands for election (§5.2): first asking whether it could win, unless the leader itself asked for it.
 * Does nothing when this member leads already, may not lead, or has yet to apply a membership change.
 */
export function campaign(state: State, reason: 'timeout' | 'transfer'): void {
  if (state.role === 'leader' || !state.promotable || hasUnappliedChange(state)) return;
  if (reason === 'timeout' && state.options.preVote) preCampaign(state);
  else realCampaign(state, reason === 'transfer');
}

/** The leader knows that this member is complete, and wants it to lead: at once, or when it knows who is a member. */
export function takeOver(state: State): void {
  state.takeOverPending = state.log.restoring || hasUnappliedChange(state);
  campaign(state, 'transfer');
}

/** After something was applied. */
export function takeOverWhenApplied(state: State): void {
  if (state.takeOverPending) takeOver(state);
}

/** Of an election timeout: within which those who see a leader gone stand for election, each at its own moment. */
const SOON = 0.4;

/**
 * The leader's process is gone, as far as its connection shows: this member follows it no more, and does not wait until
 * its silence shows as well. Should the leader be heard again, it is followed again; while a majority hears it, nobody
 * who asks can win (§5.2, dissertation §9.6).
 */
export function leaderGone(state: State, id: NodeId): void {
  if (state.leader !== id || state.role !== 'follower') return;
  state.leader = NOBODY;
  const left = 1 + state.random.int(Math.ceil(state.options.electionTicks * SOON));
  state.electionElapsed = Math.max(state.electionElapsed, state.electionTimeout - left);
}

function preCampaign(state: State): void {
  becomePreCandidate(state);
  for (const to of voters(state)) {
    const { last: lastIndex, lastTerm } = state.log;
    state.outbox.send({ type: 'preVote', from: state.id, to, term: state.term + 1, lastIndex, lastTerm });
  }
  state.tracker.recordVote(state.id, true);
  tally(state);
}

function realCampaign(state: State, transfer: boolean): void {
  becomeCandidate(state);
  for (const to of voters(state)) {
    const { last: lastIndex, lastTerm } = state.log;
    state.outbox.sendAfterPersist({
      type: 'vote',
      from: state.id,
      to,
      term: state.term,
      lastIndex,
      lastTerm,
      transfer,
    });
  }
  // Its own vote counts once it is on the disk: see voteIsDurable.
}

/** This member's vote of the current term can no longer be forgotten. */
export function voteIsDurable(state: State): void {
  if (state.role !== 'candidate') return;
  state.tracker.recordVote(state.id, true);
  tally(state);
}

/** Counts what voters answered so far. */
export function tally(state: State): void {
  switch (state.tracker.voteResult()) {
    case 'won':
      if (state.role === 'preCandidate') realCampaign(state, false);
      else becomeLeader(state);
      break;
    case 'lost':
      becomeFollower(state, state.term, NOBODY);
      break;
    case 'pending':
      break;
  }
}

/**
 * Answers a candidate (§5.2, §5.4.1): once per term, and only somebody whose log is at least as complete.
 * Learners answer too: a candidate that asks knows of a promotion this member may not have heard of yet.
 */
export function answerVote(state: State, message: VoteMessage | PreVoteMessage): void {
  const free = state.vote === message.from || (state.vote === NOBODY && state.leader === NOBODY);
  const asksAhead = message.type === 'preVote' && message.term > state.term;
  const granted = (free || asksAhead) && state.log.isUpToDate(message.lastIndex, message.lastTerm);
  if (message.type === 'preVote') {
    // A grant speaks of the term that was asked for; a refusal tells the asker what term it is.
    const term = granted ? message.term : state.term;
    state.outbox.send(preVoteReply(state, message, term, !granted));
    return;
  }
  if (granted) {
    state.vote = message.from;
    state.electionElapsed = 0;
  }
  const reply: VoteReplyMessage = {
    type: 'voteReply',
    from: state.id,
    to: message.from,
    term: state.term,
    reject: !granted,
  };
  state.outbox.sendAfterPersist(reply);
}

export function preVoteReply(state: State, to: { from: bigint }, term: number, reject: boolean): PreVoteReplyMessage {
  return { type: 'preVoteReply', from: state.id, to: to.from, term, reject };
}

function voters(state: State): readonly bigint[] {
  const { configuration } = state.tracker;
  return membersOf(configuration).filter((id) => id !== state.id && isVoter(configuration, id));
}

/** Who leads must know who is a member, as far as that is committed. */
function hasUnappliedChange({ log, options }: State): boolean {
  for (let at = log.applied + 1; at <= log.committed; ) {
    const entries = log.entries(at, log.committed + 1, options.maxApplyBytes);
    if (entries.some(({ kind }) => kind !== 'normal')) return true;
    at += entries.length;
  }
  return false;
}
