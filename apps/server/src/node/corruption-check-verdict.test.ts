import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareHashes, type HashVote } from './corruption-check-verdict.js';

const vote = (id: number, hash: number, compactRevision = 5): HashVote => ({ id: BigInt(id), hash, compactRevision });

describe('hashes of one revision', () => {
  it('that are alike accuse nobody', () => {
    expect(compareHashes(vote(1, 7), [vote(2, 7), vote(3, 7)], 3)).toEqual({ compared: 2, differ: false, corrupt: [] });
    expect(compareHashes(vote(1, 7), [], 1)).toEqual({ compared: 0, differ: false, corrupt: [] });
  });

  it('accuse those outside the majority, the asking member not excepted', () => {
    expect(compareHashes(vote(1, 7), [vote(2, 7), vote(3, 8)], 3).corrupt).toEqual([3n]);
    expect(compareHashes(vote(1, 8), [vote(2, 7), vote(3, 7)], 3).corrupt).toEqual([1n]);
    expect(compareHashes(vote(9, 7), [vote(2, 6), vote(3, 7), vote(1, 8), vote(4, 7)], 5).corrupt).toEqual([1n, 2n]);
  });

  it('accuse the cluster where no majority agrees', () => {
    expect(compareHashes(vote(1, 7), [vote(2, 8)], 2).corrupt).toEqual([0n]);
    expect(compareHashes(vote(1, 7), [vote(2, 8)], 3).corrupt).toEqual([0n]);
    expect(compareHashes(vote(1, 7), [vote(2, 7), vote(3, 8)], 5).corrupt).toEqual([0n]);
  });

  it('do not compare where another revision was compacted', () => {
    const verdict = compareHashes(vote(1, 7), [vote(2, 8, 6), vote(3, 9, -1), vote(4, 7)], 4);
    expect(verdict).toEqual({ compared: 1, differ: false, corrupt: [] });
  });

  it('are judged as by counting on one’s fingers', () => {
    const votes = fc
      .array(fc.tuple(fc.constantFrom(7, 7, 7, 8, 9), fc.constantFrom(5, 5, 5, 6)), { minLength: 1, maxLength: 7 })
      .map((list) => list.map(([hash, compactRevision], i) => vote(i + 1, hash, compactRevision)));
    fc.assert(
      fc.property(votes, fc.nat(3), ([own, ...others], silent) => {
        const members = others.length + 1 + silent;
        expect(compareHashes(own!, others, members)).toEqual(counted(own!, others, members));
      }),
      { numRuns: 1000 },
    );
  });
});

/** The naive twin: for every voter, how many say the same as it does? */
function counted(own: HashVote, others: readonly HashVote[], members: number): unknown {
  const all = [own, ...others].filter((one) => one.compactRevision === own.compactRevision);
  const withIt = (one: HashVote): number => all.filter((other) => other.hash === one.hash).length;
  const differ = all.some((one) => one.hash !== own.hash);
  const decided = all.some((one) => withIt(one) > members / 2);
  const wrong = all.filter((one) => withIt(one) <= members / 2).map((one) => one.id);
  return { compared: all.length - 1, differ, corrupt: !differ ? [] : decided ? wrong : [0n] };
}
