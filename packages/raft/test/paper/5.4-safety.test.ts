import { describe, expect, it } from 'vitest';
import { bytes, cluster, elect, inject, led, logOf, propose, sentBy } from './cluster.js';

describe('§5.4 safety', () => {
  it.each([
    { lastTerm: 2, lastIndex: 1, reject: false, why: 'a later last term wins, however short the log' },
    { lastTerm: 1, lastIndex: 9, reject: false, why: 'same last term: the longer log wins' },
    { lastTerm: 1, lastIndex: 3, reject: false, why: 'equal logs are as complete' },
    { lastTerm: 1, lastIndex: 2, reject: true, why: 'a shorter log loses' },
    { lastTerm: 0, lastIndex: 9, reject: true, why: 'an earlier last term loses, however long the log' },
  ])('§5.4.1 voters refuse a candidate whose log is less complete: $why', ({ lastTerm, lastIndex, reject }) => {
    const network = led(3, { checkQuorum: false });
    propose(network, 1n, 'a', 'b');
    inject(network, { type: 'vote', from: 2n, to: 3n, term: 5, lastIndex, lastTerm, transfer: false });
    while (network.member(3n).writes.length > 0) network.member(3n).write();
    expect(sentBy(network, 3n)).toMatchObject([{ type: 'voteReply', term: 5, reject }]);
  });

  it('§5.4.1 so whoever is elected has every committed entry', () => {
    const network = led(3, { preVote: false, checkQuorum: false });
    network.isolate(3n);
    propose(network, 1n, 'a');
    network.heal();
    elect(network, 3n);
    expect(network.member(3n).node.status().role).toBe('follower');
    elect(network, 2n);
    expect(network.member(2n).node.status().role).toBe('leader');
    expect(logOf(network.member(2n))).toContain('2/1 a');
  });

  it('§5.4.2 an entry of an earlier term is not committed by counting copies (figure 8 c)', () => {
    const network = cluster(3, { preVote: false, checkQuorum: false });
    const old = { index: 1, term: 1, kind: 'normal', data: bytes('old') } as const;
    const append = { type: 'append', from: 3n, term: 1, prevIndex: 0, prevTerm: 0, entries: [old], commit: 0 } as const;
    inject(network, { ...append, to: 1n });
    network.settle();
    network.inFlight.length = 0;
    elect(network, 1n);
    // In this run nobody has got the new term's entry: only the old one is acknowledged.
    network.member(1n).crash();
    network.member(1n).restart();
    network.loses = ({ type }) => type === 'append';
    elect(network, 1n);
    const { term, last } = network.member(1n).node.status();
    expect(last).toBeGreaterThan(1);
    const reply = { type: 'appendReply', to: 1n, term, index: 1, reject: false, hintIndex: 0, hintTerm: 0 } as const;
    const before = network.member(1n).node.status().commit;
    inject(network, { ...reply, from: 2n });
    inject(network, { ...reply, from: 3n });
    expect(network.member(1n).node.status().commit).toBe(before);
    inject(network, { ...reply, from: 2n, index: last });
    expect(network.member(1n).node.status().commit).toBe(last);
  });

  it('§5.4.3 members apply the same entries at the same indexes', () => {
    const network = led(5);
    for (const data of ['a', 'b', 'c']) {
      network.isolate(BigInt((data.charCodeAt(0) % 4) + 2));
      propose(network, 1n, data);
      network.heal();
    }
    network.tick(1n, 3);
    const [first, ...others] = network.running.map(({ applied, digest }) => `${applied} ${digest}`);
    for (const other of others) expect(other).toBe(first);
  });
});
