import { MvccStore, single } from '@kontiki/mvcc';
import { openLevelBackend } from '@kontiki/mvcc/level';
import { silentLogger } from '@kontiki/std';
import { systemClock } from '@kontiki/std/node';
import fc from 'fast-check';
import { MemoryLevel } from 'memory-level';
import { expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { CorruptionCheck } from './corruption-check.js';

type Change =
  | { readonly kind: 'put'; readonly key: string; readonly value: number }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'compact'; readonly part: number };

/** One member: a store, and how far it has applied the log all members share. */
class Replica {
  applied = 0;
  readonly #log: readonly Change[];

  constructor(
    readonly store: MvccStore,
    log: readonly Change[],
    readonly close: () => Promise<unknown>,
  ) {
    this.#log = log;
  }

  static async open(log: readonly Change[]): Promise<Replica> {
    const database = new MemoryLevel<Uint8Array, Uint8Array>({ keyEncoding: 'view', valueEncoding: 'view' });
    const backend = await openLevelBackend(database, { clock: systemClock });
    const store = await MvccStore.open({ backend, clock: systemClock, compactionPauseMs: 0, compactionHashes: 10 });
    return new Replica(store, log, async () => {
      await store.close();
      await backend.close();
    });
  }

  apply(upTo: number): void {
    for (; this.applied < Math.min(upTo, this.#log.length); this.applied++) {
      const change = this.#log[this.applied]!;
      const { store } = this;
      if (change.kind === 'put') store.put(change.key, Uint8Array.of(change.value));
      else if (change.kind === 'delete') store.deleteRange(single(change.key));
      else {
        const revision = Math.ceil(store.revision * change.part);
        if (revision > store.compactedRevision) store.compact(revision);
      }
    }
  }
}

const key = fc.constantFrom('a', 'b', 'c');
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('put' as const), key, value: fc.nat(255) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('compact' as const), part: fc.constantFrom(0.5, 0.9, 1) }) },
);

/** Three members of which the first leads; `steps` says who applies how much whenever somebody is asked. */
async function compared(
  log: readonly Change[],
  steps: readonly (readonly [member: number, entries: number])[],
  damage: (members: readonly Replica[]) => void = () => {},
): Promise<{ readonly alarms: readonly bigint[]; readonly rounds: number }> {
  const members = [await Replica.open(log), await Replica.open(log), await Replica.open(log)];
  const clock = new ManualClock();
  const alarms: bigint[] = [];
  let rounds = 0;
  let at = 0;
  const moveOn = (): void => {
    const [member = 0, entries = 0] = steps[at++ % Math.max(1, steps.length)] ?? [];
    members[member]!.apply(members[member]!.applied + entries);
  };
  for (const one of members) one.apply(Math.floor(log.length / 2));
  damage(members);
  const leader = members[0]!.store;
  const line = (message: string): void => {
    if (/alike|inconsistency|different data|failed/.test(message)) rounds++;
  };
  const check = new CorruptionCheck(
    {
      clock,
      logger: { ...silentLogger, info: line, warn: line, error: line },
      memberId: 1n,
      peers: () => [2n, 3n],
      hash: async (revision) => {
        moveOn();
        return leader.hash(revision);
      },
      peerHash: async (id, revision) => {
        moveOn();
        const { store } = members[Number(id) - 1]!;
        const hash = await store.hash(revision);
        moveOn();
        return { ...hash, revision: store.revision };
      },
      compactionHashes: () => leader.compactionHashes,
      // What others have applied is committed, so the leader gets it.
      barrier: async () => members[0]!.apply(Math.max(...members.map(({ applied }) => applied))),
      revision: () => leader.revision,
      raiseAlarm: async (id) => alarms.push(id),
    },
    { everyMs: 2000, compactionsEveryMs: 3000 },
  );
  check.start();
  for (let turn = 0; rounds < 4 && turn < 2000; turn++) await clock.advance(100);
  check.stop();
  for (const one of members) await one.close();
  return { alarms, rounds };
}

const steps = fc.array(fc.tuple(fc.nat(2), fc.nat(3)), { maxLength: 12 });

it('accuses nobody, however members lag behind each other and compact meanwhile', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 40 }), steps, async (log, schedule) => {
      const { alarms, rounds } = await compared(log, schedule);
      expect(alarms).toEqual([]);
      expect(rounds).toBeGreaterThan(0);
    }),
    { numRuns: 40 },
  );
});

it('finds one value that differs on one member', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 20 }), fc.constantFrom(0, 1, 2), async (log, wrong) => {
      const { alarms } = await compared(log, [], (members) => {
        for (const [i, { store }] of members.entries()) store.put('d', Uint8Array.of(i === wrong ? 1 : 0));
      });
      expect(new Set(alarms)).toEqual(new Set([BigInt(wrong + 1)]));
    }),
    { numRuns: 15 },
  );
});
