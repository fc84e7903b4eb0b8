import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Applied, type Entry, RaftDriver } from '@kontiki/raft';
import type { MemoryHub } from '@kontiki/raft/testing';
import { systemClock, systemRandom } from '@kontiki/std/node';
import { patiently } from './patiently.js';
import { fromBytes, readState, type State, toBytes, writeState } from './state-file.js';
import { WalLog } from './wal-log.js';

/** One member of a group that keeps a set of words. An entry of its log is an id, 8 bytes, and a word. */
export class Member {
  /** Snapshots taken in from a leader. */
  restored = 0;
  #words: Set<string>;
  readonly #id: bigint;
  readonly #hub: MemoryHub;
  readonly #log: WalLog;
  readonly #driver: RaftDriver<number>;

  /** @param first who is a member when nothing is in the folder yet */
  static async start(id: bigint, folder: string, hub: MemoryHub, first: readonly bigint[]): Promise<Member> {
    await mkdir(folder, { recursive: true });
    const file = join(folder, 'words');
    const log = await WalLog.open(join(folder, 'log'), 8192);
    const none = { meta: { index: 0, term: 0, confState: { voters: first, learners: [] } }, words: new Set<string>() };
    let state = (await readState(file)) ?? none;
    if (log.received !== undefined && log.received.meta.index > state.meta.index) {
      // The process ended after a snapshot was logged and before it was taken in.
      state = fromBytes(log.received.data);
      await writeState(file, log.received.data);
    }
    return new Member(id, file, hub, log, state);
  }

  private constructor(id: bigint, file: string, hub: MemoryHub, log: WalLog, state: State) {
    this.#id = id;
    this.#hub = hub;
    this.#log = log;
    this.#words = new Set(state.words);
    this.#driver = RaftDriver.start<number>({
      raft: { id },
      confState: state.meta.confState,
      log: log.recovered,
      applied: state.meta.index,
      tickMs: 20,
      writer: log,
      transport: hub.transport,
      stateMachine: {
        apply: (entries) => entries.map((entry) => this.#apply(entry)),
        restore: async ({ data }) => {
          await writeState(file, data);
          this.#words = new Set(fromBytes(data).words);
          this.restored++;
        },
      },
      snapshots: {
        save: (meta) => writeState(file, toBytes({ meta, words: this.#words })),
        capture: async (meta) => toBytes({ meta, words: this.#words }),
      },
      // Small, so that it is seen.
      snapshotEveryEntries: 50,
      catchUpEntries: 10,
      clock: systemClock,
      random: systemRandom,
      onFatal: (error) => console.error(error),
    });
    hub.attach(id, this.#driver);
  }

  #apply({ index, data }: Entry): Applied<number> {
    // A new leader's own entry.
    if (data.length === 0) return { id: undefined, outcome: index };
    this.#words.add(new TextDecoder().decode(data.subarray(8)));
    return { id: new DataView(data.buffer, data.byteOffset).getBigUint64(0), outcome: this.#words.size };
  }

  /** Resolves when the word is on the disks of a majority. A word counts once, however often it was asked for. */
  async add(word: string): Promise<void> {
    await patiently(() => {
      // Random: an entry from before a restart must not pass for this one.
      const data = new Uint8Array([...crypto.getRandomValues(new Uint8Array(8)), ...new TextEncoder().encode(word)]);
      return this.#driver.propose(new DataView(data.buffer).getBigUint64(0), data);
    });
  }

  /** All words there are, whoever added them where. */
  async read(): Promise<ReadonlySet<string>> {
    const index = await patiently(() => this.#driver.readIndex());
    await this.#driver.applied.reached(index);
    return this.#words;
  }

  async stop(): Promise<void> {
    this.#hub.detach(this.#id);
    await this.#driver.stop();
    await this.#log.close();
  }
}
