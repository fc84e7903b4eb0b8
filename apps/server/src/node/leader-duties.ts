import type { Logger } from '@kontiki/std';
import { CLUSTER_VERSION } from '../cluster/version.js';
import type { AutoCompaction } from './auto-compaction.js';
import type { Leadership } from './leadership.js';
import type { Node } from './node.js';

export interface LeaderDutiesOptions {
  readonly node: Node;
  readonly leadership: Leadership;
  readonly compaction: AutoCompaction;
  /** What every lease gets on top when a new leader begins to count: time in which nobody could renew it. */
  readonly leaseExtensionMs: number;
  readonly logger: Logger;
}

/**
 * What the leader alone does: let leases expire, compact on schedule, agree on the cluster's version. Begins once the
 * new leader has applied everything before its term, ends at once with its leadership.
 */
export class LeaderDuties {
  readonly #options: LeaderDutiesOptions;
  /** Rises with every change of leader: whoever waited compares it before going on. */
  #change = 0;

  constructor(options: LeaderDutiesOptions) {
    this.#options = options;
    options.leadership.onChange(({ isLeader }) => {
      this.#change++;
      if (isLeader) void this.#begin(this.#change);
      else this.stop();
    });
  }

  stop(): void {
    this.#options.node.lessor.demote();
    this.#options.compaction.stop();
  }

  async #begin(change: number): Promise<void> {
    const { node, compaction, leaseExtensionMs, logger } = this.#options;
    try {
      await node.readBarrier();
      if (change !== this.#change) return;
      node.lessor.promote(leaseExtensionMs);
      compaction.start();
      if (node.membership.clusterVersion !== CLUSTER_VERSION) await node.setClusterVersion(CLUSTER_VERSION);
    } catch (error) {
      // Leadership was lost before it began, or the node stops: the next leader does it.
      if (change === this.#change) logger.warn('leader duties did not begin', { error: String(error) });
    }
  }
}
