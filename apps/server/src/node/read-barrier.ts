import { type RaftDriver, RaftError, type RaftErrorCode } from '@kontiki/raft';
import type { Counter } from '@kontiki/std';
import type { Outcome } from '../apply/state-machine.js';
import { type Condition, ServerError } from '../errors.js';

const REFUSALS: Partial<Record<RaftErrorCode, Condition>> = {
  NO_LEADER: 'Timeout',
  LEADER_CHANGED: 'LeaderChanged',
  TOO_MANY_WAITING: 'RequestTooManyRequests',
  STOPPED: 'Stopped',
};

/** Reads that raft did not confirm. Those that a stopping member leaves behind are in neither. */
export interface ReadBarrierMetrics {
  readonly failed: Counter;
  /** Waited for a leader as long as a request may take. */
  readonly timedOut: Counter;
}

/**
 * Resolves when a read of this member's state is linearizable: it sees every write that was answered before the call.
 * Raft says up to which index (dissertation §6.4); the state machine must have reached it.
 *
 * @throws ServerError Timeout, LeaderChanged, RequestTooManyRequests, Stopped
 */
export async function passReadBarrier(driver: RaftDriver<Outcome>, metrics: ReadBarrierMetrics): Promise<void> {
  try {
    await driver.applied.reached(await driver.readIndex());
  } catch (error) {
    const condition = error instanceof RaftError ? REFUSALS[error.code] : undefined;
    if (condition === 'Timeout') metrics.timedOut.add();
    else if (condition !== 'Stopped') metrics.failed.add();
    throw condition === undefined ? error : new ServerError(condition, { cause: error });
  }
}
