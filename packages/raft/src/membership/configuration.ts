import { assert } from '@kontiki/std';
import type { JointVoters } from '../quorum/joint.js';
import type { ConfState, NodeId } from '../types.js';

/**
 * Who is a member, as sets. Never changed in place.
 *
 * Invariants:
 * - learners share nobody with voters or outgoing voters
 * - learnersNext ⊆ outgoing, and shares nobody with voters
 * - not joint (outgoing empty): learnersNext empty, autoLeave false
 */
export interface Configuration extends JointVoters {
  readonly learners: ReadonlySet<NodeId>;
  readonly learnersNext: ReadonlySet<NodeId>;
  readonly autoLeave: boolean;
}

export function isJoint(configuration: Configuration): boolean {
  return configuration.outgoing.size > 0;
}

/** Every member, by ascending id. */
export function membersOf(configuration: Configuration): readonly NodeId[] {
  return ascending(new Set([...configuration.voters, ...configuration.outgoing, ...configuration.learners]));
}

/** Asserts the invariants and answers its argument. */
export function checked(configuration: Configuration): Configuration {
  const { voters, outgoing, learners, learnersNext, autoLeave } = configuration;
  for (const id of learners) assert(!voters.has(id) && !outgoing.has(id), `${id} is both learner and voter`);
  for (const id of learnersNext) {
    assert(outgoing.has(id), `${id} is to become a learner but is no outgoing voter`);
    assert(!voters.has(id), `${id} is to become a learner but is a voter`);
  }
  if (!isJoint(configuration))
    assert(learnersNext.size === 0 && !autoLeave, 'joint fields outside of a joint configuration');
  return configuration;
}

/** Sorted, joint fields only when joint: equal configurations are deep-equal. */
export function toConfState(configuration: Configuration): ConfState {
  const simple = { voters: ascending(configuration.voters), learners: ascending(configuration.learners) };
  if (!isJoint(configuration)) return simple;
  return {
    ...simple,
    votersOutgoing: ascending(configuration.outgoing),
    learnersNext: ascending(configuration.learnersNext),
    autoLeave: configuration.autoLeave,
  };
}

function ascending(ids: ReadonlySet<NodeId>): readonly NodeId[] {
  return [...ids].sort((a, b) => (a < b ? -1 : 1));
}
