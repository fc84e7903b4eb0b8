import { fromLatin1, toLatin1 } from '@kontiki/std';
import { MemoryLevel } from 'memory-level';
import { expect } from 'vitest';
import { type LevelBackend, openLevelBackend } from '../../src/adapters/level-backend.js';
import { MvccError } from '../../src/errors.js';
import { all } from '../../src/range.js';
import { MvccStore } from '../../src/store.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { NaiveStore } from '../../src/testing/model.js';
import type { Txn, TxnCheck, TxnResult } from '../../src/txn/txn.js';
import { NO_LEASE } from './arbitraries.js';

/** What a server would find in its log. */
type Entry = { kind: 'txn'; txn: Txn } | { kind: 'compact'; revision: number };

type Snapshot = ReturnType<MemoryLevel<Uint8Array, Uint8Array>['snapshot']>;

const INDEX = fromLatin1('consistent_index');
const check: TxnCheck = { leaseExists: (id) => id !== NO_LEASE };
const attached = (leases: Map<string, bigint>) => (key: string, lease: bigint) => void leases.set(key, lease);

/** Readable and comparable: bytes as text, big numbers marked. */
export function show(value: unknown): string {
  // Not the value the replacer gets: a Buffer has turned itself into something else by then.
  return JSON.stringify(
    value,
    function (this: Record<string, unknown>, name): unknown {
      const part = this[name];
      if (typeof part === 'bigint') return `${part}n`;
      return part instanceof Uint8Array ? toLatin1(part) : part;
    },
    1,
  );
}

function codeOf(error: unknown): string {
  if (error instanceof MvccError) return error.code;
  throw error;
}

/** An answer, or the code of the error that came instead. */
export function outcome(ask: () => unknown): string {
  try {
    return show(ask());
  } catch (error) {
    return codeOf(error);
  }
}

/** As {@link outcome}, of something that takes its time. */
export async function outcomeOf(ask: () => Promise<unknown>): Promise<string> {
  try {
    return show(await ask());
  } catch (error) {
    return codeOf(error);
  }
}

/**
 * A store as a server runs it, beside its naive twin: entries of a log are applied, each with its index in the same batch;
 * a crash loses batches from the end, and the log brings back what was in them.
 */
export class World {
  readonly clock = new ManualClock();
  readonly twin = new NaiveStore();
  readonly #log: Entry[] = [];
  /** The database after each batch, oldest first. */
  #snapshots: Snapshot[] = [];
  #db!: MemoryLevel<Uint8Array, Uint8Array>;
  backend!: LevelBackend;
  store!: MvccStore;

  static async open(): Promise<World> {
    const world = new World();
    await world.#open(new MemoryLevel({ storeEncoding: 'view' }));
    return world;
  }

  async #open(db: MemoryLevel<Uint8Array, Uint8Array>): Promise<void> {
    this.#db = db;
    await db.open();
    this.#snapshots = [db.snapshot()];
    db.on('write', () => this.#snapshots.push(db.snapshot()));
    const leases = new Map<string, bigint>();
    this.backend = await openLevelBackend(db, { clock: this.clock, commitIntervalMs: 20, commitChanges: 6 });
    this.store = await MvccStore.open({
      backend: this.backend,
      clock: this.clock,
      compactionBatchLimit: 2,
      compactionPauseMs: 10,
      // small enough to forget
      valueCacheBytes: 2000,
      onAttached: attached(leases),
    });
    const kept = this.#applied();
    const state = this.#stateAfter(kept);
    expect(show([...leases].toSorted())).toBe(
      show(
        [...state]
          .filter(([, kv]) => kv.lease !== 0n)
          .map(([key, kv]) => [key, kv.lease])
          .toSorted(),
      ),
    );
    for (const entry of this.#log.slice(kept)) this.#apply(entry, this.store);
    this.checkState();
  }

  /** Entries of the log that the database has. */
  #applied(): number {
    const index = this.backend.get('meta', INDEX);
    return index === undefined ? 0 : Number(toLatin1(index));
  }

  /** What an independent replay of the first entries comes to. */
  #stateAfter(entries: number) {
    const twin = new NaiveStore();
    for (const entry of this.#log.slice(0, entries)) {
      try {
        if (entry.kind === 'txn') twin.txn(entry.txn, check);
        else twin.compact(entry.revision);
      } catch (error) {
        if (!(error instanceof MvccError)) throw error;
      }
    }
    expect(this.store.revision).toBe(twin.revision);
    expect(this.store.compactedRevision).toBe(twin.compactedRevision);
    return twin.state(twin.revision);
  }

  /** In one turn, as it must be: a commit in between would part a change from its index. */
  #apply(entry: Entry, store: MvccStore): string {
    const index = this.#applied() + 1;
    const answer = outcome(() => {
      if (entry.kind === 'txn') return store.txn(entry.txn, check);
      store.compact(entry.revision);
      return undefined;
    });
    this.backend.put('meta', INDEX, fromLatin1(String(index)));
    return answer;
  }

  /** Applies an entry to both; their answers must be the same. */
  apply(entry: Entry): void {
    this.#log.push(entry);
    const real = this.#apply(entry, this.store);
    const expected = outcome((): TxnResult | undefined => {
      if (entry.kind === 'txn') return this.twin.txn(entry.txn, check);
      this.twin.compact(entry.revision);
      return undefined;
    });
    expect(real).toBe(expected);
    this.checkState();
  }

  async pass(ms: number): Promise<void> {
    for (let rest = ms; rest > 0; rest -= 10) {
      this.clock.advance(Math.min(10, rest));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** Everything is committed and closed in order. */
  async restart(): Promise<void> {
    await this.clock.until(this.store.close());
    await this.clock.until(this.backend.close());
    await this.#open(this.#db);
  }

  /** The process dies, and the disk has forgotten the last `lost` batches. */
  async crash(lost: number): Promise<void> {
    const snapshots = this.#snapshots;
    const snapshot = snapshots[Math.max(0, snapshots.length - 1 - lost)]!;
    const left = new MemoryLevel<Uint8Array, Uint8Array>({
      storeEncoding: 'view',
      keyEncoding: 'view',
      valueEncoding: 'view',
    });
    await left.open();
    for await (const [key, value] of this.#db.iterator({ keyEncoding: 'view', valueEncoding: 'view', snapshot })) {
      await left.put(key, value);
    }
    // Whatever the dead process still does reaches nobody.
    void this.store.close();
    await this.#open(left);
  }

  /** What is cheap to compare is compared all the time. */
  checkState(): void {
    const { store, twin } = this;
    expect(store.revision).toBe(twin.revision);
    expect(store.compactedRevision).toBe(twin.compactedRevision);
    expect(store.size).toBe(twin.state(twin.revision).size);
    expect(show(store.range(all()))).toBe(show(twin.range(all())));
  }

  /** Every state that can be read, and the stored history once compaction is through. */
  async checkEverything(): Promise<void> {
    const { store, twin, clock, backend } = this;
    for (let revision = Math.max(1, twin.compactedRevision); revision <= twin.revision; revision++) {
      expect(show(store.range(all(), { revision }))).toBe(show(twin.range(all(), { revision })));
      expect(show(await clock.until(store.hash(revision)))).toBe(show(twin.hash(revision)));
    }
    await clock.until(store.compacted());
    let stored = 0;
    const scan = async (): Promise<void> => {
      for await (const records of backend.scan('key')) stored += records.length;
    };
    await clock.until(scan());
    expect(stored).toBe(twin.stored().length);
  }
}
