import type { LogIndex, NodeId } from '../types.js';
import { majorityIndex, majorityVote, type VoteResult } from './majority.js';

/** Two sets of voters whose majorities are both needed (§6). `outgoing` is empty outside of a joint configuration. */
export interface JointVoters {
  readonly voters: ReadonlySet<NodeId>;
  readonly outgoing: ReadonlySet<NodeId>;
}

/** The highest index stored on a majority of each half. */
export function jointIndex(joint: JointVoters, matched: (id: NodeId) => LogIndex): LogIndex {
  return Math.min(majorityIndex(joint.voters, matched), majorityIndex(joint.outgoing, matched));
}

/** Won when both halves elected, lost when either refused. */
export function jointVote(joint: JointVoters, votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  const incoming = majorityVote(joint.voters, votes);
  const outgoing = majorityVote(joint.outgoing, votes);
  if (incoming === outgoing) return incoming;
  return incoming === 'lost' || outgoing === 'lost' ? 'lost' : 'pending';
}

export function isVoter(joint: JointVoters, id: NodeId): boolean {
  return joint.voters.has(id) || joint.outgoing.has(id);
}
