/**
 * A binary min-heap that knows where each key is, so that a key's priority can be changed and a key taken out.
 * Holds each key once. Equal priorities leave in the order they were set.
 *
 * Invariants: no slot comes before its parent; `#slots.get(#keys[i]) === i`; the three arrays are equally long.
 */
export class Heap<K> {
  readonly #keys: K[] = [];
  readonly #priorities: number[] = [];
  /** Per slot, the number of the `set` that put it there: settles ties. */
  readonly #turns: number[] = [];
  readonly #slots = new Map<K, number>();
  #turn = 0;

  get size(): number {
    return this.#keys.length;
  }

  has(key: K): boolean {
    return this.#slots.has(key);
  }

  /** The priority the key was last set to; undefined when it is not in the heap. */
  priority(key: K): number | undefined {
    const slot = this.#slots.get(key);
    return slot === undefined ? undefined : this.#priorities[slot];
  }

  /** Adds the key, or moves it to a new priority, behind others of the same. O(log size). `NaN` has no order: a bug. */
  set(key: K, priority: number): void {
    const slot = this.#slots.get(key) ?? this.#keys.length;
    const turn = this.#turn++;
    if (!this.#rise(slot, key, priority, turn)) this.#sink(slot, key, priority, turn);
  }

  /** @returns whether the key was there. O(log size) */
  delete(key: K): boolean {
    const slot = this.#slots.get(key);
    if (slot === undefined) return false;
    this.#slots.delete(key);
    const last = this.#keys.pop() as K;
    const priority = this.#priorities.pop()!;
    const turn = this.#turns.pop()!;
    // The last one fills the hole, unless it was the hole.
    if (slot < this.#keys.length && !this.#rise(slot, last, priority, turn)) this.#sink(slot, last, priority, turn);
    return true;
  }

  /** The key with the lowest priority, left where it is. */
  peek(): { readonly key: K; readonly priority: number } | undefined {
    return this.#keys.length === 0 ? undefined : { key: this.#keys[0] as K, priority: this.#priorities[0]! };
  }

  /** The key with the lowest priority, taken out. */
  pop(): { readonly key: K; readonly priority: number } | undefined {
    const first = this.peek();
    if (first !== undefined) this.delete(first.key);
    return first;
  }

  clear(): void {
    this.#keys.length = this.#priorities.length = this.#turns.length = 0;
    this.#slots.clear();
  }

  /** Puts the key at `slot` or above, whose former holders move down. @returns whether it left `slot`. */
  #rise(slot: number, key: K, priority: number, turn: number): boolean {
    let at = slot;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(priority, turn, parent)) break;
      this.#place(at, this.#keys[parent] as K, this.#priorities[parent]!, this.#turns[parent]!);
      at = parent;
    }
    this.#place(at, key, priority, turn);
    return at !== slot;
  }

  /** Puts the key at `slot` or below, whose former holders move up. */
  #sink(slot: number, key: K, priority: number, turn: number): void {
    const size = this.#keys.length;
    let at = slot;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#before(this.#priorities[child + 1]!, this.#turns[child + 1]!, child)) child++;
      if (this.#before(priority, turn, child)) break;
      this.#place(at, this.#keys[child] as K, this.#priorities[child]!, this.#turns[child]!);
      at = child;
    }
    this.#place(at, key, priority, turn);
  }

  #before(priority: number, turn: number, slot: number): boolean {
    const other = this.#priorities[slot]!;
    return priority < other || (priority === other && turn < this.#turns[slot]!);
  }

  #place(slot: number, key: K, priority: number, turn: number): void {
    this.#keys[slot] = key;
    this.#priorities[slot] = priority;
    this.#turns[slot] = turn;
    this.#slots.set(key, slot);
  }
}
