import { assert, SeededRandom } from '@kontiki/std';
import { Machine } from './machine.js';
import { SimNetwork } from './network.js';
import { Timeline } from './timeline.js';
import { type Detail, Trace } from './trace.js';

export interface WorldOptions {
  /** Everything in the world follows from it. A whole number, 0 ≤ seed < 2^32. */
  readonly seed: number;
  /**
   * Calls back in a later turn of the event loop, when no promise is left that can settle: on Node, `setImmediate`.
   * Between two events the world waits for it, so that what one event began goes as far as it gets before the next.
   */
  readonly turn: (callback: () => void) => void;
  /** Steps of the trace that are kept. Default 2,000. */
  readonly traceLimit?: number;
}

/**
 * A world from a seed: time that moves from event to event, a network, machines with disks. What runs in it gets
 * everything through ports, so the same seed gives the same history, to the last byte.
 */
export class World<Address = string, Message = unknown> {
  readonly seed: number;
  /** For who sets the scene: faults, workload. What runs on a machine has its own. */
  readonly random: SeededRandom;
  readonly timeline: Timeline = new Timeline();
  readonly network: SimNetwork<Address, Message>;
  readonly trace: Trace;
  readonly machines: Machine[] = [];
  readonly #turn: (callback: () => void) => void;
  readonly #machineRandom: SeededRandom;
  #failure: { readonly error: unknown } | undefined;
  #running = false;

  constructor({ seed, turn, traceLimit }: WorldOptions) {
    assert(Number.isInteger(seed) && seed >= 0 && seed < 0x1_0000_0000, `${seed} is no seed`);
    this.seed = seed;
    this.random = new SeededRandom(seed);
    this.network = new SimNetwork(this.timeline, this.random.split());
    this.#machineRandom = this.random.split();
    this.trace = new Trace(traceLimit);
    this.#turn = turn;
  }

  /** Milliseconds since it began. */
  get nowMs(): number {
    return this.timeline.nowMs;
  }

  /** Events so far. */
  get events(): number {
    return this.timeline.events;
  }

  machine(name: string): Machine {
    const machine = new Machine(name, this.timeline, this.#machineRandom.split());
    this.machines.push(machine);
    return machine;
  }

  /** Notes what happened. */
  record(kind: string, ...details: readonly Detail[]): void {
    this.trace.record(this.timeline.nowMs, kind, ...details);
  }

  /** Ends the run with an error: for what finds one where nobody is there to catch it. The first one counts. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** Lets the next event happen, and all that follows from it at once. False: there was none. Throws what `fail` was told. */
  async step(): Promise<boolean> {
    const stepped = this.timeline.step();
    await new Promise<void>((resolve) => this.#turn(resolve));
    this.#throwFailure();
    return stepped;
  }

  /**
   * Lets events happen until the time comes, or `done` says so after one of them. Throws what an event threw, or `fail`
   * was told.
   */
  run(untilMs: number, done: () => boolean = () => false): Promise<void> {
    assert(!this.#running, 'the world is running already');
    this.#running = true;
    return new Promise<void>((resolve, reject) => {
      const next = (): void => {
        try {
          this.#throwFailure();
          const at = this.timeline.nextMs();
          const stop = done();
          if (stop || at === undefined || at > untilMs) {
            if (!stop) this.timeline.skipTo(untilMs);
            this.#running = false;
            resolve();
            return;
          }
          this.timeline.step();
        } catch (error) {
          this.#running = false;
          reject(error);
          return;
        }
        this.#turn(next);
      };
      // What was begun before goes first.
      this.#turn(next);
    });
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
