import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { claim, type LockPlace } from './directory-lock.js';

interface Socket {
  listening: boolean;
}

/** Closes its sockets when it dies. */
class Process {
  alive = true;
  readonly sockets: Socket[] = [];

  letGo(): void {
    for (const socket of this.sockets) socket.listening = false;
  }
}

/**
 * A folder, and processes whose every step on it happens when the test says so. What they do in between is up to the
 * chosen order; a crashed process takes no further step.
 */
class World {
  readonly files = new Map<string, Socket>();
  readonly #waiting: { who: Process; resume: () => void }[] = [];
  #names = 0;

  /** All that a process does to get the folder, as the adapter over real sockets does it. */
  async lock(who: Process): Promise<boolean> {
    for (;;) {
      const ownName = `LOCK.${this.#names++}.new`;
      const socket = { listening: false };
      who.sockets.push(socket);
      await this.#turn(who);
      this.files.set(ownName, socket);
      // There is a moment in which the name is there and nobody answers yet.
      await this.#turn(who);
      socket.listening = true;
      const place = this.#place(who, ownName);
      const outcome = await claim(place);
      await place.remove(ownName);
      if (outcome === 'owner') return true;
      socket.listening = false;
      if (outcome === 'taken') return false;
    }
  }

  #place(who: Process, ownName: string): LockPlace {
    return {
      ownName,
      names: async () => {
        await this.#turn(who);
        const before = [...this.files.keys()];
        await this.#turn(who);
        // A folder read while it changes may miss what changes.
        return before.filter((name) => this.files.has(name));
      },
      link: async (name) => {
        await this.#turn(who);
        const socket = this.files.get(ownName);
        if (socket === undefined) return 'gone';
        if (this.files.has(name)) return 'taken';
        this.files.set(name, socket);
        return 'linked';
      },
      remove: async (name) => {
        await this.#turn(who);
        this.files.delete(name);
      },
      answers: async (name) => {
        await this.#turn(who);
        return this.files.get(name)?.listening === true;
      },
    };
  }

  /** Lets process number `choice` of those that wait take one step. */
  async step(choice: number): Promise<boolean> {
    const waiting = this.#waiting.filter(({ who }) => who.alive);
    const next = waiting[choice % waiting.length];
    if (next === undefined) return false;
    this.#waiting.splice(this.#waiting.indexOf(next), 1);
    next.resume();
    await new Promise((resolve) => setImmediate(resolve));
    return true;
  }

  #turn(who: Process): Promise<void> {
    return new Promise((resume) => this.#waiting.push({ who, resume }));
  }
}

/** Processes that lock one folder, and how many were its owners at once. */
class Contest {
  readonly world = new World();
  readonly started: Process[] = [];
  readonly owners = new Set<Process>();
  together = 0;

  start(): void {
    const who = new Process();
    this.started.push(who);
    void this.world.lock(who).then((owner) => {
      if (!owner) return;
      if (this.holders().length > 0) this.together++;
      this.owners.add(who);
    });
  }

  holders(): Process[] {
    return [...this.owners].filter((who) => who.sockets.some(({ listening }) => listening));
  }

  crash(who: Process): void {
    who.alive = false;
    who.letGo();
  }

  async finish(): Promise<void> {
    while (await this.world.step(0));
  }
}

describe('claim', () => {
  it('has one owner at a time, and somebody gets it, whatever the order of steps and whoever crashes', async () => {
    const seen = { owners: 0, crashes: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ choice: fc.nat(30), event: fc.nat(20) }), { maxLength: 300, size: 'max' }),
        fc.integer({ min: 1, max: 5 }),
        async (steps, processes) => {
          const contest = new Contest();
          for (let i = 0; i < processes; i++) contest.start();
          for (const { choice, event } of steps) {
            const who = contest.started[choice % contest.started.length]!;
            if (event === 0 && who.alive) {
              contest.crash(who);
              seen.crashes++;
            } else if (event === 1) for (const owner of contest.holders()) owner.letGo();
            else if (event === 2) contest.start();
            await contest.world.step(choice);
          }
          await contest.finish();
          // Whoever comes when all have finished finds the folder owned, or gets it.
          if (contest.holders().length === 0) {
            contest.start();
            await contest.finish();
          }
          expect(contest.together).toBe(0);
          expect(contest.holders()).toHaveLength(1);
          seen.owners += contest.owners.size;
        },
      ),
      { numRuns: 1500 },
    );
    // It would be no proof if nobody had crashed or owned anything.
    expect(Math.min(seen.owners, seen.crashes)).toBeGreaterThan(1000);
  }, 120_000);

  it('is not fooled by a highest number that moves on while the folder is read', async () => {
    const contest = new Contest();
    const { world } = contest;
    // The first gets number 1 and dies; the slow one is about to link number 2.
    contest.start();
    await contest.finish();
    contest.crash(contest.started[0]!);
    contest.start();
    for (let i = 0; i < 5; i++) await world.step(0);
    const steps = { slow: 0, quick: 1 };
    // Others own the folder one after another meanwhile, each with all the time to clean up.
    for (let i = 0; i < 4; i++) {
      contest.start();
      while (contest.owners.size < i + 2) await world.step(steps.quick);
      if (i < 3) for (const owner of contest.holders()) owner.letGo();
    }
    await contest.finish();
    expect(contest.together).toBe(0);
    expect(contest.holders()).toEqual([contest.started.at(-1)]);
  });

  it('outnumbers a stale name, and then removes what is of no use to anybody', async () => {
    const contest = new Contest();
    const { files } = contest.world;
    const others = ['LOCK.', 'LOCK.01', 'LOCK.x', 'LOCK.new', 'other'];
    for (const name of ['LOCK.9', 'LOCK.10', 'LOCK.dead.new', ...others]) files.set(name, { listening: false });
    contest.start();
    await contest.finish();
    expect([...files.keys()].sort()).toEqual([...others, 'LOCK.11'].sort());
  });

  it('leaves old numbers alone while somebody else is claiming', async () => {
    const contest = new Contest();
    const { files } = contest.world;
    files.set('LOCK.9', { listening: false });
    files.set('LOCK.busy.new', { listening: true });
    contest.start();
    await contest.finish();
    expect([...files.keys()].sort()).toEqual(['LOCK.10', 'LOCK.9', 'LOCK.busy.new']);
    expect(contest.holders()).toHaveLength(1);
  });

  it('starts again under another name when its own was taken for a dead one', async () => {
    const contest = new Contest();
    contest.start();
    await contest.world.step(0);
    contest.world.files.clear();
    await contest.finish();
    expect([...contest.world.files.keys()]).toEqual(['LOCK.1']);
    expect(contest.holders()).toHaveLength(1);
  });
});
