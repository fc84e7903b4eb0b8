import { describe, expect, it } from 'vitest';
import { command, drain, stateOf, World } from './world.js';

describe('one voter', () => {
  it('wins as soon as its vote is durable, and takes proposals', async () => {
    const world = new World(1);
    await world.elect(1n);
    const outcome = world.propose(1n, 'a');
    await world.settle();
    expect(await outcome).toBe(2);
    expect(world.host(1n)).toMatchObject({ list: ['a'], states: ['candidate 1 0', 'leader 1 1'] });
    expect(world.host(1n).driver.status()).toMatchObject({ role: 'leader', commit: 2, applied: 2, first: 1, last: 2 });
  });

  it('proposals of one turn are one batch, one write and one apply', async () => {
    const world = new World(1);
    await world.elect(1n);
    const host = world.host(1n);
    const [batches, applies] = [host.batches.length, host.applyCalls];
    const outcomes = Array.from({ length: 1000 }, (_, i) => world.propose(1n, `${i}`));
    await world.settle();
    expect(await Promise.all(outcomes)).toEqual(Array.from({ length: 1000 }, (_, i) => i + 2));
    expect(host.batches.slice(batches)).toMatchObject([{ mustSync: true, entries: { length: 1000 } }]);
    expect(host.applyCalls - applies).toBe(1);
  });

  it('nothing is applied, and nobody told, before the entry is on the disk', async () => {
    const world = new World(1);
    await world.elect(1n);
    const host = world.host(1n);
    const outcome = world.propose(1n, 'a');
    while (host.turns.length > 0) host.turn();
    expect(await stateOf(outcome)).toBe('pending');
    expect(host.list).toEqual([]);
    expect(host.driver.applied.value).toBe(1);
    host.write();
    await world.settle();
    expect(await outcome).toBe(2);
    expect(host.driver.applied.value).toBe(2);
  });

  it('joins what arrives while it may not write more', async () => {
    const world = new World(1, { maxWritesInFlight: 1 });
    await world.elect(1n);
    const host = world.host(1n);
    const count = host.batches.length;
    const run = (): void => {
      while (host.turns.length > 0) host.turn();
    };
    const outcomes = ['a', 'b', 'c', 'd'].map((text) => {
      const outcome = world.propose(1n, text);
      run();
      return outcome;
    });
    expect(host.batches).toHaveLength(count + 1);
    await world.settle();
    await Promise.all(outcomes);
    expect(host.batches.slice(count).map(({ entries }) => entries.length)).toEqual([1, 3]);
  });

  it('a read is answered in the turn it is asked', async () => {
    const world = new World(1);
    await world.elect(1n);
    world.propose(1n, 'a');
    await world.settle();
    const reads = [world.read(1n), world.read(1n)];
    world.host(1n).turn();
    expect(await Promise.all(reads)).toEqual([2, 2]);
  });

  it('goes on where it was after a crash', async () => {
    const world = new World(1);
    await world.elect(1n);
    for (const text of ['a', 'b']) world.propose(1n, text);
    await world.settle();
    const lost = world.propose(1n, 'lost');
    while (world.host(1n).turns.length > 0) world.host(1n).turn();
    world.host(1n).crash();
    expect(await stateOf(lost)).toBe('STOPPED');
    world.host(1n).restart();
    await world.elect(1n);
    expect(world.host(1n).list).toEqual(['a', 'b']);
    expect(world.host(1n).driver.status()).toMatchObject({ term: 2, role: 'leader' });
  });
});

describe('three voters', () => {
  it('apply the same list, whoever is asked', async () => {
    const world = new World(3);
    await world.elect(1n);
    const outcomes = [world.propose(1n, 'a'), world.propose(2n, 'b'), world.propose(3n, 'c')];
    await world.settle();
    world.host(1n).clock.tick();
    await world.settle();
    expect([...(await Promise.all(outcomes))].sort()).toEqual([2, 3, 4]);
    for (const { list } of world.hosts) expect(list).toEqual(world.host(1n).list);
    expect([...world.host(1n).list].sort()).toEqual(['a', 'b', 'c']);
  });

  it('reads that wait together share one round', async () => {
    const world = new World(3);
    await world.elect(1n);
    world.propose(1n, 'a');
    await world.settle();
    for (const id of [1n, 2n]) {
      const reads = Array.from({ length: 50 }, () => world.read(id));
      world.host(id).turn();
      world.deliver();
      world.host(1n).turn();
      expect(world.net.filter(({ type }) => type === 'heartbeat').length).toBeLessThanOrEqual(2);
      await world.settle();
      expect(new Set(await Promise.all(reads))).toEqual(new Set([2]));
    }
  });

  it('what waits for a leader is taken when there is one', async () => {
    const world = new World(3);
    const outcome = world.propose(2n, 'early');
    const read = world.read(3n);
    await world.settle();
    expect(await stateOf(outcome)).toBe('pending');
    await world.elect(1n);
    for (let i = 0; i < 3; i++) {
      world.host(1n).clock.tick();
      await world.settle();
    }
    expect(await outcome).toBe(2);
    expect(await read).toBeGreaterThanOrEqual(1);
  });

  it('without a leader waiting ends with NO_LEADER', async () => {
    const world = new World(3, { waitTicks: 5, raft: { id: 9n, electionTicks: 50 } });
    const outcome = world.propose(2n, 'a');
    const read = world.read(2n);
    for (let i = 0; i < 6; i++) world.host(2n).clock.tick();
    expect(await stateOf(outcome)).toBe('NO_LEADER');
    expect(await stateOf(read)).toBe('NO_LEADER');
  });

  it('a proposal that was given to a leader and not applied in time may still be', async () => {
    const world = new World(3, { waitTicks: 5, raft: { id: 9n, checkQuorum: false } });
    await world.elect(1n);
    const outcome = world.propose(1n, 'a');
    world.host(1n).turn();
    world.net = [];
    for (let i = 0; i < 6; i++) world.host(1n).clock.tick();
    expect(await stateOf(outcome)).toBe('PROPOSAL_TIMED_OUT');
    await world.settle();
    expect(world.host(1n).list).toEqual(['a']);
  });

  it('when the leader changes, proposals and reads it was given fail at once', async () => {
    const world = new World(3);
    await world.elect(1n);
    const outcome = world.propose(1n, 'a');
    const read = world.read(1n);
    world.host(1n).turn();
    world.net = [];
    const later = world.host(2n).driver;
    later.receive({ type: 'timeoutNow', from: 1n, to: 2n, term: 1 });
    await world.settle();
    expect(world.host(1n).states.at(-1)).toBe('follower 2 2');
    expect(await stateOf(outcome)).toBe('LEADER_CHANGED');
    expect(await stateOf(read)).toBe('LEADER_CHANGED');
  });

  it('a lost question is asked again, an old answer confirms nothing new', async () => {
    const world = new World(3, { readRetryTicks: 2 });
    await world.elect(1n);
    const read = world.read(2n);
    world.host(2n).turn();
    expect(world.net.map(({ type }) => type)).toEqual(['readIndex']);
    const [lost] = world.net.splice(0);
    for (let i = 0; i < 4; i++) world.host(2n).clock.tick();
    world.host(2n).turn();
    const [asked] = world.net;
    expect(asked).toMatchObject({ type: 'readIndex', to: 1n });
    expect(asked).not.toEqual(lost);
    await world.settle();
    expect(await read).toBe(1);
  });

  it('transfers leadership, and proposals made meanwhile go to the new leader', async () => {
    const world = new World(3);
    await world.elect(1n);
    world.host(1n).driver.transferLeadership(2n);
    const outcome = world.propose(1n, 'a');
    await world.settle();
    for (let i = 0; i < 2; i++) {
      world.host(2n).clock.tick();
      await world.settle();
    }
    expect(world.host(2n).driver.status().role).toBe('leader');
    expect(await outcome).toBe(3);
  });

  it('what is meant for one term of one leader goes to no other', async () => {
    const world = new World(3);
    await world.elect(1n);
    const taken = world.host(1n).driver.proposeInTerm(71n, command(71n, 'a'), 1);
    await world.settle();
    expect(await taken).toBe(2);
    const earlier = world.host(1n).driver.proposeInTerm(72n, command(72n, 'b'), 0);
    earlier.catch(() => {});
    const elsewhere = world.host(2n).driver.proposeInTerm(73n, command(73n, 'c'), 1);
    elsewhere.catch(() => {});
    await world.settle();
    expect(await stateOf(earlier)).toBe('LEADER_CHANGED');
    expect(await stateOf(elsewhere)).toBe('LEADER_CHANGED');
    // Waiting for a transfer to end, it must not reach the leader that comes out of it.
    world.host(1n).driver.transferLeadership(2n);
    world.host(1n).turn();
    const waiting = world.host(1n).driver.proposeInTerm(74n, command(74n, 'd'), 1);
    waiting.catch(() => {});
    await world.settle();
    for (let i = 0; i < 2; i++) {
      world.host(2n).clock.tick();
      await world.settle();
    }
    expect(world.host(2n).driver.status().role).toBe('leader');
    expect(await stateOf(waiting)).toBe('LEADER_CHANGED');
    expect(world.host(3n).list).toEqual(['a']);
  });
});

describe('snapshots', () => {
  it('are saved every so many entries; the writer is told what it may drop, the log keeps some for the slow', async () => {
    const world = new World(1, { snapshotEveryEntries: 10, catchUpEntries: 4 });
    await world.elect(1n);
    for (let i = 0; i < 25; i++) {
      world.propose(1n, `${i}`);
      await world.settle();
    }
    const host = world.host(1n);
    expect(host.batches.flatMap(({ compacted }) => compacted ?? []).map(({ index }) => index)).toEqual([10, 20]);
    expect(host.driver.status()).toMatchObject({ first: 17, last: 26 });
    expect(host.disk.recover()).toMatchObject({ snapshot: { index: 20, term: 1 }, entries: { length: 6 } });
    host.crash();
    host.restart();
    await world.elect(1n);
    expect(host.list).toEqual(Array.from({ length: 25 }, (_, i) => `${i}`));
  });

  it('what is kept for slow members is bounded in bytes too', async () => {
    const world = new World(1, { snapshotEveryEntries: 10, catchUpEntries: 1000, catchUpBytes: 3 * (24 + 8 + 1) });
    await world.elect(1n);
    for (let i = 0; i < 9; i++) world.propose(1n, `${i}`);
    await world.settle();
    expect(world.host(1n).driver.status()).toMatchObject({ first: 8, last: 10 });
  });

  it('bring a member up that is too far behind, and survive its crash', async () => {
    const world = new World(3, { snapshotEveryEntries: 5, catchUpEntries: 0 });
    await world.elect(1n);
    world.host(3n).crash();
    for (let i = 0; i < 20; i++) {
      world.propose(1n, `${i}`);
      await world.settle();
    }
    world.host(3n).restart();
    for (let i = 0; i < 3; i++) {
      world.host(1n).clock.tick();
      await world.settle();
    }
    expect(world.host(3n).list).toEqual(world.host(1n).list);
    expect(world.host(3n).driver.status().first).toBeGreaterThan(15);
    world.host(3n).crash();
    world.host(3n).restart();
    await world.settle();
    expect(world.host(3n).list).toEqual(world.host(1n).list);
  });

  it('an older mark is never written behind a newer one', async () => {
    const world = new World(3, { snapshotEveryEntries: 5, catchUpEntries: 0 });
    await world.elect(1n);
    const slow = world.host(3n);
    let release = (): void => {};
    slow.slow = () => new Promise((resolve) => (release = resolve));
    for (let i = 0; i < 6; i++) world.propose(1n, `${i}`);
    await world.settle();
    world.host(1n).clock.tick();
    await world.settle();
    const firstSave = release;
    // It misses a lot, and is sent a snapshot while its own, older one is still being saved.
    const isolated = world.hosts.filter(({ id }) => id !== 3n);
    for (let i = 6; i < 30; i++) {
      world.propose(1n, `${i}`);
      for (let round = 0; round < 6; round++) {
        await drain();
        world.net = world.net.filter(({ to, from }) => to !== 3n && from !== 3n);
        while (world.net.length > 0) world.deliver();
        for (const host of isolated) {
          while (host.turns.length > 0) host.turn();
          while (host.writes.length > 0) host.write();
        }
      }
    }
    slow.slow = undefined;
    for (let i = 0; i < 3; i++) {
      world.host(1n).clock.tick();
      await world.settle();
    }
    expect(slow.batches.some(({ snapshot }) => snapshot !== undefined)).toBe(true);
    firstSave();
    await world.settle();
    const installed = slow.batches.findIndex(({ snapshot }) => snapshot !== undefined);
    expect(slow.batches.slice(installed).flatMap(({ compacted }) => compacted ?? [])).toEqual([]);
    expect(slow.list).toEqual(world.host(1n).list);
  });
});

describe('the end', () => {
  it('stop fails whoever waits, cancels its timer and sends nothing more', async () => {
    const world = new World(3);
    await world.elect(1n);
    const host = world.host(1n);
    const waiting = [world.propose(1n, 'a'), world.read(1n), host.driver.applied.reached(100)];
    for (const promise of waiting) promise.catch(() => {});
    const stopped = host.driver.stop();
    for (const promise of waiting) expect(await stateOf(promise)).toBe('STOPPED');
    await stopped;
    expect(host.clock.timers).toBe(0);
    expect(await stateOf(world.propose(1n, 'b'))).toBe('STOPPED');
    expect(await stateOf(world.read(1n))).toBe('STOPPED');
    world.net = [];
    while (host.turns.length > 0) host.turn();
    expect(world.net).toEqual([]);
    await host.driver.stop();
  });

  it('stop waits for what the disk was given', async () => {
    const world = new World(1);
    await world.elect(1n);
    const host = world.host(1n);
    world.propose(1n, 'a');
    host.turn();
    const stopped = host.driver.stop().then(() => 'stopped');
    expect(await stateOf(stopped)).toBe('pending');
    host.write();
    expect(await stopped).toBe('stopped');
    expect(host.list).toEqual([]);
  });

  it('a failed write ends the member: nothing behind it is sent, told or applied', async () => {
    const world = new World(3);
    await world.elect(1n);
    const host = world.host(2n);
    const append = {
      type: 'append',
      from: 1n,
      to: 2n,
      term: 1,
      prevIndex: 1,
      prevTerm: 1,
      entries: [{ index: 2, term: 1, kind: 'normal', data: command(9n, 'x') }],
      commit: 2,
    } as const;
    host.driver.receive(append);
    host.turn();
    world.net = [];
    const waiting = world.propose(2n, 'a');
    host.writes.shift()!.failed(new Error('EIO'));
    await drain();
    expect(host.fatal).toMatchObject({ code: 'STORAGE_FAILED', cause: { message: 'EIO' } });
    expect(await stateOf(waiting)).toBe('STOPPED');
    for (const { done } of host.writes) done();
    await world.settle();
    expect(world.net).toEqual([]);
    expect(host.list).toEqual([]);
    host.driver.receive(append);
    expect(host.turns).toEqual([]);
  });

  it('an entry that cannot be applied ends the member', async () => {
    const world = new World(1);
    await world.elect(1n);
    world.host(1n).poison = 'bad';
    const good = world.propose(1n, 'good');
    const bad = world.propose(1n, 'bad');
    await world.settle();
    expect(world.host(1n).fatal).toMatchObject({ code: 'APPLY_FAILED', cause: { message: 'cannot apply bad' } });
    expect(await stateOf(good)).toBe('STOPPED');
    expect(await stateOf(bad)).toBe('STOPPED');
  });

  it('a disk that lost what was acknowledged ends the member with a remedy', async () => {
    const world = new World(3);
    await world.elect(1n);
    world.propose(1n, 'a');
    await world.settle();
    const host = world.host(2n);
    host.driver.receive({ type: 'heartbeat', from: 1n, to: 2n, term: 1, commit: 99, context: new Uint8Array(0) });
    expect(host.fatal).toMatchObject({ code: 'LOG_LOST', message: expect.stringContaining('add it anew') });
  });

  it('a message no correct member sends is dropped', async () => {
    const world = new World(3);
    await world.elect(1n);
    const entries = [{ index: 7, term: 1, kind: 'normal', data: new Uint8Array(0) }] as const;
    const broken = {
      type: 'append',
      from: 1n,
      to: 2n,
      term: 1,
      prevIndex: 1,
      prevTerm: 1,
      entries,
      commit: 1,
    } as const;
    world.host(2n).driver.receive(broken);
    const outcome = world.propose(2n, 'a');
    await world.settle();
    expect(await outcome).toBe(2);
  });
});

describe('limits and signals', () => {
  it('aborting ends the wait, not the proposal', async () => {
    const world = new World(1);
    await world.elect(1n);
    const controller = new AbortController();
    const outcome = world.propose(1n, 'a', controller.signal);
    const read = world.read(1n, controller.signal);
    world.host(1n).turn();
    controller.abort(new Error('enough'));
    await expect(outcome).rejects.toThrow('enough');
    expect(await read).toBe(1);
    await world.settle();
    expect(world.host(1n).list).toEqual(['a']);
    await expect(world.propose(1n, 'b', AbortSignal.abort(new Error('never')))).rejects.toThrow('never');
    await world.settle();
    expect(world.host(1n).list).toEqual(['a']);
  });

  it('aborted before anybody took it, a proposal is never made', async () => {
    const world = new World(1);
    await world.elect(1n);
    const controller = new AbortController();
    world.propose(1n, 'a', controller.signal);
    controller.abort();
    await world.settle();
    expect(world.host(1n).list).toEqual([]);
  });

  it('as many wait as may, more are refused', async () => {
    const world = new World(1, { maxWaitingProposals: 2, maxWaitingReads: 2 });
    const kept = [world.propose(1n, 'a'), world.propose(1n, 'b'), world.read(1n), world.read(1n)];
    expect(await stateOf(world.propose(1n, 'c'))).toBe('TOO_MANY_WAITING');
    expect(await stateOf(world.read(1n))).toBe('TOO_MANY_WAITING');
    await world.elect(1n);
    for (const promise of kept) expect(await promise).toBeGreaterThan(0);
    const outcome = world.propose(1n, 'd');
    await world.settle();
    expect(await outcome).toBe(4);
  });

  it('bytes that wait are limited too', async () => {
    const world = new World(1, { maxWaitingBytes: 20 });
    const first = world.propose(1n, 'aaaaaa');
    expect(await stateOf(world.propose(1n, 'bbbbbb'))).toBe('TOO_MANY_WAITING');
    await world.elect(1n);
    await world.settle();
    expect(await first).toBe(2);
    const second = world.propose(1n, 'bbbbbb');
    await world.settle();
    expect(await second).toBe(3);
  });

  it('two proposals may not wait under one id', async () => {
    const world = new World(1);
    const { driver } = world.host(1n);
    const first = driver.propose(5n, command(5n, 'a'));
    expect(await stateOf(driver.propose(5n, command(5n, 'b')))).toBe('DUPLICATE_ID');
    await world.elect(1n);
    expect(await first).toBe(2);
  });

  it('what does not fit into the limit of uncommitted bytes waits its turn', async () => {
    const world = new World(1, { raft: { id: 9n, maxUncommittedBytes: 30 } });
    await world.elect(1n);
    const outcomes = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((text) => world.propose(1n, text));
    world.host(1n).turn();
    expect(world.host(1n).driver.status().last).toBe(4);
    for (let i = 0; i < 3; i++) {
      await world.settle();
      world.host(1n).clock.tick();
    }
    await world.settle();
    expect(await Promise.all(outcomes)).toEqual([2, 3, 4, 5, 6, 7, 8]);
  });

  it('a long replay gives others a turn between two batches', async () => {
    const world = new World(1, { raft: { id: 9n, maxApplyBytes: 100 } });
    await world.elect(1n);
    for (let i = 0; i < 50; i++) world.propose(1n, `${i}`);
    await world.settle();
    const host = world.host(1n);
    host.crash();
    host.restart();
    host.driver.campaign();
    let turns = 0;
    while (host.list.length < 50 && turns++ < 100) {
      await drain();
      host.write();
      await drain();
      const before = host.list.length;
      host.turn();
      expect(host.list.length - before).toBeLessThanOrEqual(3);
    }
    expect(host.list).toHaveLength(50);
  });
});
