import type { Entry, Message } from '@kontiki/raft';
import { expect, it } from 'vitest';
import { LogMirror } from '../log-mirror.js';
import { encodeCommand } from '../state.js';
import { Checks } from './checks.js';

function watched(): { checks: Checks; broken: string[] } {
  const broken: string[] = [];
  return { checks: new Checks(({ property }) => broken.push(property)), broken };
}

const command = (index: number, term: number, id: bigint, key = 0): Entry => ({
  index,
  term,
  kind: 'normal',
  data: encodeCommand({ id, key }, 0),
});

function holding(entries: readonly Entry[], vote: { term: number; vote: bigint }): LogMirror {
  const mirror = new LogMirror();
  mirror.founded({ entries, hardState: { ...vote, commit: 0 } });
  return mirror;
}

const inTerm = (term: number) => (): number => term;

const voteReply = (from: bigint, to: bigint, term: number): Message => ({
  type: 'voteReply',
  from,
  to,
  term,
  reject: false,
});

it('one vote per term: a second one, or one not on the disk, is reported', () => {
  const { checks, broken } = watched();
  checks.sent(voteReply(1n, 2n, 5), holding([], { term: 5, vote: 2n }));
  checks.sent(voteReply(1n, 2n, 5), holding([], { term: 6, vote: 3n }));
  expect(broken).toEqual([]);
  checks.sent(voteReply(1n, 3n, 5), holding([], { term: 5, vote: 3n }));
  checks.sent(voteReply(2n, 3n, 7), holding([], { term: 7, vote: 0n }));
  expect(broken).toEqual(['one vote per term', 'one vote per term']);
});

it('election safety: two leaders of one term are reported, of two terms not', () => {
  const { checks, broken } = watched();
  const mirror = holding([], { term: 1, vote: 1n });
  checks.became(1n, 1, 'leader', mirror);
  checks.became(2n, 1, 'follower', mirror);
  checks.became(2n, 2, 'leader', mirror);
  expect(broken).toEqual([]);
  checks.became(3n, 1, 'leader', mirror);
  expect(broken).toEqual(['election safety']);
});

it('leader completeness: a leader without a committed entry is reported', () => {
  const { checks, broken } = watched();
  const full = holding([command(1, 1, 1n)], { term: 1, vote: 1n });
  checks.applied(1n, command(1, 1, 1n), 11, full, inTerm(1));
  checks.became(1n, 2, 'leader', full);
  // Elected, but only now, of a term before: it may lack what was committed since.
  checks.applied(
    1n,
    command(2, 1, 2n),
    12,
    holding([command(1, 1, 1n), command(2, 1, 2n)], { term: 5, vote: 1n }),
    inTerm(5),
  );
  checks.became(4n, 4, 'leader', full);
  expect(broken).toEqual([]);
  checks.became(2n, 3, 'leader', holding([], { term: 3, vote: 2n }));
  expect(broken).toEqual(['leader completeness']);
});

it('log matching: another entry of the same index and term, or another one before it, is reported', () => {
  const { checks, broken } = watched();
  const write = (id: bigint, entries: readonly Entry[]): void => {
    const mirror = holding(entries.slice(0, -1), { term: 9, vote: 0n });
    const batch = { entries: entries.slice(-1), mustSync: true };
    mirror.write(batch);
    checks.wrote(id, batch, mirror);
  };
  write(1n, [command(1, 1, 1n), command(2, 2, 2n)]);
  write(2n, [command(1, 1, 1n), command(2, 2, 2n)]);
  write(2n, [command(1, 1, 1n), command(2, 3, 4n)]);
  expect(broken).toEqual([]);
  write(3n, [command(1, 1, 1n), command(2, 2, 9n)]);
  write(3n, [command(1, 2, 1n), command(2, 2, 2n)]);
  expect(broken).toEqual(['log matching', 'log matching']);
});

it('state machine safety: another digest, a term, a gap, a command twice are reported', () => {
  const { checks, broken } = watched();
  const entries = [command(1, 1, 1n), command(2, 1, 2n), command(3, 1, 1n)];
  const mirror = holding(entries, { term: 1, vote: 0n });
  checks.applied(1n, entries[0]!, 11, mirror, inTerm(1));
  checks.applied(2n, entries[0]!, 11, mirror, inTerm(1));
  expect(broken).toEqual([]);
  checks.applied(3n, entries[0]!, 12, mirror, inTerm(1));
  checks.applied(3n, entries[2]!, 13, mirror, inTerm(1));
  checks.applied(1n, entries[1]!, 22, mirror, inTerm(1));
  expect(broken).toHaveLength(2);
  checks.applied(1n, entries[2]!, 33, mirror, inTerm(1));
  expect(broken).toEqual(Array.from({ length: 3 }, () => 'state machine safety'));
});

it('durable before visible: what is acknowledged or applied and not on the disk is reported', () => {
  const { checks, broken } = watched();
  const mirror = holding([command(1, 1, 1n)], { term: 1, vote: 0n });
  const reply = (index: number, reject = false): Message => ({
    type: 'appendReply',
    from: 1n,
    to: 2n,
    term: 1,
    index,
    reject,
    hintIndex: 0,
    hintTerm: 0,
  });
  checks.sent(reply(1), mirror);
  checks.sent(reply(2, true), mirror);
  checks.applied(1n, command(1, 1, 1n), 1, mirror, inTerm(1));
  expect(broken).toEqual([]);
  checks.sent(reply(2), mirror);
  checks.applied(1n, command(2, 1, 2n), 2, mirror, inTerm(1));
  expect(broken).toEqual(['durable before visible', 'durable before visible']);
});

it('linearizable: reads of the past, of nothing, writes out of order and refusals that happened are reported', () => {
  const { checks, broken } = watched();
  const entries = [command(1, 1, 1n), command(2, 1, 2n)];
  const mirror = holding(entries, { term: 1, vote: 0n });
  const { calls } = checks;
  const guard = (check: () => void): void => checks.guard(calls.name, check);
  for (const entry of entries) checks.applied(1n, entry, entry.index, mirror, inTerm(1));
  const early = calls.begin();
  guard(() => calls.wrote(early, 1n, 0, 1, 0n));
  guard(() => calls.wrote(early, 2n, 0, 2, 1n));
  guard(() => calls.read(early, 0, 1, 1n));
  guard(() => calls.end());
  expect(broken).toEqual([]);
  const late = calls.begin();
  guard(() => calls.read(late, 0, 1, 1n));
  guard(() => calls.read(late, 0, 2, 1n));
  guard(() => calls.wrote(late, 2n, 0, 2, 1n));
  guard(() => calls.wrote(early, 2n, 0, 2, 0n));
  guard(() => calls.wrote(early, 9n, 0, 3, 0n));
  calls.refused(2n);
  guard(() => calls.end());
  expect(broken).toEqual(Array.from({ length: 6 }, () => 'linearizable'));
});

it('counts only the properties it was told to', () => {
  const broken: string[] = [];
  const checks = new Checks(({ property }) => broken.push(property), ['election safety']);
  checks.sent(voteReply(2n, 3n, 7), holding([], { term: 7, vote: 0n }));
  expect(broken).toEqual([]);
});
