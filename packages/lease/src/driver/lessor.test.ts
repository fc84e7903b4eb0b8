import { AssertionError, Deferred, type Logger, silentLogger } from '@kontiki/std';
import { describe, expect, it } from 'vitest';
import { LeaseError, type LeaseErrorCode } from '../errors.js';
import { LeaseTable, type LeaseTableOptions } from '../lease-table.js';
import { ManualClock } from '../testing/manual-clock.js';
import type { LeaseCheckpoint, LeaseId } from '../types.js';
import { Lessor, type LessorOptions } from './lessor.js';

/** A primary whose callbacks wait until the test settles them, in the order they were called. */
class Fixture {
  readonly clock = new ManualClock();
  readonly table: LeaseTable;
  readonly lessor: Lessor;
  readonly revokes: { id: LeaseId; call: Deferred<void> }[] = [];
  readonly checkpoints: { batch: readonly LeaseCheckpoint[]; call: Deferred<void> }[] = [];
  readonly warnings: string[] = [];

  constructor(options: Partial<LessorOptions> = {}, tableOptions: LeaseTableOptions = {}) {
    const logger: Logger = { ...silentLogger, warn: (message) => void this.warnings.push(message) };
    this.table = new LeaseTable(tableOptions);
    this.lessor = new Lessor({
      table: this.table,
      clock: this.clock,
      logger,
      onExpired: (id) => {
        const call = new Deferred<void>();
        this.revokes.push({ id, call });
        return call.promise;
      },
      onCheckpoint: (batch) => {
        const call = new Deferred<void>();
        this.checkpoints.push({ batch, call });
        return call.promise;
      },
      ...options,
    });
  }

  grant(id: LeaseId, ttlSeconds: number): void {
    this.table.grant(id, ttlSeconds, this.clock.monotonic());
  }

  /** The oldest revoke happens. */
  async revoke(): Promise<LeaseId> {
    const { id, call } = this.revokes.shift()!;
    this.table.revoke(id);
    call.resolve();
    await this.clock.advance(0);
    return id;
  }

  /** The oldest checkpoint happens. */
  async record(): Promise<readonly LeaseCheckpoint[]> {
    const { batch, call } = this.checkpoints.shift()!;
    for (const { id, remainingSeconds } of batch) this.table.checkpoint(id, remainingSeconds);
    call.resolve();
    await this.clock.advance(0);
    return batch;
  }

  /** What became of a promise so far. */
  async fate(promise: Promise<unknown>): Promise<unknown> {
    let fate: unknown = 'waits';
    promise.then(
      (value) => (fate = value ?? 'done'),
      (error) => (fate = error instanceof LeaseError ? error.code : error),
    );
    await this.clock.advance(0);
    return fate;
  }
}

const code = (expected: LeaseErrorCode): object => expect.objectContaining({ code: expected });

describe('expiry', () => {
  it('is looked for every half second, on a primary only', async () => {
    const on = new Fixture();
    on.grant(1n, 1);
    await on.clock.advance(60_000);
    expect(on.revokes).toEqual([]);
    on.lessor.promote(1000);
    await on.clock.advance(1_999);
    expect(on.revokes).toEqual([]);
    await on.clock.advance(1);
    expect(on.revokes.map(({ id }) => id)).toEqual([1n]);
  });

  it('of a renewed lease is not proposed', async () => {
    const on = new Fixture();
    on.lessor.promote(0);
    on.grant(1n, 2);
    for (let i = 0; i < 100; i++) {
      await on.clock.advance(1_900);
      expect(await on.lessor.renew(1n)).toBe(2);
    }
    expect(on.revokes).toEqual([]);
    await on.clock.advance(2_000);
    expect(on.revokes).toHaveLength(1);
  });

  it('runs at most 16 revokes at once, and starts the next as one settles', async () => {
    const on = new Fixture();
    on.lessor.promote(0);
    for (let i = 1n; i <= 40n; i++) on.grant(i, 1);
    await on.clock.advance(1_000);
    expect(on.revokes).toHaveLength(16);
    await on.revoke();
    expect(on.revokes).toHaveLength(16);
    const order = [1n];
    while (on.revokes.length > 0) order.push(await on.revoke());
    expect(order).toEqual(Array.from({ length: 40 }, (_, i) => BigInt(i + 1)));
    expect(on.table.size).toBe(0);
  });

  it('takes at most 500 a check, and no more than that wait', async () => {
    const on = new Fixture({ onExpired: async (id) => void on.table.revoke(id) });
    on.lessor.promote(0);
    for (let i = 1n; i <= 1200n; i++) on.grant(i, 1);
    await on.clock.advance(1_000);
    expect(on.table.size).toBe(700);
    await on.clock.advance(500);
    expect(on.table.size).toBe(200);
    await on.clock.advance(500);
    expect(on.table.size).toBe(0);
  });

  it('hands out no more while the queue is full', async () => {
    const on = new Fixture({ maxRevokesPerCheck: 5, maxInFlight: 1 }, { retryMs: 1e9 });
    on.lessor.promote(0);
    for (let i = 1n; i <= 20n; i++) on.grant(i, 1);
    await on.clock.advance(10_000);
    // One runs, five wait; the other fourteen were never handed out and so are due at once.
    expect(on.revokes.map(({ id }) => id)).toEqual([1n]);
    expect(on.table.due(10_000, 100)).toHaveLength(14);
  });

  it('skips what its holder revoked while it waited', async () => {
    const on = new Fixture({ maxInFlight: 1 });
    on.lessor.promote(0);
    on.grant(1n, 1);
    on.grant(2n, 1);
    on.grant(3n, 1);
    await on.clock.advance(1_000);
    on.table.revoke(2n);
    await on.revoke();
    expect(on.revokes.map(({ id }) => id)).toEqual([3n]);
  });

  it('is tried again when a revoke failed, and says so', async () => {
    const on = new Fixture({}, { retryMs: 7000 });
    on.lessor.promote(0);
    on.grant(1n, 1);
    await on.clock.advance(1_000);
    on.revokes.shift()!.call.reject(new Error('no leader'));
    await on.clock.advance(6_999);
    expect(on.revokes).toEqual([]);
    expect(on.warnings).toEqual([expect.stringContaining('will be tried again')]);
    await on.clock.advance(1);
    expect(on.revokes.map(({ id }) => id)).toEqual([1n]);
  });

  it('frees its place when a revoke throws at once', async () => {
    const on = new Fixture({
      maxInFlight: 1,
      onExpired: (id) => {
        if (id === 1n) throw new Error('at once');
        on.table.revoke(id);
        return Promise.resolve();
      },
    });
    on.lessor.promote(0);
    on.grant(1n, 1);
    on.grant(2n, 1);
    await on.clock.advance(1_000);
    expect(on.table.has(2n)).toBe(false);
    expect(on.warnings).toHaveLength(1);
  });
});

describe('confirmPrimary', () => {
  it('comes before anything is revoked, and only when something is due', async () => {
    const confirmations: Deferred<void>[] = [];
    const on = new Fixture({
      confirmPrimary: () => confirmations[confirmations.push(new Deferred<void>()) - 1]!.promise,
    });
    on.lessor.promote(0);
    on.grant(1n, 2);
    await on.clock.advance(1_500);
    expect(confirmations).toHaveLength(0);
    await on.clock.advance(5_000);
    expect(confirmations).toHaveLength(1);
    expect(on.revokes).toEqual([]);
    confirmations[0]!.resolve();
    await on.clock.advance(0);
    expect(on.revokes.map(({ id }) => id)).toEqual([1n]);
  });

  it('that fails leaves the leases alone, also those another primary renewed meanwhile; the next check asks again', async () => {
    let primary = false;
    const on = new Fixture({
      confirmPrimary: async () => {
        if (!primary) throw new Error('another leads');
      },
    });
    on.lessor.promote(0);
    on.grant(1n, 1);
    await on.clock.advance(3_000);
    expect(on.revokes).toEqual([]);
    expect(on.warnings[0]).toContain('could not be confirmed');
    primary = true;
    await on.clock.advance(500);
    expect(on.revokes.map(({ id }) => id)).toEqual([1n]);
  });

  it('that comes after a demotion starts nothing', async () => {
    const confirmations: Deferred<void>[] = [];
    const on = new Fixture({
      confirmPrimary: () => confirmations[confirmations.push(new Deferred<void>()) - 1]!.promise,
    });
    on.lessor.promote(0);
    on.grant(1n, 1);
    await on.clock.advance(1_000);
    on.lessor.demote();
    on.lessor.promote(0);
    await on.clock.advance(1_000);
    confirmations[0]!.resolve();
    await on.clock.advance(0);
    expect(on.revokes).toEqual([]);
    // The new term asks for itself.
    await on.clock.advance(500);
    expect(confirmations).toHaveLength(2);
    confirmations[1]!.resolve();
    await on.clock.advance(0);
    expect(on.revokes.map(({ id }) => id)).toEqual([1n]);
  });
});

describe('a process that stood still', () => {
  it('does not count that time: renewals may be waiting in its sockets', async () => {
    const on = new Fixture();
    on.lessor.promote(0);
    on.grant(1n, 10);
    on.grant(2n, 10);
    await on.clock.advance(9_000);
    await on.clock.stall(60_000);
    expect(on.revokes).toEqual([]);
    expect(on.warnings).toEqual([expect.stringContaining('held up')]);
    expect(await on.lessor.renew(1n)).toBe(10);
    await on.clock.advance(1_000);
    expect(on.revokes.map(({ id }) => id)).toEqual([2n]);
  });

  it('is forgiven no more than it lost: expiry goes on under constant load', async () => {
    const on = new Fixture();
    on.lessor.promote(0);
    on.grant(1n, 5);
    for (let i = 0; i < 11; i++) await on.clock.stall(2_000);
    expect(on.revokes.map(({ id }) => id)).toEqual([1n]);
  });

  it('a little late is not late: time up to twice the check counts', async () => {
    const on = new Fixture();
    on.lessor.promote(0);
    on.grant(1n, 3);
    for (let i = 0; i < 3; i++) await on.clock.stall(1_000);
    expect(on.warnings).toEqual([]);
    expect(on.revokes).toHaveLength(1);
  });
});

describe('demotion', () => {
  it('starts nothing new, ends the timer and leaves no lease with a deadline', async () => {
    const on = new Fixture({ maxInFlight: 1 });
    on.lessor.promote(0);
    on.grant(1n, 1);
    on.grant(2n, 1);
    await on.clock.advance(1_000);
    on.lessor.demote();
    await on.revoke();
    await on.clock.advance(60_000);
    expect(on.revokes).toEqual([]);
    expect(on.clock.pending).toBe(0);
    expect(on.table.primary).toBe(false);
    on.lessor.demote();
  });

  it('tells everybody who waits NOT_PRIMARY', async () => {
    const on = new Fixture();
    on.lessor.promote(0);
    on.grant(1n, 1);
    on.grant(2n, 100);
    await on.clock.advance(1_000);
    const waiting = [on.lessor.renew(1n), on.lessor.revoked(1n), on.lessor.revoked(2n)];
    const fates = Promise.allSettled(waiting);
    await on.clock.advance(0);
    on.lessor.demote();
    for (const fate of await fates) expect(fate).toEqual({ status: 'rejected', reason: code('NOT_PRIMARY') });
    await expect(on.lessor.renew(2n)).rejects.toEqual(code('NOT_PRIMARY'));
    await expect(on.lessor.revoked(2n)).rejects.toEqual(code('NOT_PRIMARY'));
  });

  it('and promotion again count revokes still running, so that the limit holds', async () => {
    const on = new Fixture({ maxInFlight: 2 });
    on.lessor.promote(0);
    for (let i = 1n; i <= 4n; i++) on.grant(i, 1);
    await on.clock.advance(1_000);
    on.lessor.demote();
    on.lessor.promote(0);
    await on.clock.advance(1_000);
    expect(on.revokes.map(({ id }) => id)).toEqual([1n, 2n]);
    await on.revoke();
    await on.revoke();
    expect(on.revokes.map(({ id }) => id)).toEqual([3n, 4n]);
  });

  it('is the first half of stop, which waits for what still runs', async () => {
    const on = new Fixture({}, { checkpointMs: 1_000 });
    on.lessor.promote(0);
    on.grant(1n, 1);
    on.grant(2n, 100);
    await on.clock.advance(1_000);
    expect([on.revokes.length, on.checkpoints.length]).toEqual([1, 1]);
    const stopped = on.lessor.stop();
    expect(await on.fate(stopped)).toBe('waits');
    await on.revoke();
    expect(await on.fate(stopped)).toBe('waits');
    on.checkpoints[0]!.call.reject(new Error('stopping'));
    expect(await on.fate(stopped)).toBe('done');
    expect(on.clock.pending).toBe(0);
  });
});

describe('promotion of a primary', () => {
  it('starts all over: one timer, nothing queued, full TTLs', async () => {
    const on = new Fixture({ maxInFlight: 1 });
    on.lessor.promote(0);
    on.grant(1n, 1);
    on.grant(2n, 1);
    await on.clock.advance(1_000);
    on.lessor.promote(5_000);
    expect(on.clock.pending).toBe(1);
    await on.revoke();
    expect(on.revokes).toEqual([]);
    await on.clock.advance(6_000);
    expect(on.revokes.map(({ id }) => id)).toEqual([2n]);
  });
});

describe('renew', () => {
  it('is refused where the member is not primary, also for a lease with a checkpoint', async () => {
    const on = new Fixture();
    on.grant(1n, 10);
    on.table.checkpoint(1n, 5);
    expect(await on.fate(on.lessor.renew(1n))).toBe('NOT_PRIMARY');
    expect(await on.fate(on.lessor.renew(9n))).toBe('NOT_PRIMARY');
    expect(on.checkpoints).toEqual([]);
  });

  it('of a lease that expired waits for its revoke, and then it is not found', async () => {
    const on = new Fixture();
    on.lessor.promote(0);
    on.grant(1n, 1);
    await on.clock.advance(1_000);
    const renewal = on.lessor.renew(1n);
    expect(await on.fate(renewal)).toBe('waits');
    await on.revoke();
    expect(await on.fate(renewal)).toBe('NOT_FOUND');
    expect(await on.fate(on.lessor.renew(9n))).toBe('NOT_FOUND');
  });

  it('of an expired lease waits also before the next check has noticed', async () => {
    const on = new Fixture();
    on.lessor.promote(0);
    await on.clock.advance(100);
    on.grant(1n, 1);
    await on.clock.advance(1_000);
    expect(on.revokes).toEqual([]);
    const renewal = on.lessor.renew(1n);
    expect(await on.fate(renewal)).toBe('waits');
    await on.clock.advance(500);
    await on.revoke();
    expect(await on.fate(renewal)).toBe('NOT_FOUND');
  });

  it('gives up with the reason of its signal', async () => {
    const on = new Fixture();
    on.lessor.promote(0);
    on.grant(1n, 1);
    await on.clock.advance(1_000);
    const stop = new AbortController();
    const renewal = on.lessor.renew(1n, stop.signal);
    const fate = on.fate(renewal);
    stop.abort('client went');
    expect(await fate).toBe('client went');
    expect(await on.fate(on.lessor.renew(1n, AbortSignal.abort('never came')))).toBe('never came');
  });

  it('takes a checkpoint back before it answers', async () => {
    const on = new Fixture();
    on.grant(1n, 100);
    on.table.checkpoint(1n, 40);
    on.lessor.promote(0);
    const renewals = [on.lessor.renew(1n), on.lessor.renew(1n)];
    expect(await on.fate(renewals[0]!)).toBe('waits');
    expect(on.table.remainingSeconds(1n, 0)).toBe(40);
    expect(on.checkpoints).toHaveLength(1);
    expect(await on.record()).toEqual([{ id: 1n, remainingSeconds: 0 }]);
    expect(await Promise.all(renewals)).toEqual([100, 100]);
    expect(on.table.get(1n)).toEqual({ id: 1n, ttlSeconds: 100 });
  });

  it('fails as taking the checkpoint back failed, and the lease is not renewed', async () => {
    const on = new Fixture();
    on.grant(1n, 100);
    on.table.checkpoint(1n, 40);
    on.lessor.promote(0);
    const renewal = on.lessor.renew(1n);
    await on.clock.advance(0);
    on.checkpoints.shift()!.call.reject(new Error('no leader'));
    await expect(renewal).rejects.toThrow('no leader');
    expect(on.table.remainingSeconds(1n, 0)).toBe(40);
  });

  it('waits for a checkpoint that is being recorded, and takes that back', async () => {
    const on = new Fixture({}, { checkpointMs: 10_000 });
    on.lessor.promote(0);
    on.grant(1n, 100);
    await on.clock.advance(10_000);
    expect(on.checkpoints).toHaveLength(1);
    const renewal = on.lessor.renew(1n);
    expect(await on.fate(renewal)).toBe('waits');
    expect(await on.record()).toEqual([{ id: 1n, remainingSeconds: 90 }]);
    expect(await on.record()).toEqual([{ id: 1n, remainingSeconds: 0 }]);
    expect(await on.fate(renewal)).toBe(100);
    expect(on.table.get(1n)).toEqual({ id: 1n, ttlSeconds: 100 });
  });

  it('goes on when that checkpoint could not be recorded', async () => {
    const on = new Fixture({}, { checkpointMs: 10_000 });
    on.lessor.promote(0);
    on.grant(1n, 100);
    await on.clock.advance(10_000);
    const renewal = on.lessor.renew(1n);
    await on.clock.advance(0);
    on.checkpoints.shift()!.call.reject(new Error('lost'));
    expect(await on.fate(renewal)).toBe(100);
    expect(on.checkpoints).toEqual([]);
  });

  it('holds its callback to its promise to resolve when the checkpoint is applied here', async () => {
    const on = new Fixture();
    on.grant(1n, 100);
    on.table.checkpoint(1n, 40);
    on.lessor.promote(0);
    const renewal = on.lessor.renew(1n);
    await on.clock.advance(0);
    on.checkpoints.shift()!.call.resolve();
    await expect(renewal).rejects.toThrow(AssertionError);
  });
});

describe('revoked', () => {
  it('resolves for all who wait when the lease is gone, and at once when it is not there', async () => {
    const on = new Fixture();
    on.lessor.promote(0);
    on.grant(1n, 10);
    const waiting = [on.lessor.revoked(1n), on.lessor.revoked(1n)];
    expect(await on.fate(waiting[0]!)).toBe('waits');
    on.table.revoke(1n);
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
    await on.lessor.revoked(1n);
  });

  it('resolves when its signal aborts, and the others go on waiting', async () => {
    const on = new Fixture();
    on.lessor.promote(0);
    on.grant(1n, 10);
    const stop = new AbortController();
    const impatient = on.lessor.revoked(1n, stop.signal);
    const patient = on.lessor.revoked(1n);
    stop.abort();
    expect(await on.fate(impatient)).toBe('done');
    expect(await on.fate(patient)).toBe('waits');
    expect(await on.fate(on.lessor.revoked(1n, stop.signal))).toBe('done');
    on.table.revoke(1n);
    expect(await on.fate(patient)).toBe('done');
  });
});

describe('checkpoints', () => {
  it('are recorded in batches of at most a thousand, and a failure is tried again an interval later', async () => {
    const on = new Fixture({}, { checkpointMs: 10_000 });
    on.lessor.promote(0);
    for (let i = 1n; i <= 1500n; i++) on.grant(i, 100);
    await on.clock.advance(10_000);
    expect(on.checkpoints.map(({ batch }) => batch.length)).toEqual([1000]);
    await on.clock.advance(500);
    expect(on.checkpoints.map(({ batch }) => batch.length)).toEqual([1000, 500]);
    on.checkpoints.shift()!.call.reject(new Error('lost'));
    await on.record();
    expect(on.warnings).toEqual([expect.stringContaining('checkpoints failed')]);
    expect(on.table.get(1n)?.remainingSeconds).toBeUndefined();
    await on.clock.advance(9_500);
    expect((await on.record())[0]).toEqual({ id: 1n, remainingSeconds: 80 });
  });

  it('never overtake each other for one lease', async () => {
    const on = new Fixture({}, { checkpointMs: 10_000 });
    on.lessor.promote(0);
    on.grant(1n, 100);
    await on.clock.advance(20_000);
    expect(on.checkpoints).toHaveLength(1);
  });

  it('that are wanted but cannot be recorded are a mistake of whoever wired it', () => {
    const table = new LeaseTable({ checkpointMs: 1000 });
    const clock = new ManualClock();
    expect(() => new Lessor({ table, clock, onExpired: async () => {} })).toThrow(AssertionError);
  });
});
