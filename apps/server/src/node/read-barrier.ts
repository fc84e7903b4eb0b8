import type { RaftDriver } from '@kontiki/raft';
import type { Outcome } from '../apply/state-machine.js';
import { ServerError } from '../errors.js';
import type { UniformTimeout } from './uniform-timeout.js';

/**
 * Resolves when a read of this member's state is linearizable: it sees every write that was answered before the call.
 * Raft says up to which index (dissertation §6.4); the state machine must have reached it.
 */
export class ReadBarrier {
  readonly #driver: RaftDriver<Outcome>;
  readonly #timeout: UniformTimeout;

  constructor(driver: RaftDriver<Outcome>, timeout: UniformTimeout) {
    this.#driver = driver;
    this.#timeout = timeout;
  }

  /** @throws ServerError Timeout; RaftError when leadership was lost meanwhile or the node stops */
  async pass(): Promise<void> {
    await this.#timeout.guard(this.#reached(), () => new ServerError('Timeout'));
  }

  async #reached(): Promise<void> {
    await this.#driver.applied.reached(await this.#driver.readIndex());
  }
}
