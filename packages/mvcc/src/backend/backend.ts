/** A table's records in key order, in chunks. */
export type Records = readonly (readonly [key: Uint8Array, value: Uint8Array])[];

export interface ScanOptions {
  /** First key, itself included; absent: from the first. */
  readonly start?: Uint8Array;
  /** Bound, itself excluded; absent: to the last. */
  readonly end?: Uint8Array;
  /** Records in a chunk, at most; a hint. */
  readonly chunk?: number;
}

/**
 * Named tables of byte records on one ordered store, with a write buffer that reads look through: the port under a store.
 * Whoever embeds a store may keep tables of its own here: what is written between two commits lands together or not at all.
 *
 * - Reads must see every write made before them, committed or not.
 * - Commits must be atomic and reach the disk in order: after a crash what is found is the state after some commit, and no
 *   commit that resolved with `sync` is missing.
 * - An implementation may commit by itself, but only between two synchronous turns: never in the middle of one.
 * - After a failed commit nothing is known about the disk: every later call must throw `POISONED`.
 * - Keys and values are handed over by reference both ways: neither side may change them afterwards.
 */
export interface Backend {
  get(table: string, key: Uint8Array): Uint8Array | undefined;
  put(table: string, key: Uint8Array, value: Uint8Array): void;
  /** Deleting what is not there does nothing. `valueBytes`: how long the value is, when the caller knows; only for accounting. */
  delete(table: string, key: Uint8Array, valueBytes?: number): void;
  /**
   * In key order; includes every write made before this call, none made after it. Holds that state until it is iterated
   * to the end or left.
   */
  scan(table: string, options?: ScanOptions): AsyncIterable<Records>;
  /** The name of every table that was ever written to. */
  tables(): readonly string[];
  /** Writes everything buffered as one batch; resolves when written, and on disk if `sync`. Calls are served in order. */
  commit(options?: { readonly sync?: boolean }): Promise<void>;
  /** Written but not yet committed, the batch on its way included. */
  readonly pending: { readonly changes: number; readonly bytes: number };
  /** Bytes allocated on disk as of the last refresh, and what is pending. */
  sizeBytes(): number;
  /** Of these, what live records take. */
  sizeInUseBytes(): number;
  /** Gives free space back, beside reads and writes. */
  defragment(): Promise<void>;
  /** Commits with `sync`, then lets go of the database. */
  close(): Promise<void>;
}
