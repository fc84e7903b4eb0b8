import { describe, expect, it } from 'vitest';
import type { ChangeStep, MembershipChange } from '../../src/index.js';
import type { Network } from '../../src/testing/network.js';
import { elect, inject, led, logOf, propose, roles } from './cluster.js';

const context = new Uint8Array(0);
const single = (action: ChangeStep['action'], node: bigint): MembershipChange => ({
  kind: 'change',
  id: 1n,
  step: { action, node },
  context,
});
const multi = (...steps: readonly ChangeStep[]): MembershipChange => ({
  kind: 'changeV2',
  transition: 'auto',
  steps,
  context,
});

function change(network: Network, id: bigint, what: MembershipChange): void {
  network.member(id).node.proposeChange(what);
  network.settle();
  for (const { node } of network.running) if (node.status().role === 'leader') network.tick(node.status().id);
}

describe('§6 and dissertation §4: membership', () => {
  it('§4.1 a change takes effect when it is applied, on every member', () => {
    const network = led(3);
    network.add(4n);
    change(network, 1n, single('addVoter', 4n));
    for (const { confState } of network.running) expect(confState.voters).toEqual([1n, 2n, 3n, 4n]);
    network.isolate(3n, 4n);
    propose(network, 1n, 'a');
    expect(network.member(1n).node.status().commit).toBe(2);
    network.heal();
    network.tick(1n);
    expect(network.member(1n).node.status().commit).toBe(3);
  });

  it('§4.1 only one may be on its way', () => {
    const network = led(3);
    network.member(1n).node.proposeChange(single('addVoter', 4n));
    expect(() => network.member(1n).node.proposeChange(single('addVoter', 5n))).toThrow(
      expect.objectContaining({ code: 'CHANGE_PENDING' }),
    );
    network.settle();
    network.member(1n).node.proposeChange(single('remove', 4n));
    network.settle();
    expect(network.member(1n).confState.voters).toEqual([1n, 2n, 3n]);
  });

  it('§4.1 a new leader makes none before it has applied what it found', () => {
    const network = led(3, { preVote: false, checkQuorum: false });
    network.stallDisk(1n);
    network.isolate(1n, 2n);
    network.member(1n).node.proposeChange(single('addVoter', 4n));
    network.settle();
    network.heal();
    network.stallDisk(3n);
    network.member(2n).node.campaign();
    network.resumeDisk(3n);
    network.loses = ({ type }) => type === 'appendReply';
    network.settle();
    expect(network.member(2n).node.status().role).toBe('leader');
    expect(() => network.member(2n).node.proposeChange(single('remove', 3n))).toThrow(
      expect.objectContaining({ code: 'CHANGE_PENDING' }),
    );
  });

  it('§4.2.1 a learner gets the log and has no say', () => {
    const network = led(2);
    network.add(3n);
    change(network, 1n, single('addLearner', 3n));
    expect(logOf(network.member(3n))).toEqual(logOf(network.member(1n)));
    network.isolate(2n);
    propose(network, 1n, 'a');
    expect(network.member(1n).node.status()).toMatchObject({ last: 3, commit: 2 });
    network.tick(3n, 60);
    expect(network.member(3n).node.status().role).toBe('follower');
  });

  it('§4.2.1 a member that joins late is told everything, by snapshot where the log is gone', () => {
    const network = led(3);
    propose(network, 1n, 'a', 'b');
    network.member(1n).compact();
    network.add(4n);
    change(network, 1n, single('addLearner', 4n));
    network.tick(1n, 3);
    expect(network.member(4n)).toMatchObject({ digest: network.member(1n).digest, applied: 4 });
    expect(network.member(4n).confState).toEqual({ voters: [1n, 2n, 3n], learners: [4n] });
  });

  it('a learner that does not know of its promotion yet votes when it is asked', () => {
    const network = led(3);
    network.add(4n);
    change(network, 1n, single('addLearner', 4n));
    network.isolate(4n);
    change(network, 1n, single('addVoter', 4n));
    network.heal();
    network.member(1n).crash();
    network.member(2n).crash();
    network.member(2n).restart();
    expect(network.member(4n).confState.learners).toEqual([4n]);
    network.isolate(3n, 4n, 2n);
    for (const id of [2n, 3n, 4n]) for (let i = 0; i < 10; i++) network.member(id).node.tick();
    network.settle();
    for (let i = 0; i < 3 && !roles(network).includes('leader'); i++) for (const id of [3n, 2n]) elect(network, id);
    expect(roles(network)).toContain('leader');
  });

  it('§4.2.2 a leader that is removed leads until that is committed, and then hands over', () => {
    const network = led(3);
    const { node } = network.member(1n);
    node.proposeChange(single('remove', 1n));
    network.member(1n).pump();
    expect(node.status()).toMatchObject({ role: 'leader', transferTarget: 0n });
    network.settle();
    network.tick(1n);
    expect([...roles(network)].sort()).toEqual(['follower', 'follower', 'leader']);
    expect(node.status().role).toBe('follower');
    for (const id of [1n, 2n, 3n]) expect(network.member(id).confState.voters).toEqual([2n, 3n]);
    const { term } = node.status();
    network.tick(1n, 50);
    expect(node.status()).toMatchObject({ role: 'follower', term });
  });

  it('§4.2.2 until then it takes nothing, and counts only others', () => {
    const network = led(3);
    const { node } = network.member(1n);
    network.loses = ({ type }) => type === 'timeoutNow';
    node.proposeChange(single('remove', 1n));
    network.settle();
    expect(node.status()).toMatchObject({ role: 'leader', confState: { voters: [2n, 3n] } });
    expect(node.propose([Uint8Array.of(1)])).toEqual({ accepted: 0, refused: 'removed' });
    network.loses = () => false;
    network.tick(1n, 12);
    expect(node.status().role).toBe('follower');
  });

  it('a leader that is demoted hands over as well', () => {
    const network = led(3);
    change(network, 1n, single('addLearner', 1n));
    expect(network.member(1n).node.status().role).toBe('follower');
    expect(network.member(2n).confState).toEqual({ voters: [2n, 3n], learners: [1n] });
  });

  it('§4.2.2 the removed leader does not count itself', () => {
    const network = led(2);
    network.loses = ({ type, from }) => type === 'appendReply' && from === 2n;
    network.member(1n).node.proposeChange(single('remove', 2n));
    network.settle();
    // Both old members are needed for the change itself.
    expect(network.member(1n).node.status().commit).toBe(1);
    network.loses = () => false;
    network.tick(1n);
    expect(network.member(1n).confState.voters).toEqual([1n]);
    propose(network, 1n, 'alone');
    expect(network.member(1n).node.status().commit).toBe(3);
  });

  it('§4.2.3 members that hear their leader ignore candidates; a transfer is no disturbance', () => {
    const network = led(3, { electionTicks: 10 });
    const ask = { type: 'vote', from: 3n, to: 2n, term: 9, lastIndex: 99, lastTerm: 9 } as const;
    inject(network, { ...ask, transfer: false });
    inject(network, { ...ask, type: 'preVote' });
    expect(network.member(2n).node.status()).toMatchObject({ term: 1, leader: 1n });
    expect(network.inFlight).toEqual([]);
    for (let i = 0; i < 9; i++) network.member(2n).node.tick();
    inject(network, { ...ask, transfer: false });
    expect(network.member(2n).node.status().term).toBe(1);
    inject(network, { ...ask, transfer: true });
    expect(network.member(2n).node.status()).toMatchObject({ term: 9, vote: 3n });
  });

  it('§4.2.3 one that heard nothing for an election timeout answers', () => {
    const network = led(3, { electionTicks: 10, preVote: false });
    for (let i = 0; i < 10; i++) network.member(2n).node.tick();
    network.member(2n).writes.length = 0;
    const ask = { type: 'vote', from: 3n, to: 2n, term: 9, lastIndex: 99, lastTerm: 9, transfer: false } as const;
    inject(network, ask);
    expect(network.member(2n).node.status()).toMatchObject({ term: 9, vote: 3n });
  });

  it('§4.3 several at once need both majorities, and the leader leaves the joint configuration', () => {
    const network = led(3);
    for (const id of [4n, 5n, 6n]) network.add(id);
    network.isolate(1n, 4n, 5n, 6n);
    const steps = [4n, 5n, 6n].map((node): ChangeStep => ({ action: 'addVoter', node }));
    network
      .member(1n)
      .node.proposeChange(multi(...steps, { action: 'remove', node: 2n }, { action: 'remove', node: 3n }));
    network.settle();
    expect(network.member(1n).node.status()).toMatchObject({ last: 2, commit: 1 });
    network.heal();
    network.isolate(3n);
    network.tick(1n, 3);
    expect(network.member(1n).confState).toEqual({ voters: [1n, 4n, 5n, 6n], learners: [] });
    expect(network.member(5n).confState).toEqual({ voters: [1n, 4n, 5n, 6n], learners: [] });
    expect(network.member(2n).confState).toEqual({ voters: [1n, 4n, 5n, 6n], learners: [] });
  });

  it('§4.3 a leader elected in a joint configuration leaves it', () => {
    const network = led(3);
    network.add(4n);
    network.add(5n);
    // Whoever applies entering stops there: the old leader never proposes to leave.
    network.member(1n).node.proposeChange(multi({ action: 'addVoter', node: 4n }, { action: 'addVoter', node: 5n }));
    network.loses = ({ type, from }) => from === 1n && type === 'append' && network.member(1n).node.status().last > 2;
    network.settle();
    network.loses = () => false;
    network.tick(1n, 0);
    const before = network.member(2n).confState;
    network.member(1n).crash();
    expect(before.votersOutgoing ?? [1n, 2n, 3n]).toEqual([1n, 2n, 3n]);
    for (let i = 0; i < 20 && !roles(network).includes('leader'); i++) {
      for (const id of [3n, 2n]) network.tick(id, 5);
    }
    const leader = network.running.find(({ node }) => node.status().role === 'leader')!;
    network.tick(leader.id, 3);
    expect(leader.confState).toEqual({ voters: [1n, 2n, 3n, 4n, 5n], learners: [] });
  });

  it('a change that cannot be made has no effect, on every member alike', () => {
    const network = led(3);
    const { node } = network.member(2n);
    // Past the leader's check: as if another implementation led.
    const before = network.member(1n).confState;
    expect(
      node.applyChange(
        multi({ action: 'remove', node: 1n }, { action: 'remove', node: 2n }, { action: 'remove', node: 3n }),
      ),
    ).toEqual({
      confState: before,
      effective: false,
    });
    expect(node.applyChange(multi())).toEqual({ confState: before, effective: false });
  });

  it('the configuration is part of snapshots', () => {
    const network = led(3);
    change(network, 1n, single('remove', 3n));
    network.member(1n).compact();
    network.member(1n).crash();
    network.member(1n).restart();
    expect(network.member(1n).node.confState).toEqual({ voters: [1n, 2n], learners: [] });
  });

  it('a member with a committed change it has not applied does not campaign', () => {
    const network = led(3, { preVote: false });
    network.member(1n).node.proposeChange(single('addLearner', 4n));
    network.member(1n).pump();
    const member = network.member(2n);
    for (let i = 0; i < 8; i++) {
      for (const each of [network.member(1n), network.member(3n), member]) while (each.writes.length > 0) each.write();
      for (const each of [network.member(1n), network.member(3n)]) while (each.applications.length > 0) each.apply();
      while (network.inFlight.length > 0) network.deliver();
    }
    expect(member.node.status()).toMatchObject({ commit: 2 });
    expect(member.applications.length).toBeGreaterThan(0);
    member.node.campaign();
    expect(member.node.status().role).toBe('follower');
    while (member.applications.length > 0) member.apply();
    member.node.campaign();
    expect(member.node.status().role).toBe('candidate');
  });
});

describe('dissertation §3.10 leadership transfer', () => {
  it('brings the target up to date first, takes nothing meanwhile, and happens without a timeout', () => {
    const network = led(3);
    network.isolate(3n);
    propose(network, 1n, 'a');
    network.member(1n).node.transferLeadership(3n);
    expect(network.member(1n).node.propose([Uint8Array.of(1)])).toEqual({ accepted: 0, refused: 'transferring' });
    expect(network.member(1n).node.status().transferTarget).toBe(3n);
    network.heal();
    network.tick(1n);
    expect(network.member(3n).node.status()).toMatchObject({ role: 'leader', term: 2 });
    expect(logOf(network.member(3n))).toContain('2/1 a');
  });

  it('waits for the target to restore its snapshot', () => {
    const network = led(3);
    network.isolate(3n);
    propose(network, 1n, 'a', 'b');
    const member = network.member(3n);
    inject(network, { type: 'snapshot', from: 1n, to: 3n, term: 1, snapshot: network.member(1n).snapshot() });
    inject(network, { type: 'timeoutNow', from: 1n, to: 3n, term: 1 });
    member.write();
    expect(member.node.status().role).toBe('follower');
    member.apply();
    expect(member.node.status()).toMatchObject({ role: 'candidate', term: 2 });
  });

  it('is given up after an election timeout', () => {
    const network = led(3, { electionTicks: 10 });
    network.isolate(3n);
    network.member(1n).node.transferLeadership(3n);
    network.tick(1n, 10);
    expect(network.member(1n).node.status()).toMatchObject({ role: 'leader', transferTarget: 0n });
    expect(network.member(1n).node.propose([Uint8Array.of(1)])).toEqual({ accepted: 1 });
  });

  it.each([
    ['to itself', 1n],
    ['to a stranger', 9n],
    ['to a learner', 4n],
  ])('%s is ignored', (_, target) => {
    const network = led(3);
    network.add(4n);
    change(network, 1n, single('addLearner', 4n));
    network.member(1n).node.transferLeadership(target);
    expect(network.member(1n).node.status().transferTarget).toBe(0n);
  });

  it('a second request replaces the first; the target may be removed', () => {
    const network = led(3);
    network.isolate(1n);
    network.member(1n).node.transferLeadership(3n);
    network.member(1n).node.transferLeadership(2n);
    expect(network.member(1n).node.status().transferTarget).toBe(2n);
  });
});

describe('dissertation §6.2 and §9.6', () => {
  it('§6.2 a leader that hears no majority steps down within two election timeouts', () => {
    const network = led(5, { electionTicks: 10 });
    network.isolate(1n, 2n);
    network.tick(1n, 20);
    expect(network.member(1n).node.status()).toMatchObject({ role: 'follower', leader: 0n });
  });

  it('§6.2 one that hears a majority does not', () => {
    const network = led(5, { electionTicks: 10 });
    network.isolate(1n, 2n, 3n);
    network.tick(1n, 50);
    expect(network.member(1n).node.status().role).toBe('leader');
  });

  it('§9.6 a member that is cut off raises no term and is no disturbance afterwards', () => {
    const network = led(3, { electionTicks: 10 });
    network.isolate(3n);
    network.tick(3n, 100);
    expect(network.member(3n).node.status()).toMatchObject({ role: 'preCandidate', term: 1 });
    network.heal();
    network.tick(3n, 10);
    network.tick(1n, 1);
    expect(network.running.map(({ node }) => node.status().term)).toEqual([1, 1, 1]);
    expect(roles(network)).toEqual(['leader', 'follower', 'follower']);
  });

  it('§9.6 a pre-vote changes nothing at the one who is asked', () => {
    const network = led(3, { checkQuorum: false });
    const before = network.member(2n).node.status();
    inject(network, { type: 'preVote', from: 3n, to: 2n, term: 2, lastIndex: 99, lastTerm: 9 });
    expect(network.member(2n).node.status()).toEqual(before);
    expect(network.inFlight).toMatchObject([{ type: 'preVoteReply', term: 2, reject: false, to: 3n }]);
  });

  it('§9.6 whoever asks in an old term learns the new one', () => {
    const network = led(3, { preVote: true, checkQuorum: false });
    inject(network, { type: 'heartbeat', from: 1n, to: 2n, term: 7, commit: 0, context });
    network.inFlight.length = 0;
    inject(network, { type: 'preVote', from: 3n, to: 2n, term: 2, lastIndex: 99, lastTerm: 9 });
    expect(network.inFlight).toMatchObject([{ type: 'preVoteReply', term: 7, reject: true }]);
  });

  it('§9.6 late answers to a pre-vote are no votes', () => {
    const network = led(5, { checkQuorum: false });
    const candidate = network.member(2n);
    candidate.node.step({ type: 'timeoutNow', from: 1n, to: 2n, term: 1 });
    candidate.pump();
    expect(candidate.node.status()).toMatchObject({ role: 'candidate', term: 2 });
    for (const from of [3n, 4n, 5n]) inject(network, { type: 'preVoteReply', from, to: 2n, term: 2, reject: false });
    expect(candidate.node.status().role).toBe('candidate');
  });
});
