import { assert } from '@kontiki/std';
import { type Event, EventQueue } from './event-queue.js';

/** Time, and what is going to happen in it. Moves only from one event to the next. */
export class Timeline {
  readonly #queue: EventQueue = new EventQueue();
  #nowMs = 0;
  #events = 0;

  /** Milliseconds since the world began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that have happened. */
  get events(): number {
    return this.#events;
  }

  /** @param delayMs at least 0 */
  after(delayMs: number, run: () => void): Event {
    assert(delayMs >= 0, `a delay of ${delayMs} ms leads into the past`);
    const event: Event = { atMs: this.#nowMs + delayMs, order: 0, cancelled: false, run };
    this.#queue.add(event);
    return event;
  }

  /** Puts an event that has happened back, for later. */
  again(event: Event, delayMs: number): void {
    event.atMs = this.#nowMs + delayMs;
    this.#queue.add(event);
  }

  /** When the next event happens; undefined: nothing is going to. */
  nextMs(): number | undefined {
    for (;;) {
      const event = this.#queue.peek();
      if (event === undefined) return undefined;
      if (!event.cancelled) return event.atMs;
      this.#queue.pop();
    }
  }

  /** Lets the next event happen. False: there was none. */
  step(): boolean {
    if (this.nextMs() === undefined) return false;
    const event = this.#queue.pop()!;
    this.#nowMs = event.atMs;
    this.#events++;
    event.run();
    return true;
  }

  /** Nothing happens until then. */
  skipTo(ms: number): void {
    const next = this.nextMs();
    assert(next === undefined || next >= ms, `something happens before ${ms}`);
    this.#nowMs = Math.max(this.#nowMs, ms);
  }
}
