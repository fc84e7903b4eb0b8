import { describe, expect, it } from 'vitest';
import { elect, led, logOf, propose } from './cluster.js';

describe('§5.5 crashes', () => {
  it('requests to a crashed member are tried again until it is back', () => {
    const network = led(3);
    network.member(3n).crash();
    propose(network, 1n, 'a', 'b');
    network.member(3n).restart();
    network.tick(1n, 3);
    expect(logOf(network.member(3n))).toEqual(['1/1', '2/1 a', '3/1 b']);
    expect(network.member(3n).applied).toBe(3);
  });

  it('a member comes back with its term, its vote and its log', () => {
    const network = led(3);
    propose(network, 1n, 'a');
    network.tick(1n, 2);
    const { term, vote, last } = network.member(2n).node.status();
    network.member(2n).crash();
    network.member(2n).restart();
    expect(network.member(2n).node.status()).toMatchObject({ term, vote, last, role: 'follower', leader: 0n });
  });

  it('whatever a client was told survives when everybody crashes at once', () => {
    const network = led(3);
    propose(network, 1n, 'a', 'b', 'c');
    expect(network.member(1n).applied).toBe(4);
    for (const member of network.running) member.crash();
    for (const member of network.members.values()) member.restart();
    network.settle();
    elect(network, 2n);
    propose(network, 2n, 'd');
    network.tick(2n);
    expect(network.member(2n).applied).toBe(6);
    expect(logOf(network.member(1n)).slice(0, 4)).toEqual(['1/1', '2/1 a', '3/1 b', '4/1 c']);
  });

  it('a member that forgot what it acknowledged says so and stops', () => {
    const network = led(3);
    propose(network, 1n, 'a', 'b');
    network.tick(1n);
    // Its disk is gone: the process starts with nothing, under the old id.
    network.add(2n, { voters: [1n, 2n, 3n], learners: [] });
    expect(() => network.tick(1n)).toThrow(expect.objectContaining({ code: 'LOG_LOST' }));
  });
});
