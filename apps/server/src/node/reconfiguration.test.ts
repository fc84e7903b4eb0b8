import { describe, expect, it } from 'vitest';
import type { Member } from '../cluster/members.js';
import { type ClusterView, isReadyToVote, riskOfAdding, riskOfPromoting, riskOfRemoving } from './reconfiguration.js';

/** One letter a voter, this member first: `h` healthy, `c` connected for a moment, `d` down, `u` never started. */
function view(letters: string): ClusterView {
  const of = (id: bigint): string => letters[Number(id) - 1]!;
  return {
    self: 1n,
    voters: [...letters].map(
      (letter, i): Member => ({
        id: BigInt(i + 1),
        peerUrls: [`http://${i}:1`],
        isLearner: false,
        name: letter === 'u' ? '' : `m${i}`,
        clientUrls: [],
      }),
    ),
    isConnected: (id) => 'hc'.includes(of(id)),
    isHealthy: (id) => of(id) === 'h',
  };
}

describe('adding a voter', () => {
  it.each([
    ['h', undefined],
    ['hh', undefined],
    ['hu', 'MemberNotEnoughStarted'],
    ['hc', 'Unhealthy'],
    ['hd', 'Unhealthy'],
    ['hhh', undefined],
    // Three of four will do, and one is down: three are left.
    ['hhd', 'Unhealthy'],
    ['hhhd', undefined],
    ['hhhhd', undefined],
    ['hhhdd', 'Unhealthy'],
  ] as const)('to %s: %s', (letters, risk) => expect(riskOfAdding(false, view(letters))).toBe(risk));

  it('a learner may come to members that have not all started', () => {
    expect(riskOfAdding(true, view('hhu'))).toBe('Unhealthy');
    expect(riskOfAdding(true, view('hhhu'))).toBeUndefined();
  });
});

describe('removing', () => {
  it.each([
    ['hhh', 2n, undefined],
    ['hhh', 1n, undefined],
    // One that is down is no loss.
    ['hhd', 3n, undefined],
    ['hhd', 2n, 'Unhealthy'],
    ['hhc', 2n, 'Unhealthy'],
    ['hu', 1n, 'MemberNotEnoughStarted'],
    ['hu', 2n, undefined],
    ['h', 1n, 'MemberNotEnoughStarted'],
    ['hh', 2n, undefined],
    // Unknown here: applying it says so.
    ['hh', 9n, undefined],
  ] as const)('from %s member %d: %s', (letters, id, risk) => expect(riskOfRemoving(id, view(letters))).toBe(risk));
});

describe('promoting', () => {
  it('counts the learner as started', () => {
    expect(riskOfPromoting(view('h'))).toBeUndefined();
    expect(riskOfPromoting(view('hu'))).toBeUndefined();
    expect(riskOfPromoting(view('huu'))).toBe('MemberNotEnoughStarted');
  });

  it('waits until the learner has nine tenths of the log', () => {
    expect(isReadyToVote(90, 100)).toBe(true);
    expect(isReadyToVote(89, 100)).toBe(false);
    expect(isReadyToVote(0, 10)).toBe(false);
  });
});
