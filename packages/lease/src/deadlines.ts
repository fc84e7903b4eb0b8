import { Heap } from '@kontiki/std';
import type { LeaseId } from './types.js';

/**
 * The clock side of a lease table: what only a primary knows. Made on promotion, thrown away on demotion.
 *
 * All times are milliseconds of the caller's monotonic clock. Inside they are kept in *counted* time, which is that
 * clock less everything ever {@link forgive forgiven}.
 *
 * Invariant: a lease is in `#queue` from `start` to `end`; before it is handed out its priority there is its deadline,
 * afterwards the time to hand it out again, and `#handedOut` keeps the deadline.
 */
export class Deadlines {
  readonly #retryMs: number;
  readonly #checkpointMs: number;
  readonly #queue = new Heap<LeaseId>();
  readonly #handedOut = new Map<LeaseId, number>();
  /** When to record what is left; only leases with more than one checkpoint interval left. */
  readonly #checkpoints = new Heap<LeaseId>();
  #forgivenMs = 0;

  /** @param checkpointMs  infinite: no checkpoints */
  constructor(retryMs: number, checkpointMs: number) {
    this.#retryMs = retryMs;
    this.#checkpointMs = checkpointMs;
  }

  /** From now on the lease, which was not handed out, ends at `deadlineMs`. */
  start(id: LeaseId, deadlineMs: number, nowMs: number): void {
    this.#queue.set(id, deadlineMs - this.#forgivenMs);
    // A shorter one that is still scheduled drops out when its turn comes.
    if (deadlineMs - nowMs > this.#checkpointMs) {
      this.#checkpoints.set(id, nowMs - this.#forgivenMs + this.#checkpointMs);
    }
  }

  end(id: LeaseId): void {
    this.#handedOut.delete(id);
    this.#queue.delete(id);
    this.#checkpoints.delete(id);
  }

  /** Negative when it should have ended already. The lease must have been started. */
  remainingMs(id: LeaseId, nowMs: number): number {
    const deadline = this.#handedOut.get(id) ?? this.#queue.priority(id)!;
    return deadline - (nowMs - this.#forgivenMs);
  }

  /** Over, or handed out: then its revoke is on the way and only {@link end} can follow. */
  expired(id: LeaseId, nowMs: number): boolean {
    return this.#handedOut.has(id) || this.remainingMs(id, nowMs) <= 0;
  }

  /** The earliest `nowMs` at which {@link due} has something; infinite when there is no lease. */
  get nextDueMs(): number {
    return (this.#queue.peek()?.priority ?? Number.POSITIVE_INFINITY) + this.#forgivenMs;
  }

  /** Hands out expired leases, earliest deadline first; the same one again every `retryMs` until it ends. */
  due(nowMs: number, limit: number): LeaseId[] {
    const counted = nowMs - this.#forgivenMs;
    const due: LeaseId[] = [];
    while (due.length < limit) {
      const first = this.#queue.peek();
      if (first === undefined || first.priority > counted) break;
      if (!this.#handedOut.has(first.key)) this.#handedOut.set(first.key, first.priority);
      this.#queue.set(first.key, counted + this.#retryMs);
      due.push(first.key);
    }
    return due;
  }

  /**
   * Leases that ran for a checkpoint interval since they were started or last listed here, with what is left; those
   * with no more than an interval left drop out for good.
   */
  dueCheckpoints(nowMs: number, limit: number): { readonly id: LeaseId; readonly remainingMs: number }[] {
    const counted = nowMs - this.#forgivenMs;
    const due: { id: LeaseId; remainingMs: number }[] = [];
    while (due.length < limit) {
      const first = this.#checkpoints.peek();
      if (first === undefined || first.priority > counted) break;
      const remainingMs = this.remainingMs(first.key, nowMs);
      if (remainingMs > this.#checkpointMs) {
        due.push({ id: first.key, remainingMs });
        this.#checkpoints.set(first.key, counted + this.#checkpointMs);
      } else {
        this.#checkpoints.delete(first.key);
      }
    }
    return due;
  }

  /** The last `ms` milliseconds count for nobody: every deadline moves that much later. */
  forgive(ms: number): void {
    this.#forgivenMs += ms;
  }
}
