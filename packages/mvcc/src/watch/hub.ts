import { assert } from '@kontiki/std';
import { compactedError, MvccError } from '../errors.js';
import { isEmpty } from '../range.js';
import type { StoredChange } from '../types.js';
import { Backlog } from './backlog.js';
import { Bell } from './bell.js';
import { CatchUp } from './catch-up.js';
import type { History } from './history.js';
import { LiveWatchers } from './live.js';
import { Recent } from './recent.js';
import { Subscription, type Surroundings } from './subscription.js';
import { type Watcher, type WatcherLimits, WatcherState, type WatchOptions } from './watcher.js';

/** Bounds on what watching keeps in memory. Sizes in bytes are of the distinct changes kept, about. */
export interface HubOptions {
  /** Of one watcher; see {@link WatchOptions.bufferMaxEvents}. Default 4096 events, 4 MiB. */
  readonly bufferMaxEvents?: number;
  readonly bufferMaxBytes?: number;
  /** Of all watchers together: beyond it, those that have been slowest to take fall back on history. Default 64 MiB. */
  readonly backlogMaxBytes?: number;
  /** Of one batch from history. Default 1000 revisions, 1 MiB; one revision always fits. */
  readonly batchMaxRevisions?: number;
  readonly batchMaxBytes?: number;
  /** The latest changes, kept for watchers that are a little behind. Default 8192 changes, 8 MiB. */
  readonly recentMaxEvents?: number;
  readonly recentMaxBytes?: number;
  /** Lagging watchers this close to each other are served by the same scan. Default 10,000. */
  readonly joinWithinRevisions?: number;
  /** How many changes a scan reads while other watchers wait for one of their own. Default 10,000. */
  readonly turnMaxChanges?: number;
  /** How many events a scan gives out at a stretch, over all watchers, when each of them has something. Default 250,000. */
  readonly turnMaxDeliveries?: number;
}

/** For gauges and counters. */
export interface WatchStatus {
  readonly watchers: number;
  /** Of them, those that are not live. */
  readonly lagging: number;
  /** Waiting to be taken, over all watchers. */
  readonly pendingEvents: number;
  /** Memory kept for them, each distinct event once. */
  readonly pendingBytes: number;
  /** Taken since the store was opened, over all watchers. */
  readonly takenEvents: number;
}

const MIB = 2 ** 20;

/** All watchers of one store. */
export class Hub {
  readonly #history: History;
  readonly #limits: WatcherLimits;
  readonly #backlog: Backlog<WatcherState>;
  readonly #recent: Recent;
  readonly #live: LiveWatchers;
  readonly #catchUp: CatchUp;
  readonly #around: Surroundings;
  readonly #subscriptions = new Set<Subscription>();
  #closed = false;

  constructor(history: History, options: HubOptions = {}) {
    this.#history = history;
    this.#limits = {
      bufferMaxEvents: options.bufferMaxEvents ?? 4096,
      bufferMaxBytes: options.bufferMaxBytes ?? 4 * MIB,
      batchMaxRevisions: options.batchMaxRevisions ?? 1000,
      batchMaxBytes: options.batchMaxBytes ?? MIB,
    };
    const bell = new Bell();
    this.#recent = new Recent({
      maxEvents: options.recentMaxEvents ?? 8192,
      maxBytes: options.recentMaxBytes ?? 8 * MIB,
    });
    this.#backlog = new Backlog(options.backlogMaxBytes ?? 64 * MIB);
    this.#live = new LiveWatchers(this.#recent, this.#backlog, bell);
    this.#catchUp = new CatchUp(history, this.#recent, this.#live, bell, {
      joinWithinRevisions: options.joinWithinRevisions ?? 10_000,
      turnMaxChanges: options.turnMaxChanges ?? 10_000,
      turnMaxDeliveries: options.turnMaxDeliveries ?? 250_000,
    });
    this.#around = {
      history,
      live: this.#live,
      catchUp: this.#catchUp,
      bell,
      onEnded: (subscription) => this.#subscriptions.delete(subscription),
    };
  }

  get status(): WatchStatus {
    const watchers = this.#subscriptions.size;
    return {
      watchers,
      lagging: watchers - this.#live.size,
      pendingEvents: this.#backlog.events,
      pendingBytes: this.#backlog.bytes,
      takenEvents: this.#backlog.taken,
    };
  }

  /** Between writes. Throws `EMPTY_RANGE`; `COMPACTED` for a negative start revision; `CLOSED`. */
  watch(options: WatchOptions): Watcher {
    const { range, startRevision = 0 } = options;
    const { revision, compactedRevision } = this.#history;
    if (this.#closed) throw new MvccError('CLOSED', 'the store is closed');
    if (isEmpty(range)) throw new MvccError('EMPTY_RANGE', 'the range of a watch holds no key');
    if (startRevision < 0) throw compactedError(startRevision, compactedRevision);
    const next = startRevision === 0 ? revision + 1 : startRevision;
    const state = new WatcherState(options, next, this.#limits, this.#backlog);
    const subscription = new Subscription(state, this.#around, options.onReadable);
    this.#subscriptions.add(subscription);
    return subscription;
  }

  /**
   * What a write changed, once the store's revision is `revision` and before anything else happens. Never waits, and calls nobody: the
   * watchers concerned are told after the turn.
   */
  publish(revision: number, changes: readonly StoredChange[]): void {
    assert(revision === this.#history.revision, 'a revision is published when it has become the current one');
    this.#live.publish(changes);
  }

  /**
   * History is another one from now on: the same up to `last`, which was the current revision, but it may go on from there and be compacted
   * further. Must be called in the turn of the exchange. Watchers go on in it from where they stand.
   */
  replaced(last: number): void {
    assert(last <= this.#history.revision, 'history does not get shorter');
    this.#catchUp.leaveScan();
    for (const subscription of this.#subscriptions) subscription.historyReplaced(last);
    this.#recent.clear();
  }

  /** Ends every watcher, whatever it still had. Resolves when history is not being read any more. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const subscription of this.#subscriptions) subscription.cancel();
    await this.#catchUp.close();
  }
}
