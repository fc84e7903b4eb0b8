import type { Clock, Logger, Timer } from '@kontiki/std';

/** How old revisions go by themselves. `periodMs` and `revisions` are above 0. */
export type AutoCompactionPolicy =
  | { readonly mode: 'off' }
  | { readonly mode: 'periodic'; readonly periodMs: number }
  | { readonly mode: 'revision'; readonly revisions: number };

const HOUR_MS = 3_600_000;
const REVISION_CHECK_MS = 5 * 60_000;
/** Samples of the revision taken in one period, or in one hour of a longer one. */
const SAMPLES = 10;

export interface AutoCompactionPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The store's current revision. */
  revision(): number;
  /** Proposes the compaction; rejects when it failed. */
  compact(revision: number): Promise<void>;
}

/**
 * Compacts on the leader, on etcd's schedule.
 *
 * - `revision`: every 5 minutes to current − N.
 * - `periodic`: samples the revision ten times per period (or per hour, if the period is longer); once a full period has
 *   been seen, compacts to the revision of one period ago, again after every period (or hour).
 *
 * A failed compaction is tried again at the next sample.
 */
export class AutoCompaction {
  readonly #policy: AutoCompactionPolicy;
  readonly #ports: AutoCompactionPorts;
  #timer: Timer | undefined;

  constructor(policy: AutoCompactionPolicy, ports: AutoCompactionPorts) {
    this.#policy = policy;
    this.#ports = ports;
  }

  start(): void {
    this.stop();
    if (this.#policy.mode === 'revision') this.#startRevision(this.#policy.revisions);
    else if (this.#policy.mode === 'periodic') this.#startPeriodic(this.#policy.periodMs);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #startRevision(revisions: number): void {
    let last = 0;
    this.#timer = this.#ports.clock.every(REVISION_CHECK_MS, () => {
      const target = this.#ports.revision() - revisions;
      if (target <= 0 || target === last) return;
      this.#compact(target, () => {
        last = target;
      });
    });
  }

  #startPeriodic(periodMs: number): void {
    const everyMs = Math.min(periodMs, HOUR_MS);
    const sampleMs = everyMs / SAMPLES;
    /** Samples that span one period, the oldest first. */
    const span = Math.ceil(periodMs / sampleMs);
    const samples: number[] = [this.#ports.revision()];
    let last = 0;
    let lastAtMs = -Infinity;
    this.#timer = this.#ports.clock.every(sampleMs, () => {
      samples.push(this.#ports.revision());
      if (samples.length > span + 1) samples.shift();
      if (samples.length <= span) return;
      const now = this.#ports.clock.monotonic();
      const target = samples[0]!;
      if (now - lastAtMs < everyMs - sampleMs / 2 || target === last) return;
      this.#compact(target, () => {
        last = target;
        lastAtMs = now;
      });
    });
  }

  #compact(revision: number, done: () => void): void {
    this.#ports.logger.info('starting auto compaction', { revision });
    this.#ports.compact(revision).then(
      () => {
        done();
        this.#ports.logger.info('completed auto compaction', { revision });
      },
      (error: unknown) => {
        // Somebody else compacted further meanwhile: that is what we wanted.
        if (isCompacted(error)) done();
        else this.#ports.logger.warn('failed auto compaction', { revision, error: String(error) });
      },
    );
  }
}

function isCompacted(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'COMPACTED';
}
