import { NOBODY } from '@kontiki/raft';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Member, Membership } from '../cluster/members.js';
import { ServerError } from '../errors.js';
import { ManualClock } from '../testing/manual-clock.js';
import { type AtLeaderOptions, atLeader, NotYet } from './at-leader.js';
import { Leadership } from './leadership.js';

const SELF = 1n;
const noStore = { saveMember: () => {}, removeMember: () => {}, saveClusterVersion: () => {} };
const member = (id: bigint): Member => ({ id, peerUrls: [], isLearner: false, name: `m${id}`, clientUrls: [] });

let clock: ManualClock;
let leadership: Leadership;
let options: AtLeaderOptions;
const lead = (leader: bigint, term: number): void =>
  leadership.update({ leader, term, role: leader === SELF ? 'leader' : 'follower' });

beforeEach(() => {
  clock = new ManualClock();
  leadership = new Leadership(SELF, 1);
  const saved = { members: [1n, 2n, 3n].map(member), removed: [], clusterVersion: undefined };
  options = { leadership, membership: new Membership(9n, noStore, saved), clock, timeoutMs: 1000 };
});

/** What a question came to, so far. */
function outcomeOf(question: Promise<unknown>): { now(): unknown } {
  let outcome: unknown = 'open';
  question.then(
    (value) => {
      outcome = value;
    },
    (error: Error) => {
      outcome = error instanceof ServerError ? error.condition : error.message;
    },
  );
  return { now: () => outcome };
}

const here = (): Promise<string> => Promise.resolve('here');
const there = ({ name }: Member): Promise<string> => Promise.resolve(`at ${name}`);

describe('a question for the leader', () => {
  it('is answered here by the one that leads', async () => {
    lead(SELF, 2);
    expect(await atLeader(options, { here, there })).toBe('here');
  });

  it('goes to the one that does', async () => {
    lead(3n, 2);
    expect(await atLeader(options, { here, there })).toBe('at m3');
  });

  it('waits for a leader, and no longer than a request', async () => {
    const early = outcomeOf(atLeader(options, { here, there }));
    const late = outcomeOf(atLeader({ ...options, timeoutMs: 100 }, { here, there }));
    await clock.advance(200);
    lead(2n, 2);
    await clock.advance(200);
    expect([early.now(), late.now()]).toEqual(['at m2', 'NoLeader']);
    expect(leadership.leader).not.toBe(NOBODY);
  });

  it('is asked again when the leader could not be reached, and not when it gave an answer', async () => {
    lead(2n, 2);
    let tries = 0;
    const unreachable = outcomeOf(
      atLeader(options, {
        here,
        there: () => (++tries < 3 ? Promise.reject(new Error('refused')) : there(member(2n))),
      }),
    );
    const refused = outcomeOf(
      atLeader(options, { here, there: () => Promise.reject(new ServerError('LearnerNotReady')) }),
    );
    await clock.advance(500);
    expect([unreachable.now(), tries, refused.now()]).toEqual(['at m2', 3, 'LearnerNotReady']);
  });

  it('does not wait for one that leads no more', async () => {
    lead(2n, 2);
    const outcome = outcomeOf(
      atLeader(options, { here, there: (leader) => (leader.id === 2n ? new Promise(() => {}) : there(leader)) }),
    );
    await clock.advance(100);
    expect(outcome.now()).toBe('open');
    lead(3n, 3);
    await clock.advance(100);
    expect(outcome.now()).toBe('at m3');
  });

  it('a leader that cannot answer yet is given time; what is wrong with it is told', async () => {
    lead(SELF, 2);
    let ready = false;
    const patient = outcomeOf(
      atLeader(options, { here: () => (ready ? here() : Promise.reject(new NotYet('duties'))), there }),
    );
    const broken = outcomeOf(atLeader(options, { here: () => Promise.reject(new Error('a bug')), there }));
    await clock.advance(100);
    ready = true;
    await clock.advance(100);
    expect([patient.now(), broken.now()]).toEqual(['here', 'a bug']);
  });

  it('ends with its signal', async () => {
    const abandoned = new AbortController();
    const outcome = outcomeOf(atLeader(options, { here, there, signal: abandoned.signal }));
    abandoned.abort(new Error('the client left'));
    await clock.advance(100);
    expect(outcome.now()).toBe('the client left');
  });
});
