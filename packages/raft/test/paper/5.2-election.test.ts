import { SeededRandom } from '@kontiki/std';
import { describe, expect, it } from 'vitest';
import { Network } from '../../src/testing/network.js';
import { cluster, elect, inject, led, roles, sentBy } from './cluster.js';

describe('§5.2 leader election', () => {
  it('starts as a follower and campaigns when it hears nothing for an election timeout', () => {
    const network = cluster(3, { electionTicks: 10 });
    expect(roles(network)).toEqual(['follower', 'follower', 'follower']);
    network.tick(1n, 9);
    expect(network.member(1n).node.status()).toMatchObject({ role: 'follower', term: 0 });
    network.tick(1n, 1);
    expect(network.member(1n).node.status()).toMatchObject({ role: 'leader', term: 1, vote: 1n });
  });

  it('stays a follower as long as a leader speaks', () => {
    const network = led(3, { electionTicks: 10 });
    for (let i = 0; i < 50; i++) {
      network.tick(2n, 3);
      network.tick(1n, 1);
    }
    expect(roles(network)).toEqual(['leader', 'follower', 'follower']);
    expect(network.member(2n).node.status().term).toBe(1);
  });

  it('votes once in a term, first come first served, also after a crash', () => {
    const network = cluster(3, { preVote: false });
    const ask = { type: 'vote', to: 3n, term: 1, lastIndex: 0, lastTerm: 0, transfer: false } as const;
    inject(network, { ...ask, from: 1n });
    network.settle();
    network.inFlight.length = 0;
    network.member(3n).crash();
    network.member(3n).restart();
    inject(network, { ...ask, from: 2n });
    inject(network, { ...ask, from: 1n });
    while (network.member(3n).writes.length > 0) network.member(3n).write();
    expect(sentBy(network, 3n)).toMatchObject([
      { type: 'voteReply', to: 2n, reject: true },
      { type: 'voteReply', to: 1n, reject: false },
    ]);
  });

  it('gives no vote away before it is on the disk', () => {
    const network = cluster(3, { preVote: false });
    inject(network, { type: 'vote', from: 1n, to: 3n, term: 1, lastIndex: 0, lastTerm: 0, transfer: false });
    expect(sentBy(network, 3n)).toEqual([]);
    expect(network.member(3n).writes[0]?.persist).toMatchObject({ hardState: { term: 1, vote: 1n }, mustSync: true });
    network.member(3n).write();
    expect(sentBy(network, 3n)).toMatchObject([{ type: 'voteReply', to: 1n, term: 1, reject: false }]);
  });

  it('asks for no vote before its own is on the disk', () => {
    const network = cluster(3, { preVote: false });
    network.member(1n).node.campaign();
    network.member(1n).pump();
    expect(network.inFlight).toEqual([]);
    network.member(1n).write();
    expect(network.inFlight.map(({ type, to }) => `${type} ${to}`)).toEqual(['vote 2', 'vote 3']);
  });

  it('needs a majority of the whole cluster, itself included', () => {
    const network = cluster(5, { preVote: false });
    network.isolate(1n, 2n);
    elect(network, 1n);
    expect(network.member(1n).node.status()).toMatchObject({ role: 'candidate', term: 1 });
    network.heal();
    network.isolate(1n, 2n, 3n);
    elect(network, 1n);
    expect(network.member(1n).node.status()).toMatchObject({ role: 'leader', term: 2 });
  });

  it('gives up when a majority refuses', () => {
    const network = cluster(3, { preVote: false });
    network.member(1n).node.campaign();
    network.member(1n).pump();
    network.member(1n).write();
    for (const from of [2n, 3n]) inject(network, { type: 'voteReply', from, to: 1n, term: 1, reject: true });
    expect(network.member(1n).node.status()).toMatchObject({ role: 'follower', term: 1, leader: 0n });
  });

  it('a candidate follows whoever else won the term', () => {
    const network = cluster(3, { preVote: false });
    network.member(1n).node.campaign();
    network.member(1n).pump();
    inject(network, { type: 'heartbeat', from: 2n, to: 1n, term: 1, commit: 0, context: new Uint8Array(0) });
    expect(network.member(1n).node.status()).toMatchObject({ role: 'follower', leader: 2n, term: 1, vote: 1n });
  });

  it('a new leader speaks at once, so that nobody else campaigns', () => {
    const network = cluster(3, { preVote: false });
    const member = network.member(1n);
    member.node.campaign();
    member.pump();
    member.write();
    sentBy(network, 1n);
    inject(network, { type: 'voteReply', from: 2n, to: 1n, term: 1, reject: false });
    expect(sentBy(network, 1n).map(({ type, to }) => `${type} ${to}`)).toEqual(['append 2', 'append 3']);
  });

  it('draws its timeout anew between one and two election timeouts, so that split votes end', () => {
    const drawn = new Set<number>();
    for (let seed = 0; seed < 200; seed++) {
      const network = new Network({
        confState: { voters: [1n, 2n, 3n], learners: [] },
        random: new SeededRandom(seed),
        raft: { electionTicks: 10, preVote: false },
      });
      const { node } = network.member(1n);
      let ticks = 0;
      while (node.status().role === 'follower') {
        node.tick();
        ticks++;
      }
      drawn.add(ticks);
    }
    expect([...drawn].sort((a, b) => a - b)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });

  it('a tie is resolved in a later term', () => {
    const network = new Network({
      confState: { voters: [1n, 2n, 3n, 4n], learners: [] },
      random: new SeededRandom(3),
      raft: { preVote: false },
    });
    for (const id of [1n, 2n]) network.member(id).node.campaign();
    for (const id of [1n, 2n]) {
      network.member(id).pump();
      network.member(id).write();
    }
    // 1 asks 3 first, 2 asks 4 first: two votes each.
    network.inFlight.sort(
      (a, b) => (a.from + a.to === 4n || a.from + a.to === 6n ? -1 : 1) - (b.from + b.to === 4n ? -1 : 1),
    );
    network.settle();
    for (let i = 0; i < 60 && !roles(network).includes('leader'); i++) {
      for (const { node } of network.running) node.tick();
      network.settle();
    }
    expect(roles(network).filter((role) => role === 'leader')).toHaveLength(1);
  });
});
