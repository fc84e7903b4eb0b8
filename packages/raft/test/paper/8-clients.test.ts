import { describe, expect, it } from 'vitest';
import { cluster, elect, led, logOf, propose } from './cluster.js';

const context = (id: number): Uint8Array => Uint8Array.of(id);

describe('§8 client interaction, dissertation §6.4', () => {
  it('a follower passes proposals on to the leader', () => {
    const network = led(3);
    expect(network.member(2n).node.propose([Uint8Array.of(65)])).toEqual({ accepted: 1 });
    network.member(2n).pump();
    network.settle();
    expect(logOf(network.member(1n))).toEqual(['1/1', '2/1 A']);
  });

  it('without a leader nothing is taken', () => {
    expect(
      cluster(3)
        .member(2n)
        .node.propose([Uint8Array.of(65)]),
    ).toEqual({ accepted: 0, refused: 'noLeader' });
  });

  it('a new leader commits an entry of its own term at once', () => {
    const network = led(3);
    expect(network.member(1n).node.status()).toMatchObject({ last: 1, commit: 1 });
    expect(logOf(network.member(1n))).toEqual(['1/1']);
  });

  it('a read sees what was committed before it, once a majority has confirmed the leader', () => {
    const network = led(3);
    propose(network, 1n, 'a');
    const { node } = network.member(1n);
    node.readIndex(context(1));
    network.member(1n).pump();
    expect(network.member(1n).reads).toEqual([]);
    network.settle();
    expect(network.member(1n).reads).toEqual([{ context: context(1), index: 2 }]);
  });

  it('a leader that has been replaced confirms nothing', () => {
    const network = led(3, { checkQuorum: false });
    network.isolate(1n);
    elect(network, 2n);
    propose(network, 2n, 'b');
    network.member(1n).node.readIndex(context(1));
    network.settle();
    network.tick(1n, 5);
    expect(network.member(1n).reads).toEqual([]);
    network.heal();
    network.tick(1n, 1);
    network.tick(2n, 1);
    expect(network.member(1n).reads).toEqual([]);
  });

  it('one answer confirms every read asked before its round began, and none asked after', () => {
    const network = led(3);
    const { node } = network.member(1n);
    network.loses = ({ type }) => type === 'heartbeatReply';
    node.readIndex(context(1));
    network.settle();
    network.loses = () => false;
    network.isolate(1n);
    node.readIndex(context(2));
    network.settle();
    network.heal();
    // The answer to the first round arrives only now.
    const round = new Uint8Array(8);
    round[7] = 1;
    node.step({ type: 'heartbeatReply', from: 2n, to: 1n, term: 1, context: round });
    network.member(1n).pump();
    expect(network.member(1n).reads).toEqual([{ context: context(1), index: 1 }]);
  });

  it('a new leader answers no read before it has committed in its term', () => {
    const network = led(3, { preVote: false, checkQuorum: false });
    propose(network, 1n, 'a');
    network.loses = ({ type }) => type === 'append';
    elect(network, 2n);
    network.member(2n).node.readIndex(context(1));
    network.settle();
    network.tick(2n, 2);
    expect(network.member(2n).reads).toEqual([]);
    network.loses = () => false;
    network.tick(2n, 2);
    expect(network.member(2n).reads).toEqual([{ context: context(1), index: 3 }]);
  });

  it('a follower asks the leader', () => {
    const network = led(3);
    propose(network, 1n, 'a');
    expect(network.member(3n).node.readIndex(context(7))).toBe(true);
    network.settle();
    expect(network.member(3n).reads).toEqual([{ context: context(7), index: 2 }]);
    expect(cluster(3).member(3n).node.readIndex(context(7))).toBe(false);
  });

  it('a single voter is its own majority', () => {
    const network = led(1);
    propose(network, 1n, 'a');
    const { node } = network.member(1n);
    node.readIndex(context(1));
    expect(node.ready()?.reads).toEqual([{ context: context(1), index: 2 }]);
  });
});
