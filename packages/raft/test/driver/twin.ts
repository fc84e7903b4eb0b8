import { SeededRandom } from '@kontiki/std';
import { expect } from 'vitest';
import { drain, type Host, World } from './world.js';

/** What callers saw: the naive twin is one list, and every member's list must be a part of it from the front. */
class History {
  /** Texts whose proposer was told they are applied, with the index it was told. */
  readonly acknowledged = new Map<string, number>();
  readonly proposed = new Set<string>();
  reads = 0;
  failures = 0;
  /** The highest index anybody was told of, by an outcome or a read. */
  seen = 0;

  check(lists: readonly (readonly string[])[]): void {
    const longest = lists.reduce((a, b) => (b.length > a.length ? b : a), []);
    for (const list of lists) expect(list).toEqual(longest.slice(0, list.length));
    expect(new Set(longest).size, 'an entry was applied twice').toBe(longest.length);
    for (const text of longest) expect(this.proposed.has(text), `${text} was never proposed`).toBe(true);
  }
}

class Run {
  readonly world: World;
  readonly history = new History();
  readonly #random: SeededRandom;
  #sequence = 0;

  constructor(seed: number, size: number) {
    this.#random = new SeededRandom(seed);
    this.world = new World(
      size,
      {
        snapshotEveryEntries: 8,
        catchUpEntries: 3,
        waitTicks: 40,
        maxWritesInFlight: 2,
        raft: {
          id: 9n,
          electionTicks: 6,
          maxMessageBytes: 120,
          maxInflightBytes: 400,
          maxInflightMessages: 3,
          maxApplyBytes: 100,
        },
      },
      seed,
    );
  }

  async step(): Promise<void> {
    const { world } = this;
    const random = this.#random;
    const host = world.hosts[random.int(world.hosts.length)]!;
    const dice = random.int(100);
    if (dice < 40)
      for (let i = 0; i < 3; i++) world.deliver(random.int(5) === 0 ? random.int(world.net.length + 1) : 0);
    else if (dice < 43) world.net.splice(random.int(world.net.length + 1), 1 + random.int(4));
    else if (dice < 45) {
      // A proposal passed on to the leader is the one thing that may not come twice: it would be two.
      world.net.push(...world.net.slice(0, random.int(3)).filter(({ type }) => type !== 'propose'));
    } else if (dice < 47) this.crashOrRestart(host);
    else if (!host.up) return;
    else if (dice < 62) host.turn();
    else if (dice < 75) host.write();
    else if (dice < 85) host.clock.tick();
    else if (dice < 94) this.propose(host);
    else this.read(host);
    await drain();
    this.history.check(world.hosts.map(({ list }) => list));
    for (const each of world.hosts) expect(each.fatal).toBeUndefined();
  }

  crashOrRestart(host: Host): void {
    if (host.up) host.crash(this.#random.int(host.writes.length + 1));
    else host.restart();
  }

  propose(host: Host): void {
    const text = `${++this.#sequence}`;
    const { history } = this;
    history.proposed.add(text);
    this.world.propose(host.id, text).then(
      (index) => {
        history.acknowledged.set(text, index);
        history.seen = Math.max(history.seen, index);
        expect(host.list).toContain(text);
      },
      () => history.failures++,
    );
  }

  read(host: Host): void {
    const { history } = this;
    const before = history.seen;
    this.world.read(host.id).then(
      (index) => {
        history.reads++;
        expect(index).toBeGreaterThanOrEqual(before);
      },
      () => history.failures++,
    );
  }

  /** Trouble ends; everything acknowledged is everywhere, and members accept new work. */
  async heal(): Promise<void> {
    const { world, history } = this;
    for (const host of world.hosts) if (!host.up) host.restart();
    for (let round = 0; round < 200; round++) {
      for (const { clock } of world.hosts) clock.tick();
      await world.settle();
      if (new Set(world.hosts.map(({ driver }) => driver.applied.value)).size === 1 && round > 60) break;
    }
    history.check(world.hosts.map(({ list }) => list));
    const last = this.world.propose(1n, 'last');
    history.proposed.add('last');
    for (let round = 0; round < 5; round++) {
      for (const { clock } of world.hosts) clock.tick();
      await world.settle();
    }
    await last;
    for (const { list } of world.hosts) {
      expect(list.at(-1)).toBe('last');
      for (const text of history.acknowledged.keys()) expect(list).toContain(text);
    }
  }
}

export async function run(seed: number, size: number, steps: number): Promise<History> {
  const all = new Run(seed, size);
  for (let i = 0; i < steps; i++) await all.step();
  await all.heal();
  for (const { driver } of all.world.hosts) void driver.stop();
  return all.history;
}
