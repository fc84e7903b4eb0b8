import { describe, expect, it } from 'vitest';
import { contextRound, PendingReads, roundContext } from './pending-reads.js';

const three = { voters: new Set([1n, 2n, 3n]), outgoing: new Set<bigint>() };
const ask = (n: number) => ({ from: 1n, context: Uint8Array.of(n) });
const contexts = (reads: PendingReads): readonly number[] =>
  reads.takeConfirmed(1n, three).map(({ context }) => context[0]!);

describe('reads that wait for proof of leadership', () => {
  it('requests between two announcements share a round', () => {
    const reads = new PendingReads(10);
    reads.add(ask(1), 5);
    reads.add(ask(2), 6);
    expect(reads.announce()).toBe(1);
    reads.add(ask(3), 7);
    expect(contexts(reads)).toEqual([]);
    reads.heard(2n, 1);
    expect(contexts(reads)).toEqual([1, 2]);
    expect(reads.announce()).toBe(2);
    reads.heard(3n, 2);
    expect(contexts(reads)).toEqual([3]);
    expect(reads.size).toBe(0);
  });

  it('an answer to a later round confirms the earlier ones; one to a round never announced confirms nothing', () => {
    const reads = new PendingReads(10);
    reads.add(ask(1), 5);
    reads.announce();
    reads.add(ask(2), 5);
    reads.heard(2n, 7);
    expect(contexts(reads)).toEqual([]);
    reads.announce();
    reads.heard(2n, 2);
    expect(contexts(reads)).toEqual([1, 2]);
  });

  it('learners and strangers confirm nothing', () => {
    const reads = new PendingReads(10);
    reads.add(ask(1), 5);
    reads.announce();
    reads.heard(9n, 1);
    expect(contexts(reads)).toEqual([]);
  });

  it('both halves of a joint configuration must confirm', () => {
    const joint = { voters: new Set([1n, 2n, 3n]), outgoing: new Set([1n, 4n, 5n]) };
    const reads = new PendingReads(10);
    reads.add(ask(1), 5);
    reads.announce();
    reads.heard(2n, 1);
    expect(reads.takeConfirmed(1n, joint)).toEqual([]);
    reads.heard(4n, 1);
    expect(reads.takeConfirmed(1n, joint)).toMatchObject([{ index: 5 }]);
  });

  it('keeps no more than it may', () => {
    const reads = new PendingReads(2);
    expect([reads.postpone(ask(1)), reads.add(ask(2), 1), reads.add(ask(3), 1), reads.postpone(ask(4))]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('postponed requests get the index that is known when they are admitted', () => {
    const reads = new PendingReads(10);
    reads.postpone(ask(1));
    expect(reads.unannounced).toBe(false);
    reads.admitPostponed(8);
    reads.announce();
    reads.heard(2n, 1);
    expect(reads.takeConfirmed(1n, three)).toMatchObject([{ index: 8 }]);
  });

  it('a new term starts over', () => {
    const reads = new PendingReads(10);
    reads.add(ask(1), 5);
    reads.announce();
    reads.clear();
    expect([reads.size, reads.open, reads.unannounced]).toEqual([0, 0, false]);
    reads.heard(2n, 1);
    expect(contexts(reads)).toEqual([]);
  });

  it.each([0, 1, 255, 256, 2 ** 40])('round %i survives as a context', (round) => {
    expect(contextRound(roundContext(round))).toBe(round);
  });

  it('contexts of others are no rounds', () => {
    expect(contextRound(Uint8Array.of(1, 2, 3))).toBe(0);
    expect(roundContext(0)).toHaveLength(0);
  });
});
