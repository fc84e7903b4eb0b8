import type { Clock, Logger } from '@kontiki/std';
import type { Leadership } from './leadership.js';
import type { Node } from './node.js';

/** Something the leader alone does, as long as it leads. */
export interface Duty {
  start(): void;
  stop(): void;
}

export interface LeaderDutiesOptions {
  readonly node: Node;
  readonly leadership: Leadership;
  readonly duties: readonly Duty[];
  /** What every lease gets on top when a new leader begins to count: time in which nobody could renew it. */
  readonly leaseExtensionMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A leader that could not confirm that it leads tries again after this. */
const RETRY_MS = 100;

/**
 * What the leader alone does: let leases expire, compact on schedule, agree on the cluster's version, compare data.
 * Begins once the new leader has applied everything before its term, ends at once with its leadership.
 */
export class LeaderDuties {
  readonly #options: LeaderDutiesOptions;
  readonly #stopListening: () => void;
  /** Rises with every change of leader: whoever waited compares it before going on. */
  #change = 0;

  constructor(options: LeaderDutiesOptions) {
    this.#options = options;
    this.#stopListening = options.leadership.onChange(({ isLeader }) => {
      this.#end();
      if (isLeader) void this.#begin(this.#change);
    });
  }

  stop(): void {
    this.#stopListening();
    this.#end();
  }

  #end(): void {
    this.#change++;
    this.#options.node.lessor.demote();
    for (const duty of this.#options.duties) duty.stop();
  }

  async #begin(change: number): Promise<void> {
    const { node, duties, leaseExtensionMs, clock, logger } = this.#options;
    while (change === this.#change) {
      try {
        await node.readBarrier();
        if (change !== this.#change) return;
        node.lessor.promote(leaseExtensionMs);
        for (const duty of duties) duty.start();
        return;
      } catch (error) {
        if (change !== this.#change) return;
        logger.warn('leader duties could not begin yet', { error: String(error) });
        await new Promise<void>((resolve) => void clock.after(RETRY_MS, resolve));
      }
    }
  }
}
