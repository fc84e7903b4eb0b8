import type { Message } from '../message.js';
import type { Term } from '../types.js';

/**
 * What one node wants to tell others, in two queues.
 *
 * - `now`: needs nothing from this member's disk. A leader's appends are here: it need not have an entry itself before
 *   others may have it (dissertation §10.2.1).
 * - `afterPersist`: promises. A vote asked for or given, an acknowledged entry: said only when this member could not
 *   forget it in a crash.
 */
export class Outbox {
  #now: Message[] = [];
  #afterPersist: Message[] = [];

  get size(): number {
    return this.#now.length + this.#afterPersist.length;
  }

  get waiting(): number {
    return this.#afterPersist.length;
  }

  get immediate(): number {
    return this.#now.length;
  }

  send(message: Message): void {
    this.#now.push(message);
  }

  sendAfterPersist(message: Message): void {
    const before = this.#afterPersist.at(-1);
    if (before !== undefined && covers(message, before)) this.#afterPersist.pop();
    this.#afterPersist.push(message);
  }

  /**
   * This member has come to a later term: what it promised in earlier ones need not be said any more, and may not be
   * true any more. The entry acknowledged may have been replaced before it got to the disk.
   */
  dropBefore(term: Term): void {
    if (this.#afterPersist.length === 0) return;
    this.#afterPersist = this.#afterPersist.filter((message) => message.term >= term);
  }

  takeNow(): readonly Message[] {
    const messages = this.#now;
    this.#now = [];
    return messages;
  }

  takeAfterPersist(): readonly Message[] {
    const messages = this.#afterPersist;
    this.#afterPersist = [];
    return messages;
  }
}

/** An acknowledgement says everything an earlier one to the same leader said. */
function covers(later: Message, earlier: Message): boolean {
  return (
    later.type === 'appendReply' &&
    earlier.type === 'appendReply' &&
    !later.reject &&
    !earlier.reject &&
    later.to === earlier.to &&
    later.term === earlier.term &&
    later.index >= earlier.index
  );
}
