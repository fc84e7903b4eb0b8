import type { StoredChange } from '../types.js';
import type { Backlog } from './backlog.js';
import type { Bell } from './bell.js';
import type { Recent } from './recent.js';
import { SharedEvent } from './shared-event.js';
import type { WatcherState } from './watcher.js';
import { WatcherIndex } from './watcher-index.js';

/** Watchers that have seen everything so far, and get what is published as it is. */
export class LiveWatchers {
  readonly #recent: Recent;
  readonly #backlog: Backlog<WatcherState>;
  readonly #bell: Bell;
  readonly #index = new WatcherIndex();
  /** Fell behind in the write that is being published: out of the index once nobody walks through it. */
  readonly #fallen: WatcherState[] = [];
  /** The event that is being delivered. */
  #event!: SharedEvent;

  constructor(recent: Recent, backlog: Backlog<WatcherState>, bell: Bell) {
    this.#recent = recent;
    this.#backlog = backlog;
    this.#bell = bell;
  }

  get size(): number {
    return this.#index.size;
  }

  /** `current`: the last revision published. */
  enter(watcher: WatcherState, current: number): void {
    watcher.becomeLive(current);
    this.#index.add(watcher);
  }

  /** For who ends; who falls behind leaves by itself. */
  leave(watcher: WatcherState): void {
    this.#index.delete(watcher);
  }

  /** Never waits. A consumer that does not keep up loses its buffer, not its place. */
  publish(changes: readonly StoredChange[]): void {
    for (const change of changes) {
      const event = new SharedEvent(change);
      this.#recent.push(event);
      this.#event = event;
      this.#index.forEachAt(event.key, this.#deliver);
    }
    this.#recent.trim();
    this.shed();
  }

  /** Drops buffers until all of them together are within their bound. */
  shed(): void {
    for (let holder = this.#backlog.excess; holder !== undefined; holder = this.#backlog.excess) this.#fall(holder);
    for (const watcher of this.#fallen) this.#index.delete(watcher);
    this.#fallen.length = 0;
  }

  readonly #deliver = (watcher: WatcherState): void => {
    const event = this.#event;
    if (watcher.phase !== 'live' || !watcher.wants(event)) return;
    if (!watcher.hasRoom(event)) {
      this.#fall(watcher);
      return;
    }
    watcher.push(event);
    if (watcher.armed) this.#bell.ring(watcher);
  };

  #fall(watcher: WatcherState): void {
    if (watcher.phase === 'live') this.#fallen.push(watcher);
    // Its consumer has been told, or its attendant is about to be called and will ask history.
    watcher.fallBack();
  }
}
