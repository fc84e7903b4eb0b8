import { isStarted, type Member } from '../cluster/members.js';
import type { Condition } from '../errors.js';

/** How long a connection must have been up before it counts, in milliseconds. */
export const HEALTHY_MS = 5000;
/** How far, as a share of the leader's log, a learner must have come to be promoted. */
const READY_SHARE = 0.9;

/** What a member knows of the others when it is asked to change the cluster. */
export interface ClusterView {
  readonly self: bigint;
  readonly voters: readonly Member[];
  /** Whether messages reach that member at all now. */
  isConnected(id: bigint): boolean;
  /** Whether they have without a break for {@link HEALTHY_MS}. */
  isHealthy(id: bigint): boolean;
}

/*
 * The strict reconfiguration check: why a change would put the quorum at risk, or undefined. Judged by the member that
 * is asked, by what it sees now; what the cluster as a whole must not do is decided when the change is applied.
 */

export function riskOfAdding(isLearner: boolean, { voters, ...view }: ClusterView): Condition | undefined {
  const size = voters.length + 1;
  const started = voters.filter(isStarted).length;
  // One member must be able to become two.
  const alone = voters.length === 1;
  if (!isLearner && !(alone && started === 1) && started < quorum(size)) return 'MemberNotEnoughStarted';
  // The newcomer counts as absent.
  return alone || healthy(voters, view) >= quorum(size) ? undefined : 'Unhealthy';
}

export function riskOfRemoving(id: bigint, { voters, ...view }: ClusterView): Condition | undefined {
  if (!voters.some((voter) => voter.id === id)) return undefined;
  const rest = voters.filter((voter) => voter.id !== id);
  if (rest.filter(isStarted).length < quorum(rest.length)) return 'MemberNotEnoughStarted';
  // One that is down is not part of the quorum at work.
  if (id !== view.self && !view.isConnected(id)) return undefined;
  return healthy(voters, view) - 1 >= quorum(rest.length) ? undefined : 'Unhealthy';
}

export function riskOfPromoting({ voters }: Pick<ClusterView, 'voters'>): Condition | undefined {
  const started = voters.filter(isStarted).length + 1;
  return started >= quorum(voters.length + 1) ? undefined : 'MemberNotEnoughStarted';
}

/** @param match up to where the learner's log is known to be durable, and the leader's own */
export function isReadyToVote(match: number, leaderMatch: number): boolean {
  return match >= leaderMatch * READY_SHARE;
}

function healthy(voters: readonly Member[], { self, isHealthy }: Omit<ClusterView, 'voters'>): number {
  return voters.filter(({ id }) => id === self || isHealthy(id)).length;
}

function quorum(size: number): number {
  return Math.floor(size / 2) + 1;
}
