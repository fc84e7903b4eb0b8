import { SeededRandom } from '@kontiki/std';
import { describe, expect, it } from 'vitest';
import { bootstrap } from './bootstrap.js';
import { MemoryLog } from './log/memory-log.js';
import { decodeChange } from './membership/codec.js';
import { RawNode } from './raw-node.js';
import type { ConfState, Entry } from './types.js';

function node(entries: readonly Entry[], confState: ConfState, commit: number): RawNode {
  const log = new MemoryLog(undefined, entries);
  const hardState = { term: 1, vote: 0n, commit };
  return new RawNode({ raft: { id: 2n }, random: new SeededRandom(1), log, hardState, confState, applied: 0 });
}

describe('a log that begins with its members', () => {
  const { entries, confState, hardState } = bootstrap([{ id: 2n, context: Uint8Array.of(7) }, { id: 1n }]);

  it('has one committed change for each', () => {
    expect(hardState).toEqual({ term: 1, vote: 0n, commit: 2 });
    expect(confState).toEqual({ voters: [1n, 2n], learners: [] });
    expect(entries.map(decodeChange)).toMatchObject([
      { step: { action: 'addVoter', node: 2n }, context: Uint8Array.of(7) },
      { step: { action: 'addVoter', node: 1n } },
    ]);
  });

  it.each([
    ['a first member', confState],
    ['one that knows nobody', { voters: [], learners: [] }],
  ])('%s comes to the same configuration by applying it', (_, start) => {
    const member = node(entries, start, 2);
    const { committed } = member.ready()!;
    for (const entry of committed) member.applyChange(decodeChange(entry));
    member.applied(2);
    expect(member.confState).toEqual(confState);
  });

  it('one that knows nobody refuses a log that does not begin with its members', () => {
    const log: readonly Entry[] = [{ index: 1, term: 1, kind: 'normal', data: new Uint8Array(0) }];
    expect(() => node(log, { voters: [], learners: [] }, 1).ready()).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_MEMBERS' }),
    );
  });
});
