import type { LogIndex, SnapshotMeta } from '../types.js';
import type { SnapshotStore } from './ports.js';

/**
 * When to save a snapshot, so that the log behind it can go.
 * Invariants: at most one save runs; `saved` only rises.
 */
export class Snapshots {
  readonly #store: SnapshotStore;
  readonly #everyEntries: number;
  #saved: LogIndex;
  #saving = false;

  constructor(store: SnapshotStore, options: { readonly everyEntries: number; readonly saved: LogIndex }) {
    this.#store = store;
    this.#everyEntries = options.everyEntries;
    this.#saved = options.saved;
  }

  /** Whether enough was applied since the last one. */
  due(applied: LogIndex): boolean {
    return !this.#saving && applied - this.#saved >= this.#everyEntries;
  }

  /** Saves the state as it is now. Answers false when a newer snapshot was installed meanwhile. */
  async save(meta: SnapshotMeta): Promise<boolean> {
    this.#saving = true;
    try {
      await this.#store.save(meta);
    } finally {
      this.#saving = false;
    }
    return this.installed(meta.index);
  }

  /** A snapshot up to `index` is durable, wherever it came from. */
  installed(index: LogIndex): boolean {
    if (index <= this.#saved) return false;
    this.#saved = index;
    return true;
  }
}
