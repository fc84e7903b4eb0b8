import type { NodeId } from '../types.js';

/** One member's part in a change. `update` changes nothing for Raft: its context tells the application something. */
export interface ChangeStep {
  readonly action: 'addVoter' | 'addLearner' | 'remove' | 'update';
  readonly node: NodeId;
}

/**
 * A change of one member (§4.1 of the dissertation), as raftpb.ConfChange has it.
 * Majorities before and after overlap, so it takes effect in one step.
 */
export interface SingleChange {
  readonly kind: 'change';
  /** The application's, to find out who waits; not looked at here. */
  readonly id: bigint;
  readonly step: ChangeStep;
  /** The application's bytes, replicated with the change. */
  readonly context: Uint8Array;
}

/**
 * Any number of steps at once, as raftpb.ConfChangeV2 has it; no steps and `auto`: leave the joint configuration.
 * - `auto`: in one step where that is safe (at most one step), else as `jointImplicit`
 * - `jointImplicit`: through a joint configuration (§6) which the leader leaves as soon as it is applied
 * - `jointExplicit`: the same, but left only when a change without steps is proposed
 */
export interface MultiChange {
  readonly kind: 'changeV2';
  readonly transition: 'auto' | 'jointImplicit' | 'jointExplicit';
  readonly steps: readonly ChangeStep[];
  readonly context: Uint8Array;
}

export type MembershipChange = SingleChange | MultiChange;

/** The steps of either form. */
export function stepsOf(change: MembershipChange): readonly ChangeStep[] {
  return change.kind === 'change' ? [change.step] : change.steps;
}

/** How a change takes effect. */
export function routeOf(change: MembershipChange): 'simple' | 'joint' | 'leave' {
  if (change.kind === 'change') return 'simple';
  if (change.transition !== 'auto') return 'joint';
  return change.steps.length === 0 ? 'leave' : change.steps.length === 1 ? 'simple' : 'joint';
}
