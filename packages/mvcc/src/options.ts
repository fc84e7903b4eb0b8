import type { Clock, Logger } from '@kontiki/std';
import type { Backend } from './backend/backend.js';
import type { MvccMetrics } from './metrics.js';
import type { Key } from './types.js';
import type { HubOptions } from './watch/hub.js';

export interface MvccOptions {
  /** Holds what the store holds; stays open when the store closes. */
  readonly backend: Backend;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Versions a compaction removes between two pauses; default 1000. */
  readonly compactionBatchLimit?: number;
  /** How long these pauses are; default 10. */
  readonly compactionPauseMs?: number;
  /** Memory for stored bytes that were written or read lately; default 64 MiB. */
  readonly valueCacheBytes?: number;
  /**
   * Of so many compactions, the latest, the hash of what they compacted is remembered until the store is closed, and answered by
   * `MvccStore.hash` for their revisions: members that compact alike can compare it at leisure. etcd keeps 10. Each compaction
   * then reads all history up to its revision. Default 0.
   */
  readonly compactionHashes?: number;
  readonly metrics?: Partial<MvccMetrics>;
  /** Bounds on what watching keeps in memory. */
  readonly watch?: HubOptions;
  /** Called while the store opens, for every key that has a lease. */
  readonly onAttached?: (key: Key, lease: bigint) => void;
}

export interface ReplaceOptions {
  /**
   * Called for every key of the new state that has a lease: all calls in the turn of the switch, right before it. Must not use the
   * store. If it throws, nothing is replaced.
   */
  readonly onAttached?: (key: Key, lease: bigint) => void;
  /** Called once, in the turn of the switch and right after it: the store shows the new state. Must not throw. */
  readonly onSwitch?: () => void;
}
