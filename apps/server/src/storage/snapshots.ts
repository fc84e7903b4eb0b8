import type { Backend } from '@kontiki/mvcc';
import type { SnapshotMeta, SnapshotStore } from '@kontiki/raft';

/**
 * Raft's snapshots: the tables themselves. To save one is to force to the disk what was applied so far; the log behind
 * it may then go.
 */
export class TableSnapshots implements SnapshotStore {
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async save(_meta: SnapshotMeta): Promise<void> {
    await this.#backend.commit({ sync: true });
  }

  capture(_meta: SnapshotMeta): Promise<Uint8Array> {
    return Promise.reject(new Error('a member of a cluster of one has nobody to send a snapshot to'));
  }
}
