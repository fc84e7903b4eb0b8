import { LeaseError, type LeaseTable, type Lessor } from '@kontiki/lease';
import { fromLatin1, type Timer } from '@kontiki/std';
import type { Member } from '../cluster/members.js';
import { type AtLeaderOptions, atLeader, NotYet } from './at-leader.js';

/** The TTL of a lease that is gone, as a keepalive tells it. */
export const GONE = 0;

/** What is left of a lease, in whole seconds. */
export interface TimeToLive {
  readonly ttlSeconds: number;
  readonly grantedSeconds: number;
  /** Empty unless asked for. */
  readonly keys: readonly Uint8Array[];
}

/** Lease questions to another member. */
export interface RemoteLeases {
  /** @returns the TTL; {@link GONE} */
  renew(leader: Member, id: bigint, timeoutMs: number, signal?: AbortSignal): Promise<number>;
  /** @returns undefined when there is no such lease */
  timeToLive(leader: Member, id: bigint, keys: boolean, timeoutMs: number): Promise<TimeToLive | undefined>;
}

export interface LeasesOptions extends AtLeaderOptions {
  readonly table: LeaseTable;
  readonly lessor: Lessor;
  readonly remote: RemoteLeases;
  /** Length of a raft tick. */
  readonly tickMs: number;
  /** Everything committed is applied here. */
  caughtUp(): Promise<void>;
  /** This member still leads. */
  readBarrier(): Promise<void>;
}

/** Ticks after which a member that did not get to run must ask whether it still leads. */
const STALE_TICKS = 3;

/** What clients do with leases and only the leader can answer: it alone counts time. */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #timer: Timer;
  #tickedMs: number;

  constructor(options: LeasesOptions) {
    this.#options = options;
    const { clock } = options;
    this.#tickedMs = clock.monotonic();
    this.#timer = clock.every(options.tickMs, () => {
      this.#tickedMs = clock.monotonic();
    });
  }

  stop(): void {
    this.#timer.cancel();
  }

  /**
   * Renews a lease, wherever the leader is.
   * @returns the TTL, counted from now; {@link GONE} when there is no such lease, or none any more
   */
  renew(id: bigint, signal?: AbortSignal): Promise<number> {
    return atLeader(this.#options, {
      here: () => this.renewHere(id, signal),
      there: (leader, timeoutMs) => this.#options.remote.renew(leader, id, timeoutMs, signal),
      ...(signal !== undefined && { signal }),
    });
  }

  /** @returns undefined when there is no such lease */
  timeToLive(id: bigint, keys: boolean): Promise<TimeToLive | undefined> {
    return atLeader(this.#options, {
      here: () => this.timeToLiveHere(id, keys),
      there: (leader, timeoutMs) => this.#options.remote.timeToLive(leader, id, keys, timeoutMs),
    });
  }

  /** As the leader; for another member that was asked. @throws NotYet, ServerError */
  async renewHere(id: bigint, signal?: AbortSignal): Promise<number> {
    await this.#caughtUp();
    return answered(async () => {
      try {
        return await this.#options.lessor.renew(id, signal);
      } catch (error) {
        if (error instanceof LeaseError && error.code === 'NOT_FOUND') return GONE;
        throw error;
      }
    });
  }

  /** As the leader; for another member that was asked. @throws NotYet, ServerError */
  async timeToLiveHere(id: bigint, keys: boolean): Promise<TimeToLive | undefined> {
    const { table, clock } = this.#options;
    await this.#caughtUp();
    return answered(async () => {
      const lease = table.get(id);
      if (lease === undefined) return undefined;
      return {
        ttlSeconds: Math.max(0, table.remainingSeconds(id, clock.monotonic())),
        grantedSeconds: lease.ttlSeconds,
        keys: keys ? [...table.keys(id)].map(fromLatin1) : [],
      };
    });
  }

  async #caughtUp(): Promise<void> {
    const { clock, tickMs, caughtUp, readBarrier } = this.#options;
    // A process that stood still may have been deposed: others may have let the lease expire.
    if (clock.monotonic() - this.#tickedMs > STALE_TICKS * tickMs) await readBarrier();
    await caughtUp();
  }
}

/** A leader that does not count time yet, or not any more, is not the one to ask. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof LeaseError && error.code === 'NOT_PRIMARY')
      throw new NotYet('not the primary', { cause: error });
    throw error;
  }
}
