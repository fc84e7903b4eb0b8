/** Something that ends at a time. The wheel keeps its links in it, so that adding and removing allocate nothing. */
export interface Expiring {
  /** Infinity: never; then it is not added. */
  readonly deadlineMs: number;
  /** The wheel's own. -1: in no slot. */
  slot: number;
  before: Expiring | undefined;
  after: Expiring | undefined;
}

const TICK_MS = 8;
const SLOTS = 512;
const FAR = 2 * SLOTS;

/**
 * All deadlines of a server, in a timing wheel: O(1) to add and to remove, which is what happens to nearly all of them.
 * Expires what is due up to one tick (8 ms) late, never early.
 *
 * Slots: 512 of a tick each; 512 of 512 ticks each; one for all beyond. What is in a coarser one is dealt out anew when
 * its time begins.
 */
export class Deadlines {
  readonly #heads: (Expiring | undefined)[] = new Array<Expiring | undefined>(2 * SLOTS + 1).fill(undefined);
  #tick = 0;
  #size = 0;
  #earliestMs = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#size;
  }

  /** `advance` has nothing to do before; may be too early, never too late. */
  get earliestMs(): number {
    return this.#earliestMs;
  }

  add(item: Expiring, nowMs: number): void {
    if (this.#size === 0) {
      this.#tick = Math.floor(nowMs / TICK_MS);
      this.#earliestMs = Number.POSITIVE_INFINITY;
    }
    this.#size++;
    const dueTick = this.#place(item);
    this.#earliestMs = Math.min(this.#earliestMs, dueTick * TICK_MS);
  }

  /** Idempotent. */
  remove(item: Expiring): void {
    if (item.slot < 0) return;
    if (item.before !== undefined) item.before.after = item.after;
    else this.#heads[item.slot] = item.after;
    if (item.after !== undefined) item.after.before = item.before;
    item.before = item.after = undefined;
    item.slot = -1;
    this.#size--;
  }

  /** Takes out what is due, and calls `expire` for each. */
  advance(nowMs: number, expire: (item: Expiring) => void): void {
    const target = Math.floor(nowMs / TICK_MS);
    const due: Expiring[] = [];
    while (this.#tick < target && this.#size > 0) {
      this.#tick++;
      if (this.#tick % SLOTS === 0) {
        const lap = this.#tick / SLOTS;
        if (lap % SLOTS === 0) this.#deal(FAR);
        this.#deal(SLOTS + (lap % SLOTS));
      }
      for (let item = this.#heads[this.#tick % SLOTS]; item !== undefined; item = this.#heads[this.#tick % SLOTS]) {
        this.remove(item);
        due.push(item);
      }
    }
    this.#tick = Math.max(this.#tick, target);
    this.#earliestMs = this.#nextMs();
    for (const item of due) expire(item);
  }

  #deal(slot: number): void {
    let item = this.#heads[slot];
    this.#heads[slot] = undefined;
    while (item !== undefined) {
      const next: Expiring | undefined = item.after;
      item.before = item.after = undefined;
      // What is due in this very tick belongs to the slot that is emptied next.
      this.#place(item, 0);
      item = next;
    }
  }

  #place(item: Expiring, soonest = 1): number {
    const dueTick = Math.max(Math.ceil(item.deadlineMs / TICK_MS), this.#tick + soonest);
    const lap = Math.floor(dueTick / SLOTS);
    const laps = lap - Math.floor(this.#tick / SLOTS);
    const slot = dueTick - this.#tick < SLOTS ? dueTick % SLOTS : laps < SLOTS ? SLOTS + (lap % SLOTS) : FAR;
    const head = this.#heads[slot];
    item.slot = slot;
    item.before = undefined;
    item.after = head;
    if (head !== undefined) head.before = item;
    this.#heads[slot] = item;
    return dueTick;
  }

  #nextMs(): number {
    if (this.#size === 0) return Number.POSITIVE_INFINITY;
    const lapEnd = (Math.floor(this.#tick / SLOTS) + 1) * SLOTS;
    for (let tick = this.#tick + 1; tick < this.#tick + SLOTS; tick++) {
      if (tick === lapEnd || this.#heads[tick % SLOTS] !== undefined) return tick * TICK_MS;
    }
    return lapEnd * TICK_MS;
  }
}
