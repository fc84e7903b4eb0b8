import { describe, expect, it } from 'vitest';
import { cluster, elect, inject, led, propose, sentBy } from './cluster.js';

const nothing = new Uint8Array(0);

describe('§5.1 terms', () => {
  it('a server that sees a larger term takes it over', () => {
    const network = cluster(3);
    inject(network, { type: 'heartbeat', from: 2n, to: 1n, term: 7, commit: 0, context: nothing });
    expect(network.member(1n).node.status()).toMatchObject({ term: 7, leader: 2n, role: 'follower' });
  });

  it('a candidate or leader that learns its term is over becomes a follower at once', () => {
    const leader = led(3);
    inject(leader, { type: 'append', from: 2n, to: 1n, term: 9, prevIndex: 0, prevTerm: 0, entries: [], commit: 0 });
    expect(leader.member(1n).node.status()).toMatchObject({ role: 'follower', leader: 2n, term: 9 });

    const candidate = cluster(3, { preVote: false });
    candidate.member(1n).node.campaign();
    candidate.member(1n).pump();
    inject(candidate, { type: 'voteReply', from: 2n, to: 1n, term: 5, reject: true });
    expect(candidate.member(1n).node.status()).toMatchObject({ role: 'follower', term: 5, leader: 0n });
  });

  it('requests of an earlier term change nothing', () => {
    const network = led(3);
    elect(network, 1n);
    network.member(2n).node.step({ type: 'timeoutNow', from: 1n, to: 2n, term: 1 });
    network.settle();
    const { term } = network.member(2n).node.status();
    propose(network, 2n, 'a');
    const before = network.member(3n).node.status();
    expect(before.term).toBe(term);
    const entries = [{ index: 2, term: 1, kind: 'normal', data: Uint8Array.of(9) }] as const;
    inject(network, { type: 'append', from: 1n, to: 3n, term: 1, prevIndex: 1, prevTerm: 1, entries, commit: 2 });
    inject(network, { type: 'heartbeat', from: 1n, to: 3n, term: 1, commit: 1, context: nothing });
    inject(network, { type: 'vote', from: 1n, to: 3n, term: 1, lastIndex: 99, lastTerm: 99, transfer: true });
    expect(network.member(3n).node.status()).toEqual(before);
  });

  it('but a leader of an earlier term is told which term it is', () => {
    const network = led(3);
    network.isolate(3n);
    inject(network, { type: 'heartbeat', from: 2n, to: 3n, term: 4, commit: 0, context: nothing });
    sentBy(network, 3n);
    inject(network, { type: 'heartbeat', from: 1n, to: 3n, term: 1, commit: 0, context: nothing });
    while (network.member(3n).writes.length > 0) network.member(3n).write();
    expect(sentBy(network, 3n)).toMatchObject([{ type: 'appendReply', to: 1n, term: 4 }]);
  });
});
