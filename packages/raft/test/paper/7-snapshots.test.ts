import { describe, expect, it } from 'vitest';
import { encodeChange } from '../../src/index.js';
import { bytes, inject, led, logOf, propose, sentBy } from './cluster.js';

const confState = { voters: [1n, 2n, 3n], learners: [] };

describe('§7 log compaction', () => {
  it('a follower that needs dropped entries gets a snapshot, and then the rest of the log', () => {
    const network = led(3);
    network.isolate(3n);
    propose(network, 1n, 'a', 'b', 'c');
    network.member(1n).compact();
    propose(network, 1n, 'd');
    network.heal();
    network.tick(1n, 3);
    propose(network, 1n, 'e');
    network.tick(1n);
    expect(logOf(network.member(3n))).toEqual(['6/1 e']);
    expect(network.member(3n).digest).toBe(network.member(1n).digest);
    expect(network.member(3n).applied).toBe(6);
  });

  it('a snapshot that ends inside the log only tells what is committed; what follows is kept', () => {
    const network = led(3);
    network.loses = ({ type }) => type === 'appendReply';
    propose(network, 1n, 'a', 'b');
    network.loses = () => false;
    const meta = { index: 2, term: 1, confState };
    inject(network, { type: 'snapshot', from: 1n, to: 2n, term: 1, snapshot: { meta, data: bytes('') } });
    expect(network.member(2n).node.status()).toMatchObject({ commit: 2, last: 3 });
    expect(network.member(2n).writes.some(({ persist }) => persist?.snapshot !== undefined)).toBe(false);
  });

  it('a snapshot in place of a conflicting log discards all of it', () => {
    const network = led(3);
    network.isolate(1n);
    propose(network, 1n, 'x', 'y', 'z', 'w');
    const meta = { index: 3, term: 2, confState };
    inject(network, { type: 'snapshot', from: 2n, to: 1n, term: 2, snapshot: { meta, data: new Uint8Array(4) } });
    network.settle();
    expect(network.member(1n).node.status()).toMatchObject({
      first: 4,
      last: 3,
      commit: 3,
      applied: 3,
      role: 'follower',
    });
  });

  it('an old snapshot takes nothing back', () => {
    const network = led(3);
    propose(network, 1n, 'a', 'b');
    network.tick(1n);
    const before = network.member(2n).node.status();
    const meta = { index: 1, term: 1, confState };
    inject(network, { type: 'snapshot', from: 1n, to: 2n, term: 1, snapshot: { meta, data: bytes('') } });
    expect(network.member(2n).node.status()).toEqual(before);
    while (network.member(2n).writes.length > 0) network.member(2n).write();
    expect(sentBy(network, 2n)).toMatchObject([{ type: 'appendReply', reject: false, index: 3 }]);
  });

  it('is acknowledged only once durable, restored only once durable, and applied from there', () => {
    const network = led(3);
    network.isolate(3n);
    propose(network, 1n, 'a', 'b');
    const snapshot = network.member(1n).snapshot();
    const member = network.member(3n);
    inject(network, { type: 'snapshot', from: 1n, to: 3n, term: 1, snapshot });
    expect(sentBy(network, 3n)).toEqual([]);
    expect(member.applications).toEqual([]);
    expect(member.node.status()).toMatchObject({ commit: 3, applied: 1 });
    member.write();
    expect(sentBy(network, 3n)).toMatchObject([{ type: 'appendReply', index: 3, reject: false }]);
    expect(member.applications).toEqual([{ restore: snapshot }]);
    member.apply();
    expect(member.node.status()).toMatchObject({ applied: 3, first: 4 });
  });

  it('its configuration takes effect when it is restored: changes before it are still made on the old one', () => {
    const network = led(3);
    const member = network.member(3n);
    const step = { action: 'addLearner', node: 4n } as const;
    const change = { kind: 'change', id: 1n, step, context: bytes('') } as const;
    const entries = [{ index: 2, term: 1, kind: 'change', data: encodeChange(change) }] as const;
    inject(network, { type: 'append', from: 1n, to: 3n, term: 1, prevIndex: 1, prevTerm: 1, entries, commit: 2 });
    member.write();
    const meta = { index: 9, term: 1, confState: { voters: [3n, 5n], learners: [] } };
    inject(network, { type: 'snapshot', from: 1n, to: 3n, term: 1, snapshot: { meta, data: new Uint8Array(4) } });
    expect(member.applications).toMatchObject([{ entries: [{ index: 2 }] }]);
    member.apply();
    expect(member.confState).toEqual({ voters: [1n, 2n, 3n], learners: [4n] });
    member.write();
    member.apply();
    expect(member.node.confState).toEqual({ voters: [3n, 5n], learners: [] });
  });

  it('a member that has not restored its snapshot yet does not campaign', () => {
    const network = led(3, { preVote: false });
    network.isolate(3n);
    propose(network, 1n, 'a', 'b');
    const member = network.member(3n);
    inject(network, { type: 'snapshot', from: 1n, to: 3n, term: 1, snapshot: network.member(1n).snapshot() });
    member.node.campaign();
    expect(member.node.status()).toMatchObject({ role: 'follower', term: 1 });
    member.write();
    member.node.campaign();
    expect(member.node.status().role).toBe('follower');
    member.apply();
    member.node.campaign();
    expect(member.node.status().role).toBe('candidate');
  });
});
