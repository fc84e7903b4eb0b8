import type { Timer } from '@kontiki/std';
import type { Timeline } from './timeline.js';

/** How long after it was asked for a turn of a process's event loop comes: what arrives meanwhile is handled with it. */
const TURN_MS = 0.02;

/**
 * The part of a timeline that belongs to one process: ends with it, and stands still while the process is paused.
 *
 * Invariant: once `alive` is false, nothing of it runs any more.
 */
export class Life {
  readonly timeline: Timeline;
  #alive = true;
  #pausedUntilMs = 0;

  constructor(timeline: Timeline) {
    this.timeline = timeline;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** How long it stands still from now; 0: it does not. */
  get pausedMs(): number {
    return Math.max(0, this.#pausedUntilMs - this.timeline.nowMs);
  }

  end(): void {
    this.#alive = false;
  }

  /** What would happen to it before `untilMs` happens then, in the same order: a process that was stopped and continued. */
  pause(untilMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, untilMs);
  }

  after(delayMs: number, callback: () => void): Timer {
    const event = this.timeline.after(delayMs, () => {
      if (!this.#alive) return;
      const { pausedMs } = this;
      if (pausedMs > 0) this.timeline.again(event, pausedMs);
      else callback();
    });
    return {
      cancel: () => {
        event.cancelled = true;
      },
    };
  }

  /** A turn of its event loop; those asked for first come first. */
  soon(callback: () => void): void {
    this.after(TURN_MS, callback);
  }
}
