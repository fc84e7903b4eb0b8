import type { RaftOptions } from '@kontiki/raft';
import { between, chance, pick } from '@kontiki/sim';
import type { Random } from '@kontiki/std';

/** How the members of one run are set up: small limits, so that every one of them is reached. */
export interface Settings {
  readonly tickMs: number;
  readonly raft: Omit<RaftOptions, 'id'>;
  readonly segmentBytes: number;
  readonly maxSegments: number;
  readonly snapshotEveryEntries: number;
  readonly catchUpEntries: number;
  readonly maxWritesInFlight: number;
  /** Of a thousand snapshots asked for so many cannot be made. */
  readonly failedCapturesPerMille: number;
  /** Of a thousand lost messages so many are noticed by the transport. */
  readonly noticedLossPerMille: number;
}

const LARGE = 1024 * 1024;

export function drawSettings(random: Random): Settings {
  const maxMessageBytes = pick(random, [1, 64, 400, LARGE, LARGE]);
  return {
    tickMs: pick(random, [10, 20, 50]),
    raft: {
      electionTicks: pick(random, [5, 10, 10]),
      heartbeatTicks: pick(random, [1, 1, 2]),
      preVote: chance(random, 800),
      checkQuorum: chance(random, 900),
      maxMessageBytes,
      maxInflightMessages: pick(random, [1, 4, 256]),
      maxInflightBytes: Math.max(maxMessageBytes, pick(random, [500, LARGE])),
      maxUncommittedBytes: pick(random, [600, LARGE, LARGE]),
      maxApplyBytes: pick(random, [1, 200, LARGE]),
      maxPendingReads: pick(random, [1, 8, 4096]),
    },
    segmentBytes: pick(random, [1024, 4096, 16 * 1024]),
    maxSegments: between(random, 1, 3),
    snapshotEveryEntries: pick(random, [3, 10, 40, 100]),
    catchUpEntries: pick(random, [0, 5, 50]),
    maxWritesInFlight: pick(random, [1, 2, 16]),
    failedCapturesPerMille: pick(random, [0, 100]),
    noticedLossPerMille: pick(random, [0, 200, 1000]),
  };
}
