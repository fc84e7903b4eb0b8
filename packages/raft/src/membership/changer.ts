import { assert } from '@kontiki/std';
import { RaftError } from '../errors.js';
import { NOBODY, type NodeId } from '../types.js';
import { type ChangeStep, type MembershipChange, routeOf, stepsOf } from './change.js';
import { type Configuration, checked, isJoint } from './configuration.js';

/**
 * The configuration after a change. Throws RaftError INVALID_CHANGE, and nothing has changed, when
 * - a joint configuration would be entered twice or left when there is none,
 * - nobody would be left to vote.
 */
export function changed(before: Configuration, change: MembershipChange): Configuration {
  switch (routeOf(change)) {
    case 'leave':
      return leaveJoint(before);
    case 'joint': {
      if (isJoint(before)) throw invalid('the configuration is joint already');
      if (before.voters.size === 0) throw invalid('a configuration without voters cannot become joint');
      const joint = { ...before, outgoing: new Set(before.voters) };
      const explicit = change.kind === 'changeV2' && change.transition === 'jointExplicit';
      return { ...withSteps(joint, stepsOf(change)), autoLeave: !explicit };
    }
    case 'simple': {
      if (isJoint(before)) throw invalid('the joint configuration must be left first');
      const after = withSteps(before, stepsOf(change));
      // Majorities overlap only then (dissertation §4.1).
      assert(difference(before.voters, after.voters) <= 1, 'more than one voter would change at once');
      return after;
    }
  }
}

function leaveJoint(before: Configuration): Configuration {
  if (!isJoint(before)) throw invalid('the configuration is not joint');
  return checked({
    voters: before.voters,
    outgoing: new Set(),
    learners: new Set([...before.learners, ...before.learnersNext]),
    learnersNext: new Set(),
    autoLeave: false,
  });
}

function withSteps(before: Configuration, steps: readonly ChangeStep[]): Configuration {
  const voters = new Set(before.voters);
  const learners = new Set(before.learners);
  const learnersNext = new Set(before.learnersNext);
  for (const { action, node } of steps) {
    // A change the application disarmed names nobody.
    if (node === NOBODY || action === 'update') continue;
    voters.delete(node);
    learners.delete(node);
    learnersNext.delete(node);
    if (action === 'addVoter') voters.add(node);
    // Somebody who still votes in the outgoing half may not be a learner before that half is gone.
    else if (action === 'addLearner') (before.outgoing.has(node) ? learnersNext : learners).add(node);
  }
  if (voters.size === 0) throw invalid('nobody would be left to vote');
  return checked({ ...before, voters, learners, learnersNext });
}

function difference(a: ReadonlySet<NodeId>, b: ReadonlySet<NodeId>): number {
  let count = 0;
  for (const id of a) if (!b.has(id)) count++;
  for (const id of b) if (!a.has(id)) count++;
  return count;
}

function invalid(message: string): RaftError {
  return new RaftError('INVALID_CHANGE', message);
}
