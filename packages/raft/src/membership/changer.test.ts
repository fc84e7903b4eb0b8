import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RaftError } from '../errors.js';
import { isVoter, jointVote } from '../quorum/joint.js';
import type { ConfState } from '../types.js';
import { type ChangeStep, type MembershipChange, routeOf, stepsOf } from './change.js';
import { changed } from './changer.js';
import { type Configuration, isJoint, membersOf, toConfState } from './configuration.js';
import { fromConfState } from './restore.js';

const nothing = new Uint8Array(0);
const multi = (
  transition: 'auto' | 'jointImplicit' | 'jointExplicit',
  ...steps: readonly ChangeStep[]
): MembershipChange => ({
  kind: 'changeV2',
  transition,
  steps,
  context: nothing,
});
const single = (step: ChangeStep): MembershipChange => ({ kind: 'change', id: 1n, step, context: nothing });

/** `+1`, `-1`, `~1` (learner), `=1` (update). */
function step(text: string): ChangeStep {
  const action = ({ '+': 'addVoter', '-': 'remove', '~': 'addLearner', '=': 'update' } as const)[text[0] as '+'];
  return { action, node: BigInt(text.slice(1)) };
}

const steps = fc.array(
  fc
    .tuple(fc.constantFrom('+', '-', '~', '='), fc.integer({ min: 0, max: 6 }))
    .map(([sign, id]) => step(`${sign}${id}`)),
  { maxLength: 4 },
);
const change: fc.Arbitrary<MembershipChange> = fc.oneof(
  steps.map((each) => multi('auto', ...each)),
  fc
    .tuple(fc.constantFrom('jointImplicit' as const, 'jointExplicit' as const), steps)
    .map(([transition, each]) => multi(transition, ...each)),
  steps.filter((each) => each.length > 0).map(([first]) => single(first!)),
);

function tryChange(before: Configuration, change: MembershipChange): Configuration | undefined {
  try {
    return changed(before, change);
  } catch (error) {
    expect(error).toBeInstanceOf(RaftError);
    expect(error).toMatchObject({ code: 'INVALID_CHANGE' });
    return undefined;
  }
}

/** Whether two disjoint sets of members could each decide something, one by the old and one by the new configuration. */
function couldSplit(before: Configuration, after: Configuration): boolean {
  const ids = [...new Set([...membersOf(before), ...membersOf(after)])];
  for (let mask = 0; mask < 1 << ids.length; mask++) {
    const inside = new Map(ids.map((id, i) => [id, (mask & (1 << i)) !== 0]));
    const outside = new Map([...inside].map(([id, value]) => [id, !value]));
    if (jointVote(before, inside) === 'won' && jointVote(after, outside) === 'won') return true;
  }
  return false;
}

/** What a change means, said with plain sets: who votes, who listens once any joint configuration is left. */
function meaning(before: Configuration, steps: readonly ChangeStep[]): { voters: Set<bigint>; learners: Set<bigint> } {
  const voters = new Set(before.voters);
  const learners = new Set([...before.learners, ...before.learnersNext]);
  for (const { action, node } of steps) {
    if (node === 0n || action === 'update') continue;
    voters.delete(node);
    learners.delete(node);
    if (action === 'addVoter') voters.add(node);
    if (action === 'addLearner') learners.add(node);
  }
  return { voters, learners };
}

describe('membership changes', () => {
  it('never let two disjoint majorities decide, whatever the sequence (§6, brute force over all splits)', () =>
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 5 }).map(BigInt), { minLength: 1 }),
        fc.array(change, { maxLength: 8 }),
        (voters, changes) => {
          let configuration = fromConfState({ voters, learners: [] });
          for (const each of changes) {
            const after = tryChange(configuration, each);
            if (after === undefined) continue;
            expect(
              couldSplit(configuration, after),
              JSON.stringify([toConfState(configuration), toConfState(after)], (_, v) =>
                typeof v === 'bigint' ? Number(v) : v,
              ),
            ).toBe(false);
            configuration = after;
          }
        },
      ),
      { numRuns: 150 },
    ));

  it('come to what their steps say, and at once where that is safe', () =>
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), (changes) => {
        let configuration = fromConfState({ voters: [1n, 2n, 3n], learners: [4n] });
        for (const each of changes) {
          const expected = meaning(configuration, stepsOf(each));
          const after = tryChange(configuration, each);
          if (after === undefined) continue;
          const left = isJoint(after) ? changed(after, multi('auto')) : after;
          if (routeOf(each) !== 'leave') {
            expect(new Set(left.voters)).toEqual(expected.voters);
            expect(new Set(left.learners)).toEqual(expected.learners);
          }
          expect(isJoint(after)).toBe(routeOf(each) === 'joint');
          configuration = after;
        }
      }),
    ));

  it('can be saved and read back at any point', () =>
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), (changes) => {
        let configuration = fromConfState({ voters: [1n, 2n, 3n], learners: [] });
        for (const each of changes) configuration = tryChange(configuration, each) ?? configuration;
        const saved = toConfState(configuration);
        expect(toConfState(fromConfState(saved))).toEqual(saved);
      }),
    ));

  const three: ConfState = { voters: [1n, 2n, 3n], learners: [] };
  const joint: ConfState = {
    voters: [2n, 3n, 4n],
    learners: [],
    votersOutgoing: [1n, 2n, 3n],
    learnersNext: [1n],
    autoLeave: true,
  };
  it.each([
    ['a voter comes', three, multi('auto', step('+4')), { voters: [1n, 2n, 3n, 4n], learners: [] }],
    ['a learner comes', three, multi('auto', step('~4')), { voters: [1n, 2n, 3n], learners: [4n] }],
    ['a learner is promoted', { voters: [1n], learners: [4n] }, single(step('+4')), { voters: [1n, 4n], learners: [] }],
    ['a voter goes', three, single(step('-2')), { voters: [1n, 3n], learners: [] }],
    ['a voter is demoted', three, single(step('~2')), { voters: [1n, 3n], learners: [2n] }],
    ['somebody who is there comes again', three, single(step('+2')), three],
    ['a stranger goes', three, single(step('-9')), three],
    ['an update changes nothing', three, single(step('=2')), three],
    ['a disarmed change changes nothing', three, single(step('-0')), three],
    [
      'two at once: a joint configuration, to be left by the leader',
      three,
      multi('auto', step('+4'), step('~1')),
      joint,
    ],
    [
      'a joint configuration on request, to be left on request',
      three,
      multi('jointExplicit', step('+4')),
      { voters: [1n, 2n, 3n, 4n], learners: [], votersOutgoing: [1n, 2n, 3n], learnersNext: [], autoLeave: false },
    ],
    ['a joint configuration is left', joint, multi('auto'), { voters: [2n, 3n, 4n], learners: [1n] }],
  ] as const)('%s', (_, before, change, after) => {
    expect(toConfState(changed(fromConfState(before), change))).toEqual(after);
  });

  it.each([
    ['leaving what is not joint', three, multi('auto'), 'not joint'],
    ['entering twice', joint, multi('auto', step('+5'), step('+6')), 'joint already'],
    ['one step while joint', joint, single(step('+5')), 'left first'],
    ['removing the last voter', { voters: [1n], learners: [2n] }, single(step('-1')), 'nobody would be left'],
    ['demoting the last voter', { voters: [1n], learners: [] }, single(step('~1')), 'nobody would be left'],
    ['removing everybody at once', three, multi('auto', step('-1'), step('-2'), step('-3')), 'nobody would be left'],
    ['a joint change of nobody', { voters: [], learners: [] }, multi('jointImplicit', step('+1')), 'without voters'],
  ] as const)('refused: %s', (_, before, change, message) => {
    expect(() => changed(fromConfState(before), change)).toThrow(
      expect.objectContaining({ code: 'INVALID_CHANGE', message: expect.stringContaining(message) }),
    );
  });

  it.each([
    [{ voters: [1n], learners: [1n] }],
    [{ voters: [1n], learners: [], learnersNext: [2n] }],
    [{ voters: [1n], learners: [], autoLeave: true }],
    [{ voters: [1n], learners: [], votersOutgoing: [1n, 2n], learnersNext: [1n] }],
    [{ voters: [1n], learners: [2n], votersOutgoing: [2n] }],
  ])('a configuration that contradicts itself is refused: %o', (confState) => {
    expect(() => fromConfState(confState)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }));
  });

  it('whoever votes in either half has a vote', () => {
    const configuration = fromConfState(joint);
    expect([1n, 2n, 3n, 4n, 5n].filter((id) => isVoter(configuration, id))).toEqual([1n, 2n, 3n, 4n]);
  });
});
