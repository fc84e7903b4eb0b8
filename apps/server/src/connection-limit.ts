import { readProcessStats } from './observe/process-stats.js';

/** What files, logs and the database need of the process' file descriptors, as etcd keeps it. */
const RESERVED_FDS = 150;
const FDS_IF_UNKNOWN = 20_000;

/** How many connections there may be at once, counted over all listeners that share it. */
export class ConnectionLimit {
  readonly max: number;
  #taken = 0;

  constructor(max: number) {
    this.max = max;
  }

  /** As many as the process may have files open, less 150 for everything that is no connection. */
  static ofProcess(): ConnectionLimit {
    return new ConnectionLimit(Math.max((readProcessStats().maxFds ?? FDS_IF_UNKNOWN) - RESERVED_FDS, 1));
  }

  /** @returns false when there are `max` already; otherwise one more, until it is given back */
  take(): boolean {
    if (this.#taken >= this.max) return false;
    this.#taken++;
    return true;
  }

  /** Once for every `take` that answered true. */
  giveBack(): void {
    this.#taken--;
  }
}
