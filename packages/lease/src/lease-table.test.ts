import { AssertionError } from '@kontiki/std';
import { describe, expect, it } from 'vitest';
import { LeaseError, type LeaseErrorCode } from './errors.js';
import { LeaseTable, MAX_TTL_SECONDS } from './lease-table.js';

/** The code a call fails with. */
function codeOf(call: () => unknown): LeaseErrorCode {
  try {
    call();
  } catch (error) {
    if (error instanceof LeaseError) return error.code;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('grant', () => {
  it('raises a short, empty or negative TTL to the minimum and keeps longer ones', () => {
    const table = new LeaseTable({ minTtlSeconds: 2 });
    expect([-(2 ** 53), -5, 0, 1, 2, 3].map((ttl, i) => table.grant(BigInt(i + 1), ttl, 0).ttlSeconds)).toEqual([
      2, 2, 2, 2, 2, 3,
    ]);
  });

  it('refuses 0, what does not fit 64 bits, ids in use, and TTLs of centuries', () => {
    const table = new LeaseTable();
    table.grant(7n, 10, 0);
    expect(codeOf(() => table.grant(0n, 10, 0))).toBe('INVALID_ID');
    expect(codeOf(() => table.grant(2n ** 63n, 10, 0))).toBe('INVALID_ID');
    expect(codeOf(() => table.grant(-(2n ** 63n) - 1n, 10, 0))).toBe('INVALID_ID');
    expect(codeOf(() => table.grant(7n, 10, 0))).toBe('EXISTS');
    expect(codeOf(() => table.grant(8n, MAX_TTL_SECONDS + 1, 0))).toBe('TTL_TOO_LARGE');
    expect(() => table.grant(8n, 1.5, 0)).toThrow(AssertionError);
    expect(table.size).toBe(1);
  });

  it('takes negative ids and the longest TTL, which is far in the future, not over at once', () => {
    const table = new LeaseTable();
    table.promote(1e9, 0);
    table.grant(-1n, MAX_TTL_SECONDS, 1e9);
    expect(table.due(1e9 + 1e12, 10)).toEqual([]);
    expect(table.remainingSeconds(-1n, 1e9)).toBe(MAX_TTL_SECONDS);
    expect(table.due(1e9 + MAX_TTL_SECONDS * 1000, 10)).toEqual([-1n]);
  });
});

describe('keys', () => {
  it('come back from a revoke in the order of their bytes, not of letters or of attaching', () => {
    const table = new LeaseTable();
    table.grant(1n, 10, 0);
    const inOrder = ['', '\0', '\0\0', 'A', 'B', 'a', 'aa', 'b', '\x7f', '\x80', '\xe4', '\xff', '\xff\0'];
    for (const key of [...inOrder].reverse()) table.attach(1n, key);
    expect(table.revoke(1n)).toEqual(inOrder);
    for (const key of inOrder) expect(table.leaseOf(key)).toBeUndefined();
  });

  it('come back by the hundred thousand', () => {
    const table = new LeaseTable();
    table.grant(1n, 10, 0);
    const key = (n: number): string => `key/${String(n).padStart(6, '0')}`;
    for (let i = 0; i < 100_000; i++) table.attach(1n, key((i * 7919) % 100_000));
    expect(table.revoke(1n)).toEqual(Array.from({ length: 100_000 }, (_, i) => key(i)));
  });

  it('move to the lease they are attached to last; the old lease no longer deletes them', () => {
    const table = new LeaseTable();
    table.grant(1n, 10, 0);
    table.grant(2n, 10, 0);
    table.attach(1n, 'a');
    table.attach(1n, 'b');
    table.attach(2n, 'a');
    expect(table.leaseOf('a')).toBe(2n);
    expect(table.revoke(1n)).toEqual(['b']);
    expect([...table.keys(2n)]).toEqual(['a']);
  });

  it('cannot hang on a lease that is not there, and then stay where they were', () => {
    const table = new LeaseTable();
    table.grant(1n, 10, 0);
    table.attach(1n, 'a');
    expect(codeOf(() => table.attach(9n, 'a'))).toBe('NOT_FOUND');
    expect(table.leaseOf('a')).toBe(1n);
    expect([...table.keys(9n)]).toEqual([]);
  });
});

describe('time', () => {
  it('does not pass where the member is not primary', () => {
    const table = new LeaseTable();
    table.grant(1n, 10, 0);
    expect(table.due(1e12, 10)).toEqual([]);
    expect(table.nextDueMs).toBe(Number.POSITIVE_INFINITY);
    expect(codeOf(() => table.renew(1n, 0))).toBe('NOT_PRIMARY');
    expect(codeOf(() => table.remainingSeconds(1n, 0))).toBe('NOT_PRIMARY');
    expect(codeOf(() => table.expired(1n, 0))).toBe('NOT_PRIMARY');
    expect(table.primary).toBe(false);
  });

  it('gives a lease its TTL to the millisecond, and counts down in whole seconds', () => {
    const table = new LeaseTable();
    table.promote(0, 0);
    table.grant(1n, 10, 500);
    expect(table.remainingSeconds(1n, 500)).toBe(10);
    expect(table.remainingSeconds(1n, 501)).toBe(9);
    expect(table.due(10_499, 10)).toEqual([]);
    expect(table.nextDueMs).toBe(10_500);
    expect(table.due(10_500, 10)).toEqual([1n]);
    expect(table.remainingSeconds(1n, 10_501)).toBe(-1);
  });

  it('starts again at a renewal', () => {
    const table = new LeaseTable();
    table.promote(0, 0);
    table.grant(1n, 10, 0);
    expect(table.renew(1n, 9_999)).toBe(10);
    expect(table.due(19_998, 10)).toEqual([]);
    expect(table.due(19_999, 10)).toEqual([1n]);
  });

  it('never starts again for a lease that expired: its revoke may be on the way', () => {
    const table = new LeaseTable();
    table.promote(0, 0);
    table.grant(1n, 10, 0);
    expect(codeOf(() => table.renew(1n, 10_000))).toBe('EXPIRED');
    table.due(10_000, 10);
    table.forgive(5_000);
    expect(table.remainingSeconds(1n, 10_000)).toBe(5);
    expect(table.expired(1n, 10_000)).toBe(true);
    expect(codeOf(() => table.renew(1n, 10_000))).toBe('EXPIRED');
    table.revoke(1n);
    expect(codeOf(() => table.renew(1n, 10_000))).toBe('NOT_FOUND');
  });

  it('that is forgiven counts for nobody', () => {
    const table = new LeaseTable();
    table.promote(0, 0);
    table.grant(1n, 10, 0);
    table.forgive(60_000);
    expect(table.nextDueMs).toBe(70_000);
    expect(table.remainingSeconds(1n, 60_000)).toBe(10);
    expect(table.renew(1n, 65_000)).toBe(10);
    expect(table.nextDueMs).toBe(75_000);
  });
});

describe('due', () => {
  it('hands out no more than asked, those who waited longest first, none twice before the retry time', () => {
    const table = new LeaseTable({ retryMs: 7000 });
    table.promote(0, 0);
    for (const [id, ttl] of [[1n, 3] as const, [2n, 1] as const, [3n, 2] as const]) table.grant(id, ttl, 0);
    expect(table.due(5_000, 2)).toEqual([2n, 3n]);
    expect(table.due(5_000, 2)).toEqual([1n]);
    expect(table.due(11_999, 2)).toEqual([]);
    expect(table.due(12_000, 2)).toEqual([2n, 3n]);
    table.revoke(1n);
    expect(table.due(12_000, 2)).toEqual([]);
  });
});

describe('promotion', () => {
  it('gives everybody the full TTL and the extension, whatever was left before', () => {
    const table = new LeaseTable();
    table.promote(0, 0);
    table.grant(1n, 10, 0);
    table.demote();
    table.promote(9_000, 1_000);
    expect(table.nextDueMs).toBe(20_000);
    expect(table.remainingSeconds(1n, 9_000)).toBe(11);
  });

  it('starts from the last checkpoint where there is one, so that leases end in spite of many primaries', () => {
    const ttl = 100;
    const table = new LeaseTable({ checkpointMs: 10_000 });
    table.grant(1n, ttl, 0);
    let now = 0;
    let revoked = false;
    // A new primary every half TTL: without checkpoints the lease would live for ever.
    for (let primaries = 0; primaries < 4 && !revoked; primaries++) {
      table.promote(now, 1000);
      for (const end = now + (ttl * 1000) / 2; now < end && !revoked; now += 500) {
        for (const { id, remainingSeconds } of table.dueCheckpoints(now, 1000)) table.checkpoint(id, remainingSeconds);
        revoked = table.due(now, 1).length > 0;
      }
      table.demote();
    }
    expect(revoked).toBe(true);
    expect(now).toBeGreaterThanOrEqual(ttl * 1000);
  });

  it('brings out leases that were handed out before it once more, when they are due again', () => {
    const table = new LeaseTable();
    table.promote(0, 0);
    table.grant(1n, 2, 0);
    expect(table.due(2_000, 10)).toEqual([1n]);
    table.demote();
    table.promote(2_000, 0);
    expect(table.due(3_999, 10)).toEqual([]);
    expect(table.due(4_000, 10)).toEqual([1n]);
  });

  it('spreads the end of very many leases to 750 a second', () => {
    const table = new LeaseTable();
    for (let i = 1; i <= 5000; i++) table.grant(BigInt(i), 10, 0);
    table.promote(0, 1000);
    let all = 0;
    for (let second = 11; second <= 18; second++) {
      const now = second * 1000 - 1;
      const due = table.due(now, 10_000);
      expect(due.length).toBeLessThanOrEqual(750);
      for (const id of due) table.revoke(id);
      all += due.length;
    }
    expect(all).toBe(750 * 6 + 500);
    expect(table.size).toBe(0);
  });
});

describe('checkpoints', () => {
  it('are asked for once an interval, while more than an interval is left, rounded up', () => {
    const table = new LeaseTable({ checkpointMs: 300_000 });
    table.promote(0, 0);
    table.grant(1n, 1000, 0);
    table.grant(2n, 300, 0);
    expect(table.checkpoints).toBe(true);
    expect(table.dueCheckpoints(299_999, 10)).toEqual([]);
    expect(table.dueCheckpoints(300_001, 10)).toEqual([{ id: 1n, remainingSeconds: 700 }]);
    expect(table.dueCheckpoints(300_001, 10)).toEqual([]);
    expect(table.dueCheckpoints(600_001, 10)).toEqual([{ id: 1n, remainingSeconds: 400 }]);
    expect(table.dueCheckpoints(900_001, 10)).toEqual([]);
  });

  it('are not asked for when the others do not believe more than is true', () => {
    const table = new LeaseTable({ checkpointMs: 10_000 });
    table.grant(1n, 100, 0);
    table.promote(0, 60_000);
    expect(table.dueCheckpoints(10_000, 10)).toEqual([]);
    expect(table.dueCheckpoints(60_000, 10)).toEqual([]);
    expect(table.dueCheckpoints(70_000, 10)).toEqual([{ id: 1n, remainingSeconds: 90 }]);
  });

  it('are forgotten by a renewal and taken back by 0', () => {
    const table = new LeaseTable();
    table.promote(0, 0);
    table.grant(1n, 100, 0);
    table.checkpoint(1n, 40);
    expect(table.get(1n)).toEqual({ id: 1n, ttlSeconds: 100, remainingSeconds: 40 });
    table.renew(1n, 0);
    expect(table.get(1n)).toEqual({ id: 1n, ttlSeconds: 100 });
    table.checkpoint(1n, 40);
    table.checkpoint(1n, 0);
    expect(table.get(1n)).toEqual({ id: 1n, ttlSeconds: 100 });
    expect(codeOf(() => table.checkpoint(2n, 1))).toBe('NOT_FOUND');
  });

  it('are off unless an interval is given', () => {
    const table = new LeaseTable();
    table.promote(0, 0);
    table.grant(1n, MAX_TTL_SECONDS, 0);
    expect(table.checkpoints).toBe(false);
    expect(table.dueCheckpoints(1e12, 10)).toEqual([]);
  });
});

describe('restore', () => {
  it('brings back what list saved, and leases expire afterwards', () => {
    const table = new LeaseTable({ minTtlSeconds: 2 });
    table.grant(1n, 10, 0);
    table.grant(2n, 20, 0);
    table.checkpoint(2n, 5);
    table.attach(1n, 'a');
    const copy = new LeaseTable({ minTtlSeconds: 2 });
    copy.grant(1n, 99, 0);
    copy.grant(3n, 30, 0);
    copy.attach(3n, 'old');
    const gone: bigint[] = [];
    copy.onGone((id) => gone.push(id));
    copy.restore(table.list(0));
    expect(copy.list(0)).toEqual(table.list(0));
    expect(gone).toEqual([3n]);
    expect(copy.leaseOf('old')).toBeUndefined();
    copy.attach(1n, 'a');
    copy.promote(0, 0);
    expect(copy.due(5_000, 10)).toEqual([2n]);
    expect(copy.due(10_000, 10)).toEqual([1n]);
    expect(copy.revoke(1n)).toEqual(['a']);
  });

  it('refuses damaged input whole', () => {
    const table = new LeaseTable();
    table.grant(1n, 10, 0);
    table.attach(1n, 'a');
    const twice = [
      { id: 2n, ttlSeconds: 5 },
      { id: 2n, ttlSeconds: 6 },
    ];
    expect(codeOf(() => table.restore(twice))).toBe('EXISTS');
    expect(codeOf(() => table.restore([{ id: 0n, ttlSeconds: 5 }]))).toBe('INVALID_ID');
    expect(table.list(0)).toEqual([{ id: 1n, ttlSeconds: 10 }]);
    expect(table.leaseOf('a')).toBe(1n);
    table.promote(0, 0);
    expect(() => table.restore([])).toThrow(AssertionError);
  });

  it("keeps stored TTLs below this member's minimum: what is replicated is the same everywhere", () => {
    const table = new LeaseTable({ minTtlSeconds: 5 });
    table.restore([{ id: 1n, ttlSeconds: 2 }]);
    expect(table.get(1n)?.ttlSeconds).toBe(2);
  });
});

describe('onGone', () => {
  it('is told of a lease that is gone already, until taken off', () => {
    const table = new LeaseTable();
    table.grant(1n, 10, 0);
    table.grant(2n, 10, 0);
    const gone: [bigint, boolean][] = [];
    const stop = table.onGone((id) => gone.push([id, table.has(id)]));
    table.revoke(1n);
    stop();
    table.revoke(2n);
    expect(gone).toEqual([[1n, false]]);
  });
});
