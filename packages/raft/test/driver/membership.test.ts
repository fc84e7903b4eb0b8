import { describe, expect, it } from 'vitest';
import type { ChangeStep, MembershipChange } from '../../src/index.js';
import { bootstrap } from '../../src/index.js';
import { Host, stateOf, World } from './world.js';

const single = (id: bigint, action: ChangeStep['action'], node: bigint): MembershipChange => ({
  kind: 'change',
  id,
  step: { action, node },
  context: new Uint8Array(0),
});

/** Proposes a change at a member, under an id of its own. */
function change(world: World, at: bigint, action: ChangeStep['action'], node: bigint): Promise<number> {
  const id = world.id();
  const outcome = world.host(at).driver.proposeChange(id, single(id, action, node));
  outcome.catch(() => {});
  return outcome;
}

async function ticks(world: World, id: bigint, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    world.host(id).clock.tick();
    await world.settle();
  }
}

describe('members come and go', () => {
  it('a newcomer is told everything, is promoted, and counts', async () => {
    const world = new World(1);
    await world.elect(1n);
    world.propose(1n, 'a');
    await world.settle();
    const newcomer = world.join(2n);
    const added = change(world, 1n, 'addLearner', 2n);
    await world.settle();
    await ticks(world, 1n, 2);
    expect(await added).toBe(3);
    expect(newcomer.list).toEqual(['a', 'members 1 true']);
    expect(world.host(1n).driver.status().followers).toMatchObject([
      { id: 1n, learner: false },
      { id: 2n, learner: true, match: 3, state: 'replicate', active: true },
    ]);
    const promoted = change(world, 1n, 'addVoter', 2n);
    await world.settle();
    await ticks(world, 1n, 1);
    expect(await promoted).toBe(4);
    expect(newcomer.driver.status().confState).toEqual({ voters: [1n, 2n], learners: [] });
    newcomer.crash();
    const alone = world.propose(1n, 'b');
    await world.settle();
    expect(await stateOf(alone)).toBe('pending');
    newcomer.restart();
    await ticks(world, 1n, 3);
    expect(await alone).toBe(5);
  });

  it('a change may be proposed anywhere', async () => {
    const world = new World(3);
    await world.elect(1n);
    const outcome = change(world, 2n, 'remove', 3n);
    await world.settle();
    await ticks(world, 1n, 1);
    expect(await outcome).toBe(2);
    expect(world.host(1n).driver.status().confState.voters).toEqual([1n, 2n]);
  });

  it('a second one is refused while the first may be unapplied, and so is one that cannot be made', async () => {
    const world = new World(3);
    await world.elect(1n);
    const first = change(world, 1n, 'addLearner', 4n);
    const second = change(world, 1n, 'addLearner', 5n);
    await world.settle();
    expect(await first).toBe(2);
    expect(await stateOf(second)).toBe('CHANGE_PENDING');
    const joint = { kind: 'changeV2', transition: 'auto', steps: [], context: new Uint8Array(0) } as const;
    const refused = world.host(1n).driver.proposeChange(99n, joint);
    refused.catch(() => {});
    await world.settle();
    expect(await stateOf(refused)).toBe('INVALID_CHANGE');
  });

  it('the state machine may refuse one: every member keeps the configuration it had', async () => {
    const world = new World(3);
    await world.elect(1n);
    for (const host of world.hosts) host.admits = () => false;
    const outcome = change(world, 1n, 'remove', 3n);
    await world.settle();
    await ticks(world, 1n, 1);
    expect(await outcome).toBe(2);
    for (const { list, driver } of world.hosts) {
      expect(list).toEqual(['members 1 2 3 false']);
      expect(driver.status().confState.voters).toEqual([1n, 2n, 3n]);
    }
    // And the next one is not held up by it.
    for (const host of world.hosts) host.admits = undefined;
    const next = change(world, 1n, 'remove', 3n);
    await world.settle();
    expect(await next).toBe(3);
  });

  it('changes and proposals keep their order', async () => {
    const world = new World(1);
    await world.elect(1n);
    const outcomes = [world.propose(1n, 'a'), change(world, 1n, 'addLearner', 2n), world.propose(1n, 'b')];
    await world.settle();
    expect(await Promise.all(outcomes)).toEqual([2, 3, 4]);
    expect(world.host(1n).list).toEqual(['a', 'members 1 true', 'b']);
  });

  it('a leader that is removed hands over, and drops what it is given until then', async () => {
    const world = new World(3);
    await world.elect(1n);
    const removed = change(world, 1n, 'remove', 1n);
    const host = world.host(1n);
    while (host.driver.applied.value < 2) {
      await world.settleOnce();
      world.net = world.net.filter(({ type }) => type !== 'timeoutNow');
    }
    expect(await removed).toBe(2);
    const dropped = world.propose(1n, 'a');
    host.turn();
    expect(await stateOf(dropped)).toBe('PROPOSAL_DROPPED');
    await ticks(world, 1n, 12);
    expect(host.states.at(-1)).toBe('follower 2 0');
    expect(world.hosts.filter(({ driver }) => driver.status().role === 'leader')).toHaveLength(1);
  });

  it('snapshots carry the configuration', async () => {
    const world = new World(3, { snapshotEveryEntries: 4, catchUpEntries: 0 });
    await world.elect(1n);
    change(world, 1n, 'remove', 3n);
    await world.settle();
    for (let i = 0; i < 6; i++) world.propose(1n, `${i}`);
    await world.settle();
    await ticks(world, 1n, 1);
    const host = world.host(2n);
    host.crash();
    expect(host.disk.recover().snapshot?.confState).toEqual({ voters: [1n, 2n], learners: [] });
    host.restart();
    expect(host.driver.status().confState).toEqual({ voters: [1n, 2n], learners: [] });
  });

  it('without applyChange in the state machine nobody may propose one', async () => {
    const stateMachine = { apply: () => [], restore: async () => {} };
    const world = new World(1, { stateMachine });
    expect(await stateOf(change(world, 1n, 'addVoter', 2n))).toBe('INVALID_CHANGE');
  });
});

describe('a log that begins with its members', () => {
  it('a single voter leads at once when it is told to campaign at its start', async () => {
    const world = new World(0);
    const host = new Host(world, 1n, {}, bootstrap([{ id: 1n }]));
    world.hosts.push(host);
    host.driver.campaign();
    await world.settle();
    expect(host.driver.status()).toMatchObject({ role: 'leader', term: 2, applied: 2 });
    expect(host.list).toEqual(['members 1 true']);
  });

  it('whoever joins needs to know nobody', async () => {
    const world = new World(0);
    const host = new Host(world, 1n, {}, bootstrap([{ id: 1n }]));
    world.hosts.push(host);
    host.driver.campaign();
    await world.settle();
    const newcomer = world.join(2n);
    expect(newcomer.driver.status().confState).toEqual({ voters: [], learners: [] });
    const added = change(world, 1n, 'addVoter', 2n);
    await world.settle();
    await ticks(world, 1n, 3);
    expect(await added).toBe(3);
    expect(newcomer.list).toEqual(['members 1 true', 'members 1 2 true']);
  });

  it('whoever knows nobody and is not told stops, rather than believe that it decides alone', async () => {
    const world = new World(1);
    await world.elect(1n);
    const lost = new World(0);
    const host = lost.join(2n);
    const entries = [{ index: 1, term: 1, kind: 'normal', data: new Uint8Array(0) }] as const;
    host.driver.receive({ type: 'append', from: 1n, to: 2n, term: 1, prevIndex: 0, prevTerm: 0, entries, commit: 1 });
    await lost.settle();
    expect(host.fatal).toMatchObject({ code: 'UNKNOWN_MEMBERS' });
  });
});
