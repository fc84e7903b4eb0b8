import { silentLogger } from '@kontiki/std';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { decideVersion, VersionAgreement } from './version-agreement.js';

describe('the version to agree on', () => {
  it.each<[string | undefined, (string | undefined)[], string | undefined]>([
    [undefined, ['3.6.14'], '3.6.0'],
    [undefined, ['3.6.14', '3.5.30', '3.6.1'], '3.5.0'],
    [undefined, ['3.6.14', undefined], '3.0.0'],
    [undefined, ['3.6.14', 'x'], '3.0.0'],
    ['3.0.0', ['3.6.14', undefined], undefined],
    ['3.0.0', ['3.6.14', '3.6.1'], '3.6.0'],
    ['3.5.0', ['3.6.14', '3.10.0'], '3.6.0'],
    ['3.6.0', ['3.6.14', '3.6.1'], undefined],
    ['3.6.0', ['3.6.14', '3.5.30'], undefined],
    ['3.5.0', ['4.0.0', '4.0.0'], undefined],
    ['3.5.0', ['3.6.0-rc.1', '3.6.0+git'], '3.6.0'],
    ['3.5.0', ['3.6', '3.6.0'], undefined],
  ])('from %s with members %j is %s', (current, members, expected) => {
    expect(decideVersion(current, members)).toBe(expected);
  });

  it('never falls, is never above a member, and comes to rest', () => {
    const version = fc.tuple(fc.constantFrom(3, 4), fc.nat(9), fc.nat(9)).map((parts) => parts.join('.'));
    const minor = (text: string): number => Number(text.split('.')[1]);
    const major = (text: string): number => Number(text.split('.')[0]);
    fc.assert(
      fc.property(
        fc.option(version, { nil: undefined }),
        fc.array(fc.option(version, { nil: undefined }), { minLength: 1, maxLength: 5 }),
        (current, members) => {
          const next = decideVersion(current, members);
          if (next === undefined) return current !== undefined;
          const reached = decideVersion(next, members);
          const notAbove = members.every(
            (member) => member === undefined || major(member) > major(next) || minor(member) >= minor(next),
          );
          const risen = current === undefined || (major(current) === major(next) && minor(current) < minor(next));
          return risen && reached === undefined && (notAbove || members.includes(undefined));
        },
      ),
    );
  });
});

/** Members by id with their versions; an Error is thrown instead of an answer. */
function agreement(versions: Map<bigint, string | Error | Promise<string>>, current?: string) {
  const clock = new ManualClock();
  const set: string[] = [];
  const lines: string[] = [];
  const state = { current, refuse: false, asked: 0 };
  const line = (message: string, fields: unknown): number => lines.push(`${message} ${JSON.stringify(fields)}`);
  const subject = new VersionAgreement({
    clock,
    logger: { ...silentLogger, warn: line },
    members: () => [...versions.keys()].map((id) => ({ id })),
    versionOf: async (id) => {
      state.asked++;
      const version = versions.get(id)!;
      if (version instanceof Error) throw version;
      return version;
    },
    current: () => state.current,
    set: async (version) => {
      if (state.refuse) throw new Error('no leader');
      set.push(version);
      state.current = version;
    },
  });
  return { subject, clock, set, lines, state };
}

describe('the leader', () => {
  it('agrees at once when all can be asked', async () => {
    const { subject, clock, set } = agreement(new Map([[1n, '3.6.14']]));
    subject.start();
    await clock.advance(0);
    expect(set).toEqual(['3.6.0']);
    subject.stop();
    expect(clock.pending).toBe(0);
  });

  it('begins low while one is silent, rises when it speaks, and says who is silent once', async () => {
    const versions = new Map<bigint, string | Error>([
      [1n, '3.6.14'],
      [0xabcn, new Error('refused')],
    ]);
    const { subject, clock, set, lines } = agreement(versions);
    subject.start();
    await clock.advance(8500);
    expect(set).toEqual(['3.0.0']);
    expect(lines).toEqual(['cannot tell the version of a member {"remote-member-id":"abc","error":"Error: refused"}']);
    versions.set(0xabcn, '3.5.30');
    await clock.advance(4000);
    expect(set).toEqual(['3.0.0', '3.5.0']);
    versions.set(0xabcn, new Error('refused again'));
    await clock.advance(4000);
    expect(lines).toHaveLength(2);
    subject.stop();
  });

  it('tries again when the proposal failed', async () => {
    const { subject, clock, set, state } = agreement(new Map([[1n, '3.6.14']]));
    state.refuse = true;
    subject.start();
    await clock.advance(100);
    state.refuse = false;
    await clock.advance(4000);
    expect(set).toEqual(['3.6.0']);
    subject.stop();
  });

  it('does not begin a round before the last is over, and decides nothing once it leads no more', async () => {
    let answer!: (version: string) => void;
    const slow = new Promise<string>((resolve) => {
      answer = resolve;
    });
    const { subject, clock, set, state } = agreement(new Map([[1n, slow]]));
    subject.start();
    await clock.advance(20_000);
    expect(state.asked).toBe(1);
    subject.stop();
    answer('3.6.14');
    await clock.advance(20_000);
    expect(set).toEqual([]);
    subject.start();
    await clock.advance(0);
    expect(set).toEqual(['3.6.0']);
    subject.stop();
  });
});
