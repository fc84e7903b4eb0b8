import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isVoter, jointIndex, jointVote } from './joint.js';
import { majorityIndex, majorityVote, UNBOUNDED } from './majority.js';

const ids = fc.uniqueArray(fc.bigInt({ min: 1n, max: 9n }), { maxLength: 7 });
const matches = fc.array(fc.nat(20), { minLength: 10, maxLength: 10 });
const at =
  (matched: readonly number[]) =>
  (id: bigint): number =>
    matched[Number(id)]!;

/** By definition: the largest index that more than half of the voters have reached. */
function counted(voters: readonly bigint[], matched: readonly number[]): number {
  if (voters.length === 0) return UNBOUNDED;
  let best = 0;
  for (let index = 1; index <= 20; index++) {
    if (voters.filter((id) => at(matched)(id) >= index).length * 2 > voters.length) best = index;
  }
  return best;
}

describe('majorities', () => {
  it('the committed index is the largest that more than half have reached', () =>
    fc.assert(
      fc.property(ids, matches, (voters, matched) => {
        expect(majorityIndex(new Set(voters), at(matched))).toBe(counted(voters, matched));
      }),
    ));

  it('of two sets, the largest that both have reached', () =>
    fc.assert(
      fc.property(ids, ids, matches, (voters, outgoing, matched) => {
        const joint = { voters: new Set(voters), outgoing: new Set(outgoing) };
        expect(jointIndex(joint, at(matched))).toBe(Math.min(counted(voters, matched), counted(outgoing, matched)));
      }),
    ));

  it('an election is won by more than half, lost when that is out of reach', () =>
    fc.assert(
      fc.property(
        ids,
        fc.uniqueArray(fc.tuple(fc.bigInt({ min: 1n, max: 9n }), fc.boolean()), { selector: ([id]) => id }),
        (voters, cast) => {
          const votes = new Map(cast);
          const yes = voters.filter((id) => votes.get(id) === true).length;
          const no = voters.filter((id) => votes.get(id) === false).length;
          const expected =
            voters.length === 0 || yes * 2 > voters.length
              ? 'won'
              : (voters.length - no) * 2 > voters.length
                ? 'pending'
                : 'lost';
          expect(majorityVote(new Set(voters), votes)).toBe(expected);
        },
      ),
    ));

  it('two winners of one set have a voter in common', () =>
    fc.assert(
      fc.property(ids, fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }), (voters, side) => {
        const set = new Set(voters);
        const votes = (who: boolean) => new Map(voters.map((id, i) => [id, side[i] === who]));
        if (voters.length > 0) {
          expect(
            [majorityVote(set, votes(true)), majorityVote(set, votes(false))].filter((r) => r === 'won').length,
          ).toBeLessThan(2);
        }
      }),
    ));

  it('a joint election is won by both halves, lost by either', () =>
    fc.assert(
      fc.property(
        ids,
        ids,
        fc.array(fc.option(fc.boolean()), { minLength: 10, maxLength: 10 }),
        (voters, outgoing, cast) => {
          const votes = new Map(
            cast.flatMap((vote, i): [bigint, boolean][] => (vote === null ? [] : [[BigInt(i), vote]])),
          );
          const halves = [majorityVote(new Set(voters), votes), majorityVote(new Set(outgoing), votes)];
          const expected = halves.includes('lost') ? 'lost' : halves.includes('pending') ? 'pending' : 'won';
          expect(jointVote({ voters: new Set(voters), outgoing: new Set(outgoing) }, votes)).toBe(expected);
        },
      ),
    ));

  it.each([
    [[5], 5],
    [[5, 3], 3],
    [[5, 3, 9], 5],
    [[5, 3, 9, 9], 5],
    [[0, 0, 9, 9, 9], 9],
  ])('of %j it is %i', (matched, expected) => {
    const voters = new Set(matched.map((_, i) => BigInt(i)));
    expect(majorityIndex(voters, at(matched))).toBe(expected);
  });

  it('whoever votes in either half is a voter', () => {
    const joint = { voters: new Set([1n]), outgoing: new Set([2n]) };
    expect([1n, 2n, 3n].map((id) => isVoter(joint, id))).toEqual([true, true, false]);
  });
});
