import { silentLogger } from '@kontiki/std';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { CorruptDataError, CorruptionCheck, type LocalHash, type PeerHash } from './corruption-check.js';

const SELF = 1n;

/** A cluster whose members say what the test tells them to. */
function cluster(
  peers: Record<string, PeerHash | Error>,
  options: { everyMs?: number; compactionsEveryMs?: number } = {},
) {
  const clock = new ManualClock();
  const state = {
    own: { hash: 7, compactRevision: 2, hashRevision: 10 } as LocalHash,
    peers,
    remembered: [] as LocalHash[],
    revision: 10,
    asked: [] as number[],
    leads: true,
  };
  const alarms: bigint[] = [];
  const lines: string[] = [];
  const line = (message: string): number => lines.push(message);
  const subject = new CorruptionCheck(
    {
      clock,
      logger: { ...silentLogger, info: line, warn: line, error: line },
      memberId: SELF,
      peers: () => Object.keys(state.peers).map(BigInt),
      hash: async () => state.own,
      peerHash: async (id, revision) => {
        state.asked.push(revision);
        const answer = state.peers[String(id)]!;
        if (answer instanceof Error) throw answer;
        return answer;
      },
      compactionHashes: () => state.remembered,
      barrier: async () => {
        if (!state.leads) throw new Error('not the leader');
      },
      revision: () => state.revision,
      raiseAlarm: async (id) => alarms.push(id),
    },
    { everyMs: options.everyMs ?? 0, compactionsEveryMs: options.compactionsEveryMs ?? 0 },
  );
  return { subject, clock, state, alarms, lines };
}

const says = (hash: number, compactRevision = 2, revision = 10): PeerHash => ({ hash, compactRevision, revision });

describe('before serving', () => {
  it('a member whose data is that of the others may start', async () => {
    const { subject, state } = cluster({ 2: says(7), 3: says(7) });
    await subject.initial();
    expect(state.asked).toEqual([10, 10]);
  });

  it('one whose history differs may not, once that was seen twice', async () => {
    const { subject, clock } = cluster({ 2: says(8), 3: says(8) });
    const started = subject.initial();
    const refused = expect(started).rejects.toThrow(CorruptDataError);
    const named = expect(started).rejects.toThrow(/^1 found data inconsistency with peers/);
    await clock.advance(1000);
    await refused;
    await named;
  });

  it('a difference that was gone a second later is none', async () => {
    const { subject, clock, state } = cluster({ 2: says(8) });
    const started = subject.initial();
    await clock.advance(500);
    state.peers['2'] = says(7);
    await clock.advance(500);
    await started;
  });

  it('those who cannot say, or compacted otherwise, prove nothing', async () => {
    const { subject, lines } = cluster({ 2: new Error('FutureRev'), 3: says(9, 4) });
    await subject.initial();
    expect(lines).toContain('cannot compare data with a member');
  });
});

describe('on the leader, whole histories', () => {
  it('are compared on schedule, and accuse who is in the minority', async () => {
    const { subject, clock, alarms, state } = cluster({ 2: says(7), 3: says(8) }, { everyMs: 5000 });
    subject.start();
    await clock.advance(4999);
    expect(state.asked).toEqual([]);
    await clock.advance(1001 + 1000);
    expect(alarms).toEqual([3n]);
    subject.stop();
    expect(clock.pending).toBe(0);
  });

  it('accuse nobody while they are alike', async () => {
    const { subject, clock, alarms, lines } = cluster({ 2: says(7), 3: new Error('down') }, { everyMs: 5000 });
    subject.start();
    await clock.advance(16_500);
    expect(alarms).toEqual([]);
    expect(lines.filter((line) => line === 'data is alike on all members that could be compared')).toHaveLength(3);
    subject.stop();
  });

  it('accuse nobody of what was seen but once', async () => {
    const { subject, clock, alarms, state } = cluster({ 2: says(8), 3: says(7) }, { everyMs: 5000 });
    subject.start();
    await clock.advance(5500);
    state.peers['2'] = says(7);
    await clock.advance(2000);
    expect(alarms).toEqual([]);
    subject.stop();
  });

  it('wait a moment for a follower that is behind', async () => {
    const { subject, clock, alarms, state, lines } = cluster({ 2: new Error('FutureRev') }, { everyMs: 5000 });
    subject.start();
    await clock.advance(5500);
    state.peers['2'] = says(8);
    await clock.advance(500 + 1000);
    expect(alarms).toEqual([0n]);
    expect(lines).not.toContain('cannot compare data with a member');
    subject.stop();
  });

  it('accuse a member that is ahead of the leader, and the cluster where nobody can tell', async () => {
    const ahead = cluster({ 2: says(7, 2, 11), 3: says(7) }, { everyMs: 5000 });
    ahead.subject.start();
    await ahead.clock.advance(6500);
    expect(ahead.alarms).toEqual([2n]);
    ahead.subject.stop();
    const torn = cluster({ 2: says(8) }, { everyMs: 5000 });
    torn.subject.start();
    await torn.clock.advance(6500);
    expect(torn.alarms).toEqual([0n]);
    torn.subject.stop();
  });

  it('accuse nobody when the member does not lead, or leads no more', async () => {
    const { subject, clock, alarms, state, lines } = cluster({ 2: says(8), 3: says(7) }, { everyMs: 5000 });
    state.leads = false;
    subject.start();
    await clock.advance(6500);
    expect(lines).toContain('failed to compare data with the other members');
    state.leads = true;
    await clock.advance(4000);
    subject.stop();
    await clock.advance(10_000);
    expect(alarms).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

it('waits for nothing once it is stopped', async () => {
  const { subject, clock, alarms } = cluster({ 2: says(8) }, { everyMs: 5000 });
  subject.start();
  await clock.advance(5500);
  subject.stop();
  expect(clock.pending).toBe(0);
  await clock.advance(5000);
  expect(alarms).toEqual([]);
});

describe('on the leader, compactions', () => {
  const remembered = (hash: number, hashRevision: number): LocalHash => ({ hash, compactRevision: 2, hashRevision });

  it('are compared from the latest on, and not again once all agree', async () => {
    const { subject, clock, state, alarms } = cluster({ 2: says(7), 3: says(7) }, { compactionsEveryMs: 60_000 });
    state.remembered = [remembered(7, 4), remembered(7, 8)];
    subject.start();
    await clock.advance(60_500);
    expect(state.asked).toEqual([8, 8]);
    await clock.advance(60_000);
    expect(state.asked).toEqual([8, 8]);
    state.remembered.push(remembered(7, 9));
    await clock.advance(60_000);
    expect(state.asked).toEqual([8, 8, 9, 9]);
    expect(alarms).toEqual([]);
    subject.stop();
  });

  it('go back while somebody cannot be compared, and come again', async () => {
    const { subject, clock, state } = cluster({ 2: says(7), 3: new Error('down') }, { compactionsEveryMs: 60_000 });
    state.remembered = [remembered(7, 4), remembered(7, 8)];
    subject.start();
    await clock.advance(60_500);
    expect(state.asked).toEqual([8, 8, 4, 4]);
    state.peers['3'] = says(7);
    await clock.advance(60_000);
    expect(state.asked.slice(4)).toEqual([8, 8]);
    subject.stop();
  });

  it('accuse who compacted something else, once', async () => {
    const { subject, clock, state, alarms } = cluster({ 2: says(7), 3: says(8) }, { compactionsEveryMs: 60_000 });
    state.remembered = [remembered(7, 8)];
    subject.start();
    await clock.advance(62_000);
    expect(alarms).toEqual([3n]);
    await clock.advance(120_000);
    expect(alarms).toEqual([3n]);
    subject.stop();
  });

  it('are not asked about in a cluster of one', async () => {
    const { subject, clock, state } = cluster({}, { compactionsEveryMs: 60_000 });
    state.remembered = [remembered(7, 8)];
    subject.start();
    await clock.advance(120_000);
    expect(state.asked).toEqual([]);
    subject.stop();
  });
});
