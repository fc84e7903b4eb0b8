import { describe, expect, it } from 'vitest';
import { bytes, cluster, elect, inject, led, logOf, propose, sentBy } from './cluster.js';

describe('§5.3 log replication', () => {
  it('appends, replicates, commits and applies everywhere, in order', () => {
    const network = led(3);
    propose(network, 1n, 'a', 'b');
    propose(network, 1n, 'c');
    network.tick(1n);
    for (const member of network.running) {
      expect(logOf(member)).toEqual(['1/1', '2/1 a', '3/1 b', '4/1 c']);
      expect(member.applied).toBe(4);
    }
    expect(new Set(network.running.map(({ digest }) => digest)).size).toBe(1);
  });

  it('commits once a majority has it on disk, however slow the rest', () => {
    const network = led(5);
    network.isolate(4n, 5n);
    propose(network, 1n, 'a');
    expect(network.member(1n).node.status().commit).toBe(2);
    network.isolate(3n);
    propose(network, 1n, 'b');
    expect(network.member(1n).node.status()).toMatchObject({ last: 3, commit: 2 });
  });

  it('keeps trying until every follower has every entry', () => {
    const network = led(3);
    network.loses = ({ type, to }) => type === 'append' && to === 3n;
    propose(network, 1n, 'a', 'b');
    expect(network.member(3n).node.status().last).toBe(1);
    network.loses = () => false;
    network.tick(1n);
    expect(logOf(network.member(3n))).toEqual(['1/1', '2/1 a', '3/1 b']);
  });

  it('acknowledges nothing before it is on the disk', () => {
    const network = led(3);
    network.stallDisk(2n);
    network.stallDisk(3n);
    propose(network, 1n, 'a');
    expect(network.member(2n).node.status().last).toBe(2);
    expect(network.member(1n).node.status().commit).toBe(1);
    network.resumeDisk(2n);
    network.settle();
    expect(network.member(1n).node.status().commit).toBe(2);
  });

  it('a follower refuses entries that do not follow its log, and says where the logs may meet', () => {
    const network = led(3);
    const entry = (index: number) => ({ index, term: 1, kind: 'normal', data: bytes('x') }) as const;
    const append = { type: 'append', from: 1n, to: 2n, term: 1, prevTerm: 1, commit: 0 } as const;
    inject(network, { ...append, prevIndex: 5, entries: [entry(6)] });
    while (network.member(2n).writes.length > 0) network.member(2n).write();
    expect(sentBy(network, 2n)).toMatchObject([
      { type: 'appendReply', reject: true, index: 5, hintIndex: 1, hintTerm: 1 },
    ]);
    expect(network.member(2n).node.status().last).toBe(1);
  });

  it('takes the same entries twice without harm, and keeps what follows them', () => {
    const network = led(3);
    propose(network, 1n, 'a', 'b', 'c');
    const late = { type: 'append', from: 1n, to: 2n, term: 1, prevIndex: 1, prevTerm: 1, commit: 0 } as const;
    inject(network, { ...late, entries: network.member(1n).node.entries(2, 3) });
    network.settle();
    expect(logOf(network.member(2n))).toEqual(['1/1', '2/1 a', '3/1 b', '4/1 c']);
  });

  it.each([
    { name: '(a) lacks entries', own: [1, 1, 1, 4, 4, 5, 5, 6, 6] },
    { name: '(b) lacks more', own: [1, 1, 1, 4] },
    { name: '(c) has an entry too many', own: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6] },
    { name: '(d) has a later term too', own: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7] },
    { name: '(e) has other ones and lacks some', own: [1, 1, 1, 4, 4, 4, 4] },
    { name: '(f) led in two terms nobody else heard of', own: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3] },
  ])('figure 7 $name: the leader makes it agree', ({ own }) => {
    const leaders = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    const network = cluster(3, { preVote: false, checkQuorum: false });
    const fill = (id: bigint, terms: readonly number[]): void => {
      const member = network.member(id);
      const entries = terms.map(
        (term, i) => ({ index: i + 1, term, kind: 'normal', data: bytes(`${term}.${i}`) }) as const,
      );
      const base = {
        type: 'append',
        from: id === 3n ? 2n : 3n,
        to: id,
        term: terms.at(-1)!,
        prevIndex: 0,
        prevTerm: 0,
        commit: 0,
      } as const;
      member.node.step({ ...base, entries });
      member.pump();
      while (member.writes.length > 0) member.write();
      network.inFlight.length = 0;
    };
    fill(1n, leaders);
    fill(2n, own);
    fill(3n, leaders);
    network.isolate(2n);
    // Term 7 has been; the leader of the figure is that of term 8.
    for (const to of [1n, 3n]) {
      inject(network, { type: 'heartbeat', from: 4n - to, to, term: 7, commit: 0, context: bytes('') });
    }
    network.inFlight.length = 0;
    elect(network, 1n);
    expect(network.member(1n).node.status()).toMatchObject({ role: 'leader', term: 8 });
    network.heal();
    for (let i = 0; i < 5; i++) network.tick(1n);
    expect(network.member(2n).node.status().last).toBe(11);
    expect(logOf(network.member(2n))).toEqual(logOf(network.member(1n)));
  });

  it('a leader never replaces or drops its own entries', () => {
    const network = led(3);
    propose(network, 1n, 'a');
    const before = logOf(network.member(1n));
    const entries = [{ index: 2, term: 1, kind: 'normal', data: bytes('z') }] as const;
    expect(() =>
      inject(network, { type: 'append', from: 2n, to: 1n, term: 1, prevIndex: 1, prevTerm: 1, entries, commit: 2 }),
    ).not.toThrow();
    expect(logOf(network.member(1n))).toEqual(before);
  });

  it('a follower learns of a commit only as far as its log agrees with the leader', () => {
    const network = cluster(3);
    const append = { type: 'append', from: 1n, to: 2n, term: 2, prevIndex: 0, prevTerm: 0 } as const;
    const old = { index: 2, term: 1, kind: 'normal', data: bytes('old') } as const;
    const first = { index: 1, term: 1, kind: 'normal', data: bytes('a') } as const;
    inject(network, { ...append, term: 1, entries: [first, old], commit: 0 });
    // The leader of term 2 has something else at 2, committed; this append covers only 1.
    inject(network, { ...append, entries: [first], commit: 2 });
    expect(network.member(2n).node.status().commit).toBe(1);
  });
});
