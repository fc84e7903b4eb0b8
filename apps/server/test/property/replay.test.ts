import { LeaseTable } from '@kontiki/lease';
import { all } from '@kontiki/mvcc';
import { openLevelBackend } from '@kontiki/mvcc/level';
import { kv, rpc } from '@kontiki/proto';
import type { Entry } from '@kontiki/raft';
import { silentLogger } from '@kontiki/std';
import fc from 'fast-check';
import { MemoryLevel } from 'memory-level';
import { describe, expect, it } from 'vitest';
import { Quota } from '../../src/apply/quota.js';
import { encodeRequest } from '../../src/apply/request.js';
import { type Outcome, ServerStateMachine } from '../../src/apply/state-machine.js';
import { BackendSlot } from '../../src/storage/backend-slot.js';
import { openTables, type Tables } from '../../src/storage/tables.js';
import { ManualClock } from '../../src/testing/manual-clock.js';

/**
 * The state machine is a function of the log: wherever a crash cuts off the tables, replaying the entries behind the
 * last commit leaves the same state and gave the same answers.
 */
type Db = MemoryLevel<Uint8Array, Uint8Array>;

class Replica {
  private constructor(
    readonly tables: Tables,
    readonly leases: LeaseTable,
    readonly machine: ServerStateMachine,
  ) {}

  static async open(db: Db): Promise<Replica> {
    const clock = new ManualClock();
    const backend = await openLevelBackend(db, { clock });
    const leases = new LeaseTable({ minTtlSeconds: 2 });
    const tables = await openTables({
      backend: new BackendSlot(backend),
      clusterId: 1n,
      leases,
      maxLearners: 1,
      mvcc: { clock, logger: silentLogger },
      onAlarm: () => {},
    });
    const machine = new ServerStateMachine({
      state: {
        store: tables.store,
        leases,
        leaseStore: tables.leaseStore,
        alarms: tables.alarms,
        membership: tables.membership,
        keepCheckpoints: false,
        nowMs: () => 0,
      },
      quota: new Quota(undefined, () => 0),
      saveApplied: (index, term) => tables.meta.saveApplied({ index, term }),
      saveConfState: (state) => tables.meta.saveConfState(state),
      restore: () => Promise.reject(new Error('no snapshot is sent here')),
      onOverQuota: () => {},
    });
    return new Replica(tables, leases, machine);
  }

  get applied(): number {
    return this.tables.meta.applied().index;
  }

  apply(entries: readonly Entry[]): string[] {
    return this.machine.apply(entries).map(({ outcome }) => describeOutcome(outcome));
  }

  /** Everything a client could learn, in one value. */
  async contents(): Promise<unknown> {
    const { store, alarms, membership } = this.tables;
    return {
      revision: store.revision,
      compacted: store.compactedRevision,
      hash: await store.hash(),
      kvs: store.range(all()).kvs.map((one) => Buffer.from(kv.KeyValue.encode(one).finish()).toString('hex')),
      leases: this.leases.list(0).map(({ id, ttlSeconds }) => [id, ttlSeconds, [...this.leases.keys(id)].sort()]),
      alarms: alarms.list(0),
      members: membership.list(),
      version: membership.clusterVersion,
    };
  }
}

function describeOutcome(outcome: Outcome): string {
  const value = outcome.ok ? { ...outcome.reply, deleted: undefined } : { error: `${outcome.error}` };
  return JSON.stringify(value, (_, each) =>
    typeof each === 'bigint' ? `${each}n` : each instanceof Uint8Array ? Buffer.from(each).toString('hex') : each,
  );
}

const key = fc.constantFrom('a', 'b', 'c', 'ab').map((text) => Buffer.from(text));
const lease = fc.constantFrom(0n, 1n, 2n, -3n);
const value = fc.uint8Array({ maxLength: 5 });
const put = fc.record({ key, value, lease, prevKv: fc.boolean() });
const del = fc.record({
  key,
  rangeEnd: fc.constantFrom(Buffer.alloc(0), Buffer.from('b'), Buffer.of(0)),
  prevKv: fc.boolean(),
});
const op = fc.oneof(
  put.map((one) => ({ request: { $case: 'requestPut' as const, value: one } })),
  del.map((one) => ({ request: { $case: 'requestDeleteRange' as const, value: one } })),
  key.map((one) => ({ request: { $case: 'requestRange' as const, value: { key: one } } })),
);
const txn = fc.record({
  compare: fc.array(
    fc.record({
      key,
      target: fc.constantFrom(0, 1, 2) as fc.Arbitrary<0 | 1 | 2>,
      result: fc.constantFrom(0, 1, 2, 3) as fc.Arbitrary<0 | 1 | 2 | 3>,
      targetUnion: fc.nat(4).map((number) => ({ $case: 'version' as const, value: number })),
    }),
    { maxLength: 2 },
  ),
  success: fc.array(op, { maxLength: 3 }),
  failure: fc.array(op, { maxLength: 3 }),
});
const operation = fc.oneof(
  { weight: 6, arbitrary: put.map((one) => ({ put: rpc.PutRequest.fromPartial(one) })) },
  { weight: 2, arbitrary: del.map((one) => ({ deleteRange: rpc.DeleteRangeRequest.fromPartial(one) })) },
  { weight: 4, arbitrary: txn.map((one) => ({ txn: rpc.TxnRequest.fromPartial(one) })) },
  { weight: 3, arbitrary: lease.map((ID) => ({ leaseGrant: rpc.LeaseGrantRequest.fromPartial({ ID, TTL: 60 }) })) },
  { weight: 1, arbitrary: lease.map((ID) => ({ leaseRevoke: { ID } })) },
  { weight: 1, arbitrary: fc.nat(30).map((revision) => ({ compaction: { revision, physical: false } })) },
  {
    weight: 1,
    arbitrary: fc
      .record({
        action: fc.constantFrom(1, 2) as fc.Arbitrary<1 | 2>,
        memberID: fc.constant(7n),
        alarm: fc.constant(1 as const),
      })
      .map((alarm) => ({ alarm })),
  },
  { weight: 1, arbitrary: fc.constant({ clusterVersionSet: { ver: '3.6.0' } }) },
);

const history = fc.array(operation, { minLength: 1, maxLength: 40 }).map((operations) =>
  operations.map(
    (one, i): Entry => ({
      index: i + 1,
      term: 1,
      kind: 'normal',
      data: encodeRequest({ ...one, header: { ID: BigInt(i + 1), username: '', authRevision: 0 } }),
    }),
  ),
);

const newDb = (): Db => new MemoryLevel<Uint8Array, Uint8Array>({ keyEncoding: 'view', valueEncoding: 'view' });

/** All of a database as it is now. */
async function copyOf(db: Db): Promise<Db> {
  const copy = newDb();
  await copy.open();
  const entries = await db.iterator().all();
  await copy.batch(entries.map(([key, value]) => ({ type: 'put' as const, key, value })));
  return copy;
}

describe('the state machine', () => {
  it('leaves the same state and gives the same answers wherever crashes and commits fall', async () => {
    await fc.assert(
      fc.asyncProperty(
        history,
        fc.array(fc.record({ after: fc.nat(40), action: fc.constantFrom('commit', 'crash') }), { maxLength: 6 }),
        async (entries, events) => {
          const straight = await Replica.open(newDb());
          const answers = straight.apply(entries);

          let db = newDb();
          let replica = await Replica.open(db);
          const given: string[] = [];
          let at = 0;
          for (const { after, action } of [...events].sort((a, b) => a.after - b.after)) {
            const until = Math.min(after, entries.length);
            for (; at < until; at++) given[at] = replica.apply([entries[at]!])[0]!;
            if (action === 'commit') await replica.tables.backend.commit();
            else {
              // What was not committed is gone. The crashed one may still be at work, on a disk nobody looks at any more.
              db = await copyOf(db);
              replica = await Replica.open(db);
              at = replica.applied;
            }
          }
          for (; at < entries.length; at++) given[at] = replica.apply([entries[at]!])[0]!;
          expect(given).toEqual(answers);
          expect(replica.applied).toBe(entries.length);
          expect(await replica.contents()).toEqual(await straight.contents());
        },
      ),
      { numRuns: 150 },
    );
  });

  it('stores key-values as the bytes of the message', async () => {
    const replica = await Replica.open(newDb());
    const one = rpc.PutRequest.fromPartial({ key: Buffer.from('k'), value: Buffer.from('v'), lease: 0n });
    replica.apply([{ index: 1, term: 1, kind: 'normal', data: encodeRequest({ put: one, header: undefined }) }]);
    const { store } = replica.tables;
    const [encoded] = store.rangeEncoded(all()).kvs;
    expect(kv.KeyValue.decode(encoded!)).toEqual(store.range(all()).kvs[0]);
    expect(Buffer.from(kv.KeyValue.encode(store.range(all()).kvs[0]!).finish())).toEqual(Buffer.from(encoded!));
  });
});
