import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { claim, type LockPlace } from './directory-lock.js';

/** A process: alive until it crashes, its socket open until it crashes or lets go. */
class Process {
  alive = true;
  listening = true;
}

/**
 * A folder, and processes whose every step on it happens when the test says so. What they do in between is up to the
 * chosen order; a crashed process takes no further step.
 */
class World {
  readonly files = new Map<string, Process>();
  readonly #waiting: { who: Process; resume: () => void }[] = [];

  place(who: Process): LockPlace {
    return {
      names: async () => {
        await this.#turn(who);
        const before = [...this.files.keys()];
        await this.#turn(who);
        // A folder read while it changes may miss what changes.
        return before.filter((name) => this.files.has(name));
      },
      link: async (name) => {
        await this.#turn(who);
        if (this.files.has(name)) return false;
        this.files.set(name, who);
        return true;
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

describe('claim', () => {
  it('has one owner at a time and somebody gets it, whatever the order of steps and whoever crashes', async () => {
    let owners = 0;
    let crashes = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ choice: fc.nat(30), event: fc.nat(12) }), { maxLength: 150, size: 'max' }),
        fc.integer({ min: 2, max: 5 }),
        async (steps, processes) => {
          const world = new World();
          const holding = new Set<Process>();
          let together = 0;
          const started: Process[] = [];
          const start = (): void => {
            const who = new Process();
            started.push(who);
            void claim(world.place(who)).then((outcome) => {
              if (outcome === 'taken') {
                who.listening = false;
                return;
              }
              if ([...holding].some(({ listening }) => listening)) together++;
              holding.add(who);
              owners++;
            });
          };
          for (let i = 0; i < processes; i++) start();
          for (const { choice, event } of steps) {
            const who = started[choice % started.length]!;
            if (event === 0 && who.alive) {
              who.alive = who.listening = false;
              crashes++;
            } else if (event === 1) {
              for (const owner of holding) owner.listening = false;
            } else if (event === 2) start();
            await world.step(choice);
          }
          // When everybody left alive has finished, somebody owns the folder, or finds it free.
          while (await world.step(0));
          expect(together).toBe(0);
          if (![...holding].some(({ listening }) => listening)) {
            const before = holding.size;
            start();
            while (await world.step(0));
            expect(holding.size).toBe(before + 1);
          }
          expect(world.files.size).toBeLessThanOrEqual(started.length);
        },
      ),
      { numRuns: 2000 },
    );
    // It would be no proof if nobody had crashed or owned anything.
    expect(Math.min(owners, crashes)).toBeGreaterThan(1000);
  }, 60_000);

  it('outnumbers a stale name and then removes it', async () => {
    const world = new World();
    const dead = new Process();
    dead.listening = false;
    for (const name of ['LOCK.9', 'LOCK.10', 'LOCK.01', 'LOCK.', 'LOCK.x', 'other']) world.files.set(name, dead);
    const claimed = claim(world.place(new Process()));
    while (await world.step(0));
    expect(await claimed).toBe('owner');
    expect([...world.files.keys()].sort()).toEqual(['LOCK.', 'LOCK.01', 'LOCK.11', 'LOCK.x', 'other']);
  });
});
