import { assert } from '@kontiki/std';
import type { CommittedLog } from './committed-log.js';

/**
 * Calls take effect, in the order of the log, at a moment between their start and their answer: whoever begins after an
 * answer stands behind it. With the history known this needs no search.
 */
export class LinearizableCalls {
  readonly name = 'linearizable';
  readonly #committed: CommittedLog;
  /** Everything answered so far took effect at or before this index. */
  #answered = 0;
  readonly #refused: bigint[] = [];
  writes = 0;
  reads = 0;

  constructor(committed: CommittedLog) {
    this.#committed = committed;
  }

  /** What the answer to a call that begins now must stand behind. */
  begin(): number {
    return this.#answered;
  }

  /** A write was acknowledged. @param began what {@link begin} answered */
  wrote(began: number, id: bigint, key: number, index: number, before: bigint): void {
    this.writes++;
    const at = this.#committed.indexOf(id);
    assert(at === index, `command ${id} was acknowledged at ${index}, but was applied at ${at ?? 'no index'}`);
    assert(index > began, `command ${id} stands at ${index}, but began after ${began} was answered`);
    const expected = this.#committed.valueAt(key, index - 1);
    assert(before === expected, `command ${id} found ${before} under key ${key}, where ${expected} was`);
    this.#answered = Math.max(this.#answered, index);
  }

  /** A read was answered with the state up to `index`. */
  read(began: number, key: number, index: number, value: bigint): void {
    this.reads++;
    assert(index >= began, `a read saw the state up to ${index}, but began after ${began} was answered`);
    const expected = this.#committed.valueAt(key, index);
    assert(value === expected, `a read of key ${key} up to ${index} saw ${value}, where ${expected} was`);
    this.#answered = Math.max(this.#answered, index);
  }

  /** A write failed in a way that says it never happens. */
  refused(id: bigint): void {
    this.#refused.push(id);
  }

  /** At the end, when everything that will ever be applied has been. */
  end(): void {
    for (const id of this.#refused) {
      const index = this.#committed.indexOf(id);
      assert(index === undefined, `command ${id} was refused, but was applied at ${index}`);
    }
  }
}
