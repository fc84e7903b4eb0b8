import type { WatcherState } from './watcher.js';

/** Calls attendants once the synchronous turn that rang for them is over: one microtask for all of them, not one each. */
export class Bell {
  #rung: WatcherState[] = [];

  ring(watcher: WatcherState): void {
    if (watcher.rung) return;
    watcher.rung = true;
    if (this.#rung.push(watcher) === 1) queueMicrotask(this.#strike);
  }

  readonly #strike = (): void => {
    const rung = this.#rung;
    this.#rung = [];
    let at = 0;
    try {
      while (at < rung.length) {
        const watcher = rung[at++]!;
        watcher.rung = false;
        watcher.attendant?.attend();
      }
    } finally {
      // One threw, which is its owner's bug and must be seen; the others are called all the same.
      if (at < rung.length) {
        this.#rung = [...rung.slice(at), ...this.#rung];
        queueMicrotask(this.#strike);
      }
    }
  };
}
