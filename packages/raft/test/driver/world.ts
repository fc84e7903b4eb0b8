import { type Clock, SeededRandom, type Timer } from '@kontiki/std';
import type {
  Applied,
  Bootstrap,
  Entry,
  LogIndex,
  MembershipChange,
  Message,
  Persist,
  RaftDriverOptions,
} from '../../src/index.js';
import { RaftDriver } from '../../src/index.js';
import { MemoryDisk } from '../../src/testing/index.js';

/** A clock whose only time is `tick()`. */
export class ManualClock implements Clock {
  readonly #callbacks: Set<() => void> = new Set();
  now = (): number => 0;
  monotonic = (): number => 0;
  after(): Timer {
    throw new Error('a driver needs no single timers');
  }
  every(_: number, callback: () => void): Timer {
    this.#callbacks.add(callback);
    return { cancel: () => this.#callbacks.delete(callback) };
  }
  tick(): void {
    for (const callback of [...this.#callbacks]) callback();
  }
  get timers(): number {
    return this.#callbacks.size;
  }
}

/** Lets every promise that can settle do so. */
export async function drain(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** An entry's data: the id it is proposed under, and a text. */
export function command(id: bigint, text: string): Uint8Array {
  const data = new Uint8Array(8 + text.length);
  new DataView(data.buffer).setBigUint64(0, id);
  data.set(new TextEncoder().encode(text), 8);
  return data;
}

const idOf = (data: Uint8Array): bigint => new DataView(data.buffer, data.byteOffset).getBigUint64(0);
const textOf = (data: Uint8Array): string => new TextDecoder().decode(data.subarray(8));

/** Where one member's process lives and dies. The state machine is a list of texts. */
export class Host {
  readonly clock = new ManualClock();
  readonly disk = new MemoryDisk();
  driver: RaftDriver<number>;
  /** Texts applied, in order. */
  list: string[] = [];
  applyCalls = 0;
  /** Batches handed to the writer and not on the disk yet. */
  writes: { readonly batch: Persist; readonly done: () => void; readonly failed: (error: unknown) => void }[] = [];
  batches: Persist[] = [];
  /** Turns that wait for the event loop. */
  turns: (() => void)[] = [];
  fatal: unknown;
  states: string[] = [];
  up = true;
  saves = 0;
  /** Set to hold up `save` and `restore`. */
  slow: (() => Promise<void>) | undefined;
  /** Set to refuse membership changes. */
  admits: ((change: MembershipChange) => boolean) | undefined;
  /** Set to make applying fail. */
  poison: string | undefined;
  readonly id: bigint;
  readonly #world: World;
  readonly #first: Bootstrap | undefined;
  readonly #overrides: Partial<RaftDriverOptions<number>>;
  #life = 0;

  constructor(world: World, id: bigint, overrides: Partial<RaftDriverOptions<number>>, first?: Bootstrap) {
    this.#world = world;
    this.#first = first;
    if (first !== undefined) this.disk.store({ entries: first.entries, hardState: first.hardState, mustSync: true });
    this.id = id;
    this.#overrides = overrides;
    this.driver = this.#start();
  }

  /** The process dies: of what was being written, a part from the front has made it. */
  crash(survived: number = 0): void {
    for (const { batch } of this.writes.slice(0, survived)) this.disk.store(batch);
    this.up = false;
    this.#life++;
    this.writes = [];
    this.turns = [];
    void this.driver.stop();
    this.turns = [];
  }

  restart(): void {
    const snapshot = this.disk.snapshot;
    this.list = snapshot === undefined ? [] : (JSON.parse(new TextDecoder().decode(snapshot.data)) as string[]);
    this.up = true;
    this.driver = this.#start();
  }

  /** The oldest batch reaches the disk. */
  write(): void {
    const write = this.writes.shift();
    if (write === undefined) return;
    this.disk.store(write.batch);
    write.done();
  }

  turn(): void {
    this.turns.shift()?.();
  }

  #start(): RaftDriver<number> {
    const life = this.#life;
    // The state machine may be ahead of the log's mark: its snapshot was saved, then the process died.
    const loaded = this.disk.snapshot?.meta;
    const { raft, ...overrides } = this.#overrides;
    return RaftDriver.start<number>({
      raft: { ...raft, id: this.id },
      confState: loaded?.confState ?? this.#first?.confState ?? this.#world.confState,
      log: this.disk.recover(),
      applied: loaded?.index ?? 0,
      writer: {
        append: (batch) =>
          new Promise((resolve, reject) => {
            if (life !== this.#life) return;
            this.batches.push(batch);
            this.writes.push({ batch, done: resolve, failed: reject });
          }),
      },
      transport: { send: (messages) => life === this.#life && this.#world.net.push(...messages) },
      stateMachine: {
        apply: (entries) => this.#apply(entries),
        admits: (change) => this.admits?.(change) ?? true,
        applyChange: (entry, change, confState, effective) => {
          this.list.push(`members ${confState.voters.join(' ')} ${effective}`);
          return { id: change.kind === 'change' ? change.id : undefined, outcome: entry.index };
        },
        restore: async (snapshot) => {
          await this.slow?.();
          if (life === this.#life) this.list = JSON.parse(new TextDecoder().decode(snapshot.data)) as string[];
        },
      },
      snapshots: {
        save: async (meta) => {
          const data = this.#image();
          await this.slow?.();
          if (life !== this.#life) return new Promise(() => {});
          this.saves++;
          if ((this.disk.snapshot?.meta.index ?? 0) < meta.index) this.disk.snapshot = { meta, data };
        },
        capture: async () => this.#image(),
      },
      clock: this.clock,
      random: this.#world.random.split(),
      scheduler: { soon: (callback) => life === this.#life && this.turns.push(callback) },
      onState: ({ role, term, leader }) => this.states.push(`${role} ${term} ${leader}`),
      onFatal: (error) => {
        this.fatal = error;
      },
      ...overrides,
    });
  }

  #image(): Uint8Array {
    return new TextEncoder().encode(JSON.stringify(this.list));
  }

  #apply(entries: readonly Entry[]): readonly Applied<number>[] {
    this.applyCalls++;
    return entries.map(({ data, index }): Applied<number> => {
      if (data.length === 0) return { id: undefined, outcome: index };
      if (textOf(data) === this.poison) throw new Error(`cannot apply ${this.poison}`);
      this.list.push(textOf(data));
      return { id: idOf(data), outcome: index };
    });
  }
}

/** Drivers whose every wire, disk, timer and turn is moved by hand. */
export class World {
  readonly random: SeededRandom;
  readonly confState: { readonly voters: readonly bigint[]; readonly learners: readonly bigint[] };
  readonly hosts: Host[];
  net: Message[] = [];
  readonly #overrides: Partial<RaftDriverOptions<number>>;
  #nextId = 0n;

  constructor(size: number, overrides: Partial<RaftDriverOptions<number>> = {}, seed = 1) {
    this.random = new SeededRandom(seed);
    this.#overrides = overrides;
    this.confState = { voters: Array.from({ length: size }, (_, i) => BigInt(i + 1)), learners: [] };
    this.hosts = this.confState.voters.map((id) => new Host(this, id, overrides));
  }

  host(id: bigint): Host {
    return this.hosts[Number(id) - 1]!;
  }

  /** Another process, that knows the members the world began with. */
  join(id: bigint): Host {
    const host = new Host(this, id, this.#overrides);
    this.hosts.push(host);
    return host;
  }

  id(): bigint {
    return ++this.#nextId;
  }

  deliver(at = 0): void {
    const [message] = this.net.splice(at, 1);
    if (message === undefined) return;
    const host = this.hosts.find(({ id }) => id === message.to);
    const sender = this.hosts.find(({ id }) => id === message.from);
    if (host?.up === true) host.driver.receive(message);
    if (message.type === 'snapshot' && sender?.up === true) sender.driver.reportSnapshot(message.to, host?.up === true);
  }

  /** Turns, writes and messages until nothing moves. */
  async settle(): Promise<void> {
    for (let round = 0; round < 10_000; round++) if (!(await this.settleOnce())) return;
    throw new Error('the world does not come to rest');
  }

  /** One round of it. False: nothing moved. */
  async settleOnce(): Promise<boolean> {
    await drain();
    let moved = this.net.length > 0;
    while (this.net.length > 0) this.deliver();
    for (const host of this.hosts) {
      if (!host.up) continue;
      moved ||= host.turns.length > 0 || host.writes.length > 0;
      while (host.turns.length > 0) host.turn();
      while (host.writes.length > 0) host.write();
    }
    return moved;
  }

  async elect(id: bigint): Promise<void> {
    this.host(id).driver.campaign();
    await this.settle();
  }

  /** Proposes at a member, and answers the promise of the outcome; its failure is handled whoever looks. */
  propose(id: bigint, text: string, signal?: AbortSignal): Promise<number> {
    const proposal = this.id();
    const outcome = this.host(id).driver.propose(proposal, command(proposal, text), signal);
    outcome.catch(() => {});
    return outcome;
  }

  read(id: bigint, signal?: AbortSignal): Promise<LogIndex> {
    const read = this.host(id).driver.readIndex(signal);
    read.catch(() => {});
    return read;
  }
}

/** How a promise stands. */
export async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  promise.catch(() => {});
  await drain();
  return Promise.race([
    promise.then(
      (value) => value,
      (error: { code?: string }) => error.code ?? String(error),
    ),
    Promise.resolve('pending').then(async (text) => {
      await drain();
      return text;
    }),
  ]);
}
