import type { LogIndex, NodeId } from '../types.js';

/** How an election stands. */
export type VoteResult = 'won' | 'lost' | 'pending';

/** What an empty set of voters agrees to: everything. It lets half of a joint configuration be absent. */
export const UNBOUNDED: LogIndex = Number.MAX_SAFE_INTEGER;

/**
 * The highest index stored on a majority of `voters`; everything up to it may commit.
 *
 * @param matched the highest index a node acknowledged; 0 when it acknowledged nothing
 * @returns an index some voter acknowledged, or {@link UNBOUNDED} when there are no voters
 * @see Raft §5.3; §5.4.2 for why the caller also compares the term
 */
export function majorityIndex(voters: ReadonlySet<NodeId>, matched: (id: NodeId) => LogIndex): LogIndex {
  if (voters.size === 0) return UNBOUNDED;
  const descending: LogIndex[] = [];
  for (const id of voters) {
    const index = matched(id);
    let at = descending.length;
    while (at > 0 && descending[at - 1]! < index) at--;
    descending.splice(at, 0, index);
  }
  return descending[Math.floor(voters.size / 2)]!;
}

/**
 * Whether `voters` have elected, refused, or not yet decided.
 *
 * @param votes true for a granted vote, false for a refused one; absent: not answered
 * @see Raft §5.2
 */
export function majorityVote(voters: ReadonlySet<NodeId>, votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  if (voters.size === 0) return 'won';
  const needed = Math.floor(voters.size / 2) + 1;
  let granted = 0;
  let refused = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === true) granted++;
    else if (vote === false) refused++;
  }
  if (granted >= needed) return 'won';
  return voters.size - refused < needed ? 'lost' : 'pending';
}
