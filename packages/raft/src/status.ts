import type { State } from './core/state.js';
import { toConfState } from './membership/configuration.js';
import type { ConfState, LogIndex, NodeId, Role, Term } from './types.js';

/** One member as it sees itself. */
export interface RaftStatus {
  readonly id: NodeId;
  readonly term: Term;
  readonly vote: NodeId;
  readonly leader: NodeId;
  readonly role: Role;
  readonly commit: LogIndex;
  readonly applied: LogIndex;
  /** First and last index of the log in memory; `first > last` when it is empty. */
  readonly first: LogIndex;
  readonly last: LogIndex;
  /** On this member's disk up to here. */
  readonly durable: LogIndex;
  readonly confState: ConfState;
  /** To whom leadership is being handed over; 0n: nobody. */
  readonly transferTarget: NodeId;
  /** On the leader: what it knows of every member, itself included, by ascending id. Elsewhere empty. */
  readonly followers: readonly FollowerStatus[];
}

export interface FollowerStatus {
  readonly id: NodeId;
  readonly learner: boolean;
  /** Known to be durable there. */
  readonly match: LogIndex;
  /** Next to be sent. */
  readonly next: LogIndex;
  readonly state: 'probe' | 'replicate' | 'snapshot';
  /** Heard from since the last quorum check. */
  readonly active: boolean;
}

export function statusOf({ id, term, vote, leader, role, log, tracker, transferTarget }: State): RaftStatus {
  const followers = [...tracker.progress].map(([id, { learner, match, next, state, active }]): FollowerStatus => {
    return { id, learner, match, next, state, active };
  });
  return {
    id,
    term,
    vote,
    leader,
    role,
    commit: log.committed,
    applied: log.applied,
    first: log.first,
    last: log.last,
    durable: log.durable,
    confState: toConfState(tracker.configuration),
    transferTarget,
    followers: role === 'leader' ? followers : [],
  };
}
