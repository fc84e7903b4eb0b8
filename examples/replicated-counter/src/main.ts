import { type Applied, type Entry, RaftDriver, RaftError } from '@kontiki/raft';
import { MemoryDisk, MemoryHub } from '@kontiki/raft/testing';
import { systemClock, systemRandom } from '@kontiki/std/node';

const VOTERS = [1n, 2n, 3n];

/** One member of a group that agrees on a number. An entry of its log is an id and what to add, 8 bytes each. */
class Counter {
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

  /** Answers the number right after the addition. Asks until somebody leads. */
  async add(amount: number): Promise<number> {
    const id = this.#id * 1_000_000n + this.#asked++;
    const data = new Uint8Array(16);
    const view = new DataView(data.buffer);
    view.setBigInt64(0, id);
    view.setBigInt64(8, BigInt(amount));
    for (;;) {
      try {
        return await this.#driver.propose(id, data);
      } catch (error) {
        if (!(error instanceof RaftError) || error.code === 'STOPPED') throw error;
      }
    }
  }

  /** The number as it is now, whoever changed it where. */
  async read(): Promise<number> {
    const index = await this.#driver.readIndex();
    await this.#driver.applied.reached(index);
    return this.#value;
  }

  /** It is gone, as far as the others can tell. */
  async stop(): Promise<void> {
    this.#hub.detach(this.#id);
    await this.#driver.stop();
  }
}

export async function run(say: (line: string) => void): Promise<void> {
  const hub = new MemoryHub();
  const [one, two, three] = VOTERS.map((id) => new Counter(id, hub)) as [Counter, Counter, Counter];
  say(`one adds 1: ${await one.add(1)}`);
  say(`two adds 10: ${await two.add(10)}`);
  say(`three reads ${await three.read()}`);
  await one.stop();
  say(`without one, two adds 100: ${await two.add(100)}`);
  const sums = await Promise.all(Array.from({ length: 1000 }, () => three.add(1)));
  say(`three adds 1 a thousand times, all at once: ${sums.at(-1)}`);
  say(`two reads ${await two.read()}`);
  await Promise.all([two.stop(), three.stop()]);
}

if (process.argv[1] === import.meta.filename) {
  // A member alone does not keep a process alive.
  const awake = setInterval(() => {}, 60_000);
  await run(console.log);
  clearInterval(awake);
}
