import { assert, type FileSystem, type SeededRandom } from '@kontiki/std';
import { SimClock } from './clock.js';
import { SimDisk } from './disk.js';
import { Life } from './life.js';
import type { Timeline } from './timeline.js';

/** A process: what the ports of whatever runs in it are filled with. All of it ends when the process does. */
export interface SimProcess {
  readonly life: Life;
  readonly clock: SimClock;
  readonly random: SeededRandom;
  readonly fileSystem: FileSystem;
  /** Turns of its event loop, for whoever gathers work in one. */
  readonly scheduler: { soon(callback: () => void): void };
}

/**
 * A machine with a disk, on which one process at a time runs.
 *
 * What a process waits for when it is killed never comes: nothing of it runs again, no `finally` and no timer. What it
 * wrote is still seen by the next one; a power cut leaves of that what was synced, and of the rest what chance leaves.
 */
export class Machine {
  readonly name: string;
  readonly disk: SimDisk;
  readonly #timeline: Timeline;
  readonly #random: SeededRandom;
  #process: SimProcess | undefined;
  #switchedOnMs: number;

  constructor(name: string, timeline: Timeline, random: SeededRandom) {
    this.name = name;
    this.#timeline = timeline;
    this.#random = random;
    this.disk = new SimDisk(random.split());
    this.#switchedOnMs = timeline.nowMs;
  }

  /** The process that runs, if any. */
  get process(): SimProcess | undefined {
    return this.#process?.life.alive === true ? this.#process : undefined;
  }

  /** Starts a process; the one before must have ended. */
  boot(): SimProcess {
    assert(this.process === undefined, `${this.name} runs already`);
    const life = new Life(this.#timeline);
    const process: SimProcess = {
      life,
      clock: new SimClock(life, this.#timeline.nowMs - this.#switchedOnMs),
      random: this.#random.split(),
      fileSystem: this.disk.mount(life),
      scheduler: life,
    };
    this.#process = process;
    return process;
  }

  /** Ends the process, as `kill -9` does. No effect when none runs. */
  kill(): void {
    this.#process?.life.end();
  }

  /** Ends the process, and takes from the disk what was not synced. */
  powerCut(): void {
    this.kill();
    this.disk.powerCut();
    this.#switchedOnMs = this.#timeline.nowMs;
  }

  /** The process stands still until then. No effect when none runs. */
  pause(untilMs: number): void {
    this.process?.life.pause(untilMs);
  }
}
