import type { Clock, Counter, Gauge, Logger } from '@kontiki/std';

export interface LinkStatusOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Names the peer in the log. */
  readonly peer: string;
  readonly active: Gauge;
  readonly disconnected: Counter;
}

/** Each direction has a stream of its own, for messages. */
export type Direction = 'in' | 'out';

/** Whether a peer is connected, and since when: both directions are up, or it is not. */
export class LinkStatus {
  readonly #options: LinkStatusOptions;
  readonly #up = new Set<Direction>();
  #sinceMs: number | undefined;

  constructor(options: LinkStatusOptions) {
    this.#options = options;
    options.active.set(0);
  }

  /** Monotonic milliseconds; undefined while not connected. */
  get activeSince(): number | undefined {
    return this.#sinceMs;
  }

  up(direction: Direction): void {
    this.#up.add(direction);
    if (this.#up.size < 2 || this.#sinceMs !== undefined) return;
    const { clock, logger, peer, active } = this.#options;
    this.#sinceMs = clock.monotonic();
    active.set(1);
    logger.info('peer became active', { 'peer-id': peer });
  }

  down(direction: Direction, reason: string): void {
    this.#up.delete(direction);
    if (this.#sinceMs === undefined) return;
    const { logger, peer, active, disconnected } = this.#options;
    this.#sinceMs = undefined;
    active.set(0);
    disconnected.add();
    logger.warn('peer became inactive', { 'peer-id': peer, error: reason });
  }
}
