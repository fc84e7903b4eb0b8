import { IntervalTree } from '@kontiki/std';
import type { Key } from '../types.js';
import type { WatcherState } from './watcher.js';

/** Watchers by what they watch: those of one key by a hash, those of a range by a tree. */
export class WatcherIndex {
  /** A set only where several watch the same key. */
  readonly #byKey = new Map<Key, WatcherState | Set<WatcherState>>();
  readonly #byRange = new IntervalTree<WatcherState>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Must not be in it. */
  add(watcher: WatcherState): void {
    this.#size++;
    const { start, end, single } = watcher.range;
    if (!single) {
      this.#byRange.add(start, end ?? undefined, watcher);
      return;
    }
    const there = this.#byKey.get(start);
    if (there === undefined) this.#byKey.set(start, watcher);
    else if (there instanceof Set) there.add(watcher);
    else this.#byKey.set(start, new Set([there, watcher]));
  }

  /** Must be in it. */
  delete(watcher: WatcherState): void {
    this.#size--;
    const { start, end, single } = watcher.range;
    if (!single) {
      this.#byRange.delete(start, end ?? undefined, watcher);
      return;
    }
    const there = this.#byKey.get(start);
    if (there instanceof Set && there.size > 1) there.delete(watcher);
    else this.#byKey.delete(start);
  }

  /** Calls `visit` with every watcher of that key. `visit` must not change the index. */
  forEachAt(key: Key, visit: (watcher: WatcherState) => void): void {
    const there = this.#byKey.get(key);
    if (there !== undefined) {
      if (there instanceof Set) for (const watcher of there) visit(watcher);
      else visit(there);
    }
    if (this.#byRange.size > 0) this.#byRange.forEachAt(key, visit);
  }
}
