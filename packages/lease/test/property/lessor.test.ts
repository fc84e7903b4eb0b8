import { type Clock, Deferred } from '@kontiki/std';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LeaseId, LeaseTable, Lessor } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';

const ELECTION_MS = 1000;

interface Member {
  readonly table: LeaseTable;
  readonly lessor: Lessor;
}

interface Proposal {
  readonly term: number;
  readonly apply: (table: LeaseTable) => void;
  readonly done: Deferred<void>;
}

/**
 * Three members that agree on everything through one log, slowly. A deposed primary may not know for a while, and the
 * log refuses what it proposed too late. Checks at every expiry that nobody lost time.
 */
class Cluster {
  readonly clock = new ManualClock();
  readonly members: Member[];
  /** By lease: until when its holder may count on it. */
  readonly promised = new Map<LeaseId, number>();
  readonly #log: Proposal[] = [];
  /** Leases revoked before their time; must stay empty. */
  readonly broken: string[] = [];
  readonly seen = { expired: 0, renewed: 0, takenBack: 0, refused: 0 };
  term = 0;
  leader = 0;
  #nextId = 1n;

  constructor(clockOffsets: readonly number[], logDelayMs: number) {
    this.members = clockOffsets.map((offset, i) => {
      const table = new LeaseTable({ retryMs: 3000, checkpointMs: 4000, expiriesPerSecond: 3 });
      const clock: Clock = {
        now: () => 0,
        monotonic: () => this.clock.monotonic() + offset,
        after: (ms, call) => this.clock.after(ms, call),
        every: (ms, call) => this.clock.every(ms, call),
      };
      let term = 0;
      const lessor = new Lessor({
        table,
        clock,
        confirmPrimary: async () => {
          // What is started from here on belongs to the term that was confirmed.
          if (this.leader !== i) throw new Error('deposed');
          term = this.term;
        },
        onExpired: (id) =>
          this.propose(term, (each) => {
            if (each === table && this.clock.monotonic() < this.promised.get(id)!) {
              this.broken.push(`lease ${id} at ${this.clock.monotonic()}, promised ${this.promised.get(id)}`);
            }
            if (each.has(id)) each.revoke(id);
            if (each === table) this.seen.expired++;
          }),
        onCheckpoint: (batch) =>
          this.propose(this.leader === i ? this.term : this.term - 1, (each) => {
            if (batch[0]!.remainingSeconds === 0) this.seen.takenBack++;
            for (const { id, remainingSeconds } of batch) if (each.has(id)) each.checkpoint(id, remainingSeconds);
          }),
      });
      return { table, lessor };
    });
    this.clock.every(logDelayMs, () => this.#applyOne());
  }

  propose(term: number, apply: (table: LeaseTable) => void): Promise<void> {
    const done = new Deferred<void>();
    this.#log.push({ term, apply, done });
    return done.promise;
  }

  #applyOne(): void {
    const proposal = this.#log.shift();
    if (proposal === undefined) return;
    if (proposal.term !== this.term) {
      this.seen.refused++;
      proposal.done.reject(new Error('proposed too late'));
    } else {
      for (const { table } of this.members) proposal.apply(table);
      proposal.done.resolve();
    }
  }

  grant(ttlSeconds: number): void {
    const id = this.#nextId++;
    this.promised.set(id, this.clock.monotonic() + ttlSeconds * 1000);
    this.propose(this.term, (table) => {
      const member = this.members.findIndex((each) => each.table === table);
      table.grant(id, ttlSeconds, this.clock.monotonic() + this.offsets[member]!);
    }).catch(() => this.promised.delete(id));
  }

  offsets: readonly number[] = [];

  /** A holder's renewal, at the true leader. Counts from the call, if it is answered at all. */
  renew(nth: number): void {
    const ids = [...this.promised.keys()];
    const id = ids[nth % ids.length]!;
    const calledMs = this.clock.monotonic();
    const term = this.term;
    this.members[this.leader]!.lessor.renew(id).then(
      (ttlSeconds) => {
        // Whoever answers has proved that it leads still.
        this.seen.renewed++;
        if (term === this.term) this.promised.set(id, Math.max(this.promised.get(id)!, calledMs + ttlSeconds * 1000));
      },
      () => {},
    );
  }

  /** The new leader counts from its first entry on; the old one goes on counting until it notices. */
  elect(next: number, noticedAfterMs: number): void {
    const old = this.leader;
    if (old === next && this.term > 0) return;
    const term = ++this.term;
    this.leader = next;
    this.members[next]!.lessor.demote();
    this.clock.after(noticedAfterMs, () => {
      if (this.leader !== old) this.members[old]!.lessor.demote();
    });
    this.propose(term, (table) => {
      if (table === this.members[next]!.table) this.members[next]!.lessor.promote(ELECTION_MS);
    }).catch(() => {});
  }
}

const action = fc.oneof(
  fc.record({ kind: fc.constant('grant' as const), ttl: fc.integer({ min: 1, max: 20 }) }),
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('renew' as const), nth: fc.nat(7) }) },
  fc.record({ kind: fc.constant('elect' as const), member: fc.nat(2), noticedAfterMs: fc.nat(8000) }),
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(6000) }) },
);

describe('Lessor', () => {
  it('never ends a lease before its holder expects, across slow logs, deposed primaries and skewed clocks, and ends each in the end', async () => {
    const seen = { expired: 0, renewed: 0, takenBack: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { minLength: 1, maxLength: 40, size: 'max' }),
        fc.array(fc.nat(1e7), { minLength: 3, maxLength: 3 }),
        fc.constantFrom(50, 300, 900),
        async (actions, offsets, logDelayMs) => {
          const cluster = new Cluster(offsets, logDelayMs);
          cluster.offsets = offsets;
          cluster.elect(0, 0);
          for (const ttl of [3, 7, 12, 20]) cluster.grant(ttl);
          for (const each of actions) {
            if (each.kind === 'grant') cluster.grant(each.ttl);
            else if (each.kind === 'renew') cluster.renew(each.nth);
            else if (each.kind === 'elect') cluster.elect(each.member, each.noticedAfterMs);
            else await cluster.clock.advance(each.ms);
          }
          const { table } = cluster.members[cluster.leader]!;
          // The log drains (it takes one at a time), then the longest TTL, the extension, the spread, and retries.
          await cluster.clock.advance(100 * logDelayMs + 20_000 + ELECTION_MS + 20_000);
          expect(cluster.broken).toEqual([]);
          expect(table.size).toBe(0);
          for (const what of ['expired', 'renewed', 'takenBack', 'refused'] as const) seen[what] += cluster.seen[what];
          await Promise.all(
            cluster.members.map(({ lessor }) => Promise.race([lessor.stop(), cluster.clock.advance(0)])),
          );
        },
      ),
      { numRuns: 400 },
    );
    // It would be no proof if nothing of this had happened.
    for (const times of Object.values(seen)) expect(times).toBeGreaterThan(50);
  });
});
