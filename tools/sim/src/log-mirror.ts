import type { Persist, RecoveredLog } from '@kontiki/raft';
import { assert } from '@kontiki/std';
import { itemsOf, LogImage, type LogItem } from './log-image.js';

/**
 * What the disk of one member was given and what it promised, beside what it really holds: knows after a crash what may
 * have been lost and what must be there.
 *
 * Invariant: `durable` and the items not promised yet, in order, give `written`.
 */
export class LogMirror {
  /** What must be found after any crash. */
  durable: LogImage = new LogImage();
  /** What was handed to the disk. */
  written: LogImage = new LogImage();
  /** Handed over and not promised, oldest first. */
  #pending: { readonly batch: Persist; readonly items: readonly LogItem[] }[] = [];

  /** A batch is handed to the disk. */
  write(batch: Persist): void {
    const items = itemsOf(batch);
    for (const item of items) this.written.add(item);
    this.#pending.push({ batch, items });
  }

  /** The disk says the batch is done. Only one that had to be synced is a promise, and covers those before it. */
  done(batch: Persist): void {
    if (!batch.mustSync) return;
    const count = this.#pending.findIndex((pending) => pending.batch === batch) + 1;
    for (const { items } of this.#pending.splice(0, count)) for (const item of items) this.durable.add(item);
  }

  /**
   * A process has read the log after a crash.
   * @throws AssertionError when what is promised is missing, or something is there that was never written
   */
  recovered(log: RecoveredLog): void {
    const found = LogImage.of(log);
    const possible = this.durable.copy();
    const summary = found.summary();
    let legal = possible.summary() === summary;
    const items = this.#pending.flatMap((pending) => pending.items);
    for (let i = 0; i < items.length && !legal; i++) {
      possible.add(items[i]!);
      legal = possible.summary() === summary;
    }
    assert(
      legal,
      `the log recovered is none that a crash can leave:\n  found    ${summary}\n  promised ${this.durable.summary()}\n` +
        `  written  ${this.written.summary()} in ${items.length} steps`,
    );
    this.durable = found.copy();
    this.written = found;
    this.#pending = [];
  }

  /** The first start of a member, which finds what it was founded with. */
  founded(log: RecoveredLog): void {
    this.durable = LogImage.of(log);
    this.written = LogImage.of(log);
    this.#pending = [];
  }
}
