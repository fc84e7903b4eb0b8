import type { Backend } from '@kontiki/mvcc';
import type { SnapshotMeta, SnapshotStore } from '@kontiki/raft';
import type { Clock, Histogram } from '@kontiki/std';

export interface SnapshotMetrics {
  readonly saveSeconds: Histogram;
  /** Forcing to the disk is all there is to saving, so this sees the same figures. */
  readonly fsyncSeconds: Histogram;
}

/**
 * Raft's snapshots: the tables themselves. To save one is to force to the disk what was applied so far; the log behind
 * it may then go.
 */
export class TableSnapshots implements SnapshotStore {
  readonly #backend: Backend;
  readonly #clock: Clock;
  readonly #metrics: SnapshotMetrics;

  constructor(backend: Backend, clock: Clock, metrics: SnapshotMetrics) {
    this.#backend = backend;
    this.#clock = clock;
    this.#metrics = metrics;
  }

  async save(_meta: SnapshotMeta): Promise<void> {
    const startedMs = this.#clock.monotonic();
    await this.#backend.commit({ sync: true });
    const seconds = (this.#clock.monotonic() - startedMs) / 1000;
    this.#metrics.saveSeconds.observe(seconds);
    this.#metrics.fsyncSeconds.observe(seconds);
  }

  capture(_meta: SnapshotMeta): Promise<Uint8Array> {
    return Promise.reject(new Error('a member of a cluster of one has nobody to send a snapshot to'));
  }
}
