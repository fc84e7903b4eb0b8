import { type Applied, type Entry, RaftDriver, RaftError } from '@kontiki/raft';
import { MemoryDisk, type MemoryHub } from '@kontiki/raft/testing';
import { systemClock, systemRandom } from '@kontiki/std/node';

const VOTERS: readonly bigint[] = [1n, 2n, 3n];

/** One member of a group that agrees on a number. An entry of its log is an id and what to add, 8 bytes each. */
export class Counter {
  readonly #id: bigint;
  readonly #hub: MemoryHub;
  readonly #driver: RaftDriver<number>;
  #value = 0;
  /** What each addition came to: one that is asked for twice counts once. (A long life would forget old ones.) */
  readonly #outcomes = new Map<bigint, number>();
  #asked = 0n;

  constructor(id: bigint, hub: MemoryHub) {
    this.#id = id;
    this.#hub = hub;
    this.#driver = RaftDriver.start<number>({
      raft: { id },
      confState: { voters: VOTERS, learners: [] },
      log: { entries: [] },
      applied: 0,
      tickMs: 10,
      writer: new MemoryDisk(),
      transport: hub.transport,
      stateMachine: {
        apply: (entries) => entries.map((entry) => this.#apply(entry)),
        restore: () => Promise.reject(new Error('the log is too short here for anybody to need a snapshot')),
      },
      snapshots: { save: async () => {}, capture: async () => new Uint8Array(0) },
      clock: systemClock,
      random: systemRandom,
      onFatal: (error) => console.error(error),
    });
    hub.attach(id, this.#driver);
    // The first leader need not wait for an election timeout.
    if (id === VOTERS[0]) this.#driver.campaign();
  }

  #apply({ index, data }: Entry): Applied<number> {
    if (data.length === 0) return { id: undefined, outcome: index }; // a new leader's own entry
    const view = new DataView(data.buffer, data.byteOffset);
    const id = view.getBigInt64(0);
    if (!this.#outcomes.has(id)) this.#outcomes.set(id, (this.#value += Number(view.getBigInt64(8))));
    return { id, outcome: this.#outcomes.get(id)! };
  }

  /** Answers the number right after the addition. */
  add(amount: number): Promise<number> {
    const id = this.#id * 1_000_000n + this.#asked++;
    const view = new DataView(new ArrayBuffer(16));
    view.setBigInt64(0, id);
    view.setBigInt64(8, BigInt(amount));
    return patiently(() => this.#driver.propose(id, new Uint8Array(view.buffer)));
  }

  /** The number as it is now, whoever changed it where. */
  async read(): Promise<number> {
    const index = await patiently(() => this.#driver.readIndex());
    await this.#driver.applied.reached(index);
    return this.#value;
  }

  /** It is gone, as far as the others can tell. */
  async stop(): Promise<void> {
    this.#hub.detach(this.#id);
    await this.#driver.stop();
  }
}

/** Asks until somebody leads. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof RaftError) || error.code === 'STOPPED') throw error;
    }
  }
}
