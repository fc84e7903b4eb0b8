import { assert, type Clock, Deferred, type Logger, silentLogger, type Timer } from '@kontiki/std';
import { LeaseError } from '../errors.js';
import type { LeaseTable } from '../lease-table.js';
import type { LeaseCheckpoint, LeaseId } from '../types.js';

/** Checkpoints proposed at once. */
const CHECKPOINT_BATCH = 1000;

export interface LessorOptions {
  readonly table: LeaseTable;
  readonly clock: Clock;
  /**
   * Revokes an expired lease: must end in `table.revoke(id)` on every member. Resolves once that happened here; when it
   * rejects, the lease comes again after the table's `retryMs`. Must have no effect when it is decided after this
   * member ceased to be primary: by then another may have renewed the lease. Must settle.
   */
  readonly onExpired: (id: LeaseId) => Promise<void>;
  /**
   * Records checkpoints: must end in `table.checkpoint` on every member. Resolves once that happened here. As with
   * `onExpired`, must have no effect when it comes too late, and must settle. Required when the table asks for
   * checkpoints.
   */
  readonly onCheckpoint?: (checkpoints: readonly LeaseCheckpoint[]) => Promise<void>;
  /**
   * Proves that this member is primary still, before anything is revoked (in raft: one read-index round). Rejects when
   * it is not: nothing is revoked then. Must settle. Absent: `demote` alone says so, as with one member.
   */
  readonly confirmPrimary?: () => Promise<void>;
  /** Time between looks at the table; default 500. */
  readonly checkMs?: number;
  /** Expired leases waiting to be revoked, default 500: so many a check at most. */
  readonly maxRevokesPerCheck?: number;
  /** `onExpired` calls running at once, default 16. */
  readonly maxInFlight?: number;
  readonly logger?: Logger;
}

/**
 * Lets time pass over a lease table: on a primary it revokes what expired and records what is left. Its own member
 * only calls `promote` and `demote`; everything else goes through the callbacks and comes back through the table.
 *
 *   waiting --promote--> primary: check every `checkMs` --demote--> waiting: queue emptied, waiters told NOT_PRIMARY
 *
 * Invariants: nothing new is started after `demote`; at most `maxInFlight` revokes run and `maxRevokesPerCheck` wait.
 */
export class Lessor {
  readonly #table: LeaseTable;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #onExpired: (id: LeaseId) => Promise<void>;
  readonly #onCheckpoint: ((checkpoints: readonly LeaseCheckpoint[]) => Promise<void>) | undefined;
  readonly #confirmPrimary: (() => Promise<void>) | undefined;
  readonly #checkMs: number;
  readonly #maxRevokesPerCheck: number;
  readonly #maxInFlight: number;
  readonly #stopListening: () => void;

  /** Counts promotions and demotions: whoever waited compares it before going on. */
  #term = 0;
  #timer: Timer | undefined;
  #checkedMs = 0;
  #confirming = false;
  /** Handed out, not started yet. */
  #queue: LeaseId[] = [];
  /** Everything started and not settled, whatever term it began in. */
  readonly #running = new Set<Promise<void>>();
  readonly #revoking = new Set<LeaseId>();
  /** Leases whose checkpoint is being recorded or taken back, and when that is done. */
  readonly #recording = new Map<LeaseId, Promise<void>>();
  readonly #waiters = new Map<LeaseId, Set<Deferred<void>>>();

  constructor(options: LessorOptions) {
    this.#table = options.table;
    this.#clock = options.clock;
    this.#logger = options.logger ?? silentLogger;
    this.#onExpired = options.onExpired;
    this.#onCheckpoint = options.onCheckpoint;
    this.#confirmPrimary = options.confirmPrimary;
    this.#checkMs = options.checkMs ?? 500;
    this.#maxRevokesPerCheck = options.maxRevokesPerCheck ?? 500;
    this.#maxInFlight = options.maxInFlight ?? 16;
    assert(this.#checkMs > 0 && this.#maxRevokesPerCheck >= 1 && this.#maxInFlight >= 1, 'limits are above 0');
    assert(!this.#table.checkpoints || this.#onCheckpoint !== undefined, 'a table with checkpoints needs onCheckpoint');
    this.#stopListening = this.#table.onGone((id) => this.#wake(id));
  }

  /** Starts counting: every lease gets what it has left and `extendMs` more. Call it once this member has caught up. */
  promote(extendMs: number): void {
    this.#halt();
    const nowMs = this.#clock.monotonic();
    this.#table.promote(nowMs, extendMs);
    this.#checkedMs = nowMs;
    this.#timer = this.#clock.every(this.#checkMs, () => this.#check());
  }

  /** Stops counting. Idempotent; call it as soon as this member may no longer be primary. */
  demote(): void {
    this.#halt();
    this.#table.demote();
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.reject(lostPrimary());
    this.#waiters.clear();
  }

  /** Demotes, and resolves when nothing it started runs any more. It cannot be used afterwards. */
  async stop(): Promise<void> {
    this.demote();
    this.#stopListening();
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /**
   * Renews a lease: its full TTL starts again. One that expired cannot be: this waits until it is revoked, and then it
   * is not found.
   * @returns the TTL in seconds, which counts from no earlier than the call
   * @throws LeaseError NOT_FOUND, NOT_PRIMARY; what `onCheckpoint` threw; the signal's reason
   */
  async renew(id: LeaseId, signal?: AbortSignal): Promise<number> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.#table.has(id) && this.#table.expired(id, this.#clock.monotonic())) {
        await this.revoked(id, signal);
        continue;
      }
      // A checkpoint others hold would cut the renewed lease short at the next promotion. So it is taken back first.
      const recording = this.#recording.get(id);
      if (recording !== undefined) await recording;
      else if (this.#table.get(id)?.remainingSeconds !== undefined) {
        await this.#record([{ id, remainingSeconds: 0 }]);
        assert(this.#table.get(id)?.remainingSeconds === undefined, 'onCheckpoint resolves when it is done here');
      } else return this.#table.renew(id, this.#clock.monotonic());
    }
  }

  /**
   * Resolves when lease `id` is gone or the signal aborts.
   * @throws LeaseError NOT_PRIMARY, at once or when this member is demoted meanwhile
   */
  async revoked(id: LeaseId, signal?: AbortSignal): Promise<void> {
    if (!this.#table.primary) throw lostPrimary();
    if (!this.#table.has(id) || signal?.aborted) return;
    const waiter = new Deferred<void>();
    const waiters = this.#waiters.get(id) ?? new Set();
    this.#waiters.set(id, waiters.add(waiter));
    const giveUp = (): void => {
      waiters.delete(waiter);
      if (waiters.size === 0 && this.#waiters.get(id) === waiters) this.#waiters.delete(id);
      waiter.resolve();
    };
    signal?.addEventListener('abort', giveUp, { once: true });
    try {
      await waiter.promise;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** Nothing of the current term starts any more. */
  #halt(): void {
    this.#term++;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#queue = [];
  }

  #check(): void {
    const nowMs = this.#clock.monotonic();
    // A check this late means that the process stood still, and that renewals may be waiting in its sockets.
    const lateMs = nowMs - this.#checkedMs - this.#checkMs;
    this.#checkedMs = nowMs;
    if (lateMs > this.#checkMs) {
      this.#table.forgive(lateMs);
      this.#logger.warn('lease expiry was held up; leases live longer by that', { lateMs });
    }
    if (this.#table.nextDueMs <= nowMs) this.#run(this.#handOut());
    if (this.#onCheckpoint !== undefined) {
      const due = this.#table.dueCheckpoints(nowMs, CHECKPOINT_BATCH);
      const free = due.filter(({ id }) => !this.#recording.has(id));
      if (free.length > 0) void this.#recordOrWarn(free);
    }
  }

  async #handOut(): Promise<void> {
    if (this.#confirming) return;
    const term = this.#term;
    if (this.#confirmPrimary !== undefined) {
      this.#confirming = true;
      try {
        await this.#confirmPrimary();
      } catch (error) {
        this.#logger.warn('leases expired, but leadership could not be confirmed: none is revoked', { error });
        return;
      } finally {
        this.#confirming = false;
      }
    }
    if (term !== this.#term) return;
    const room = this.#maxRevokesPerCheck - this.#queue.length;
    this.#queue.push(...this.#table.due(this.#clock.monotonic(), room));
    this.#startRevokes();
  }

  #startRevokes(): void {
    while (this.#revoking.size < this.#maxInFlight) {
      const id = this.#queue.shift();
      if (id === undefined) return;
      // Its holder may have revoked it while it waited here; or an earlier try, perhaps of an earlier term, still runs.
      if (this.#table.has(id) && !this.#revoking.has(id)) this.#run(this.#revoke(id));
    }
  }

  async #revoke(id: LeaseId): Promise<void> {
    this.#revoking.add(id);
    try {
      await this.#onExpired(id);
    } catch (error) {
      this.#logger.warn('revoking an expired lease failed; it will be tried again', { lease: id.toString(), error });
    } finally {
      this.#revoking.delete(id);
      this.#startRevokes();
    }
  }

  async #recordOrWarn(checkpoints: readonly LeaseCheckpoint[]): Promise<void> {
    try {
      await this.#record(checkpoints);
    } catch (error) {
      this.#logger.warn('recording lease checkpoints failed', { leases: checkpoints.length, error });
    }
  }

  /** None of the leases may be recording already: a checkpoint and its taking back must not overtake each other. */
  async #record(checkpoints: readonly LeaseCheckpoint[]): Promise<void> {
    const settled = new Deferred<void>();
    this.#run(settled.promise);
    for (const { id } of checkpoints) this.#recording.set(id, settled.promise);
    try {
      await this.#onCheckpoint!(checkpoints);
    } finally {
      for (const { id } of checkpoints) this.#recording.delete(id);
      settled.resolve();
    }
  }

  #run(task: Promise<void>): void {
    const running = task.finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  #wake(id: LeaseId): void {
    const waiters = this.#waiters.get(id);
    this.#waiters.delete(id);
    for (const waiter of waiters ?? []) waiter.resolve();
  }
}

function lostPrimary(): LeaseError {
  return new LeaseError('NOT_PRIMARY', 'only the primary counts time');
}
