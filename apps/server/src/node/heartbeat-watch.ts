import type { Clock, Counter, Logger, Timer } from '@kontiki/std';
import type { Duty } from './leader-duties.js';

export interface HeartbeatWatchOptions {
  /** Between two heartbeats of the leader, in milliseconds. */
  readonly everyMs: number;
  readonly late: Counter;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Notices when this leader's process gets to run so rarely that its heartbeats go out late. */
export class HeartbeatWatch implements Duty {
  readonly #options: HeartbeatWatchOptions;
  #timer: Timer | undefined;
  #seenMs = 0;

  constructor(options: HeartbeatWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.stop();
    const { clock, everyMs } = this.#options;
    this.#seenMs = clock.monotonic();
    this.#timer = clock.every(everyMs, () => this.#look());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #look(): void {
    const { clock, everyMs, late, logger } = this.#options;
    const nowMs = clock.monotonic();
    const exceededMs = nowMs - this.#seenMs - 2 * everyMs;
    this.#seenMs = nowMs;
    if (exceededMs <= 0) return;
    late.add();
    logger.warn('leader failed to send out heartbeat on time; it gets to run too rarely', {
      'heartbeat-interval-ms': everyMs,
      'exceeded-ms': Math.round(exceededMs),
    });
  }
}
