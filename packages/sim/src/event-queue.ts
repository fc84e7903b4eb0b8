/** Something that happens at a time. */
export interface Event {
  /** Milliseconds since the world began. May only change while the event is not in a queue. */
  atMs: number;
  /** Settles ties: the queue's own. */
  order: number;
  cancelled: boolean;
  readonly run: () => void;
}

/** What is going to happen, earliest first; what is due at the same time in the order it was added. */
export class EventQueue {
  readonly #heap: Event[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  add(event: Event): void {
    event.order = this.#order++;
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  peek(): Event | undefined {
    return this.#heap[0];
  }

  pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || last === first) return first;
    const size = heap.length;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && before(heap[child + 1]!, heap[child]!)) child++;
      if (before(last, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function before(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
