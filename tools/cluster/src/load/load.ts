import type { WatchTrace } from '@kontiki/sim';
import type { Random } from '@kontiki/std';
import { Client } from '../../../harness/src/index.js';
import { type Cluster, sleep, statusOf } from '../cluster.js';
import type { ClusterMember } from '../member.js';
import { LoadClient } from './client.js';
import { LeaseHolder } from './lease-holder.js';
import { LoadRecord } from './record.js';
import { ClusterWatcher } from './watcher.js';

export interface LoadOptions {
  /** Default 8. */
  readonly clients?: number;
  /** The longest pause between two calls of a client. Default 20. */
  readonly pauseMs?: number;
  /** Default true. */
  readonly leases?: boolean;
}

/** Clients, lease holders, watchers and observers over all members, in stretches with a quiet point between them. */
export class Load {
  readonly #cluster: Cluster;
  readonly #random: Random;
  readonly #clients: readonly LoadClient[];
  readonly #holders: readonly LeaseHolder[];
  readonly #watchers: ClusterWatcher[] = [];
  /** Of members that left in this stretch. */
  readonly #left: ClusterWatcher[] = [];
  #record: LoadRecord;
  #running = false;
  #work: Promise<unknown> = Promise.resolve();
  #compacted = 0;
  compactions = 0;

  constructor(cluster: Cluster, random: Random, base: LoadRecord['base'], options: LoadOptions = {}) {
    this.#cluster = cluster;
    this.#random = random;
    this.#record = new LoadRecord(base);
    const pauseMs = options.pauseMs ?? 20;
    this.#clients = Array.from(
      { length: options.clients ?? 8 },
      (_, id) => new LoadClient(id, cluster, random, this.#record, pauseMs),
    );
    this.#holders = options.leases === false ? [] : ['x', 'y'].map((name) => new LeaseHolder(name, cluster, random));
    for (const member of cluster.members) this.watch(member);
  }

  /** What was seen in this stretch. */
  get record(): LoadRecord {
    return this.#record;
  }

  get watchers(): readonly ClusterWatcher[] {
    return this.#watchers;
  }

  get leases(): number {
    return this.#holders.reduce((sum, { granted }) => sum + granted, 0);
  }

  get events(): number {
    return this.#watchers.reduce((sum, { events }) => sum + events, 0);
  }

  /** Two watchers at a member: of all keys and of the contended ones. */
  watch(member: ClusterMember): void {
    const from = this.#record.base.revision + 1;
    this.#watchers.push(new ClusterWatcher(member, '', from), new ClusterWatcher(member, 'r/', from));
  }

  /** Ends the watchers of a member that leaves: they owe what they have so far, and nothing more. */
  async unwatch(member: ClusterMember): Promise<void> {
    const leaving = this.#watchers.filter((watcher) => watcher.member === member);
    for (const watcher of leaving) this.#watchers.splice(this.#watchers.indexOf(watcher), 1);
    await Promise.all(leaving.map((watcher) => watcher.close()));
    this.#left.push(...leaving);
  }

  /** What all watchers got in this stretch, which ends at `revision`. */
  takeTraces(revision: number): readonly WatchTrace[] {
    const left = this.#left.splice(0).map((watcher) => watcher.takeTrace(Math.min(revision, watcher.next - 1)));
    return [...left, ...this.#watchers.map((watcher) => watcher.takeTrace(revision))];
  }

  /** Everybody works until {@link pause}. */
  start(): void {
    if (this.#running) throw new Error('the load is running');
    this.#running = true;
    const record = this.#record;
    const running = (): boolean => this.#running && this.#record === record;
    this.#work = Promise.all([
      ...this.#clients.map((client) => client.run(record, running)),
      ...this.#holders.map((holder) => holder.run(record, running)),
      this.#observe(record, running),
      this.#compactAtTimes(record, running),
    ]);
  }

  /** Resolves when the last call has been answered or given up. */
  async pause(): Promise<void> {
    this.#running = false;
    await this.#work;
  }

  /** The next stretch begins where the last was found right. */
  turn(next: LoadRecord): void {
    if (this.#running) throw new Error('the load is running');
    this.#record = next;
  }

  async close(): Promise<void> {
    await this.pause();
    for (const client of this.#clients) client.close();
    await Promise.all(this.#watchers.map((watcher) => watcher.close()));
  }

  /**
   * Writes at every awake member, again and again without waiting for the answers, until one is acknowledged.
   * @returns milliseconds from now to that answer; undefined: none within `timeoutMs`
   */
  async timeToWrite(name: string, timeoutMs: number): Promise<number | undefined> {
    const record = this.#record;
    const startedAt = record.now();
    const clients = this.#cluster.awake.map((member) => new Client(member.endpoint));
    let took: number | undefined;
    const calls: Promise<void>[] = [];
    const probe = async (client: Client, value: string): Promise<void> => {
      const calledAt = record.now();
      const key = Buffer.from('probe');
      const reply = await client.kv.put({ key, value: Buffer.from(value) }, { timeoutMs: 1_500 });
      const returnedAt = record.now();
      const write = { kind: 'put', key: 'probe', value, lease: 0n } as const;
      if (reply.ok) {
        took ??= returnedAt - startedAt;
        const outcome = { kind: 'acked', revision: reply.response.header?.revision ?? 0, changed: true } as const;
        record.attempts.push({ write, calledAt, returnedAt, outcome });
        return;
      }
      const kind = record.fail('probe', reply.code, reply.details);
      const end = kind === 'unknown' ? Number.POSITIVE_INFINITY : returnedAt;
      record.attempts.push({ write, calledAt, returnedAt: end, outcome: { kind } });
    };
    for (let i = 0; took === undefined && record.now() - startedAt < timeoutMs; i++) {
      for (const [n, client] of clients.entries()) calls.push(probe(client, `${name}-${i}-${n}`));
      await sleep(25);
    }
    await Promise.all(calls);
    for (const client of clients) client.close();
    return took;
  }

  /**
   * Who leads in which term, as the members say. etcd tells the term of the last entry it applied beside the leader it
   * knows now, which in an election are not of one time: it is asked at quiet points only.
   */
  async #observe(record: LoadRecord, running: () => boolean): Promise<void> {
    if (this.#cluster.kind === 'etcd') return;
    while (running()) {
      await Promise.all(
        this.#cluster.awake.map(async (member) => {
          const status = await statusOf(member, 500);
          if (status === undefined || status.leader === 0n) return;
          record.seeLeader({ member: member.name, term: status.term, leader: status.leader });
        }),
      );
      await sleep(150);
    }
  }

  /** Compacts what has been checked and every watcher has, now and then. */
  async #compactAtTimes(record: LoadRecord, running: () => boolean): Promise<void> {
    let next = record.now() + 1_000 + this.#random.int(4_000);
    while (running()) {
      await sleep(50);
      if (record.now() < next) continue;
      next = record.now() + 2_000 + this.#random.int(8_000);
      const bound = Math.min(record.base.revision, ...this.#watchers.map((watcher) => watcher.next - 1));
      const member = this.#cluster.awake[this.#random.int(Math.max(1, this.#cluster.awake.length))];
      if (member === undefined || bound <= this.#compacted) continue;
      const revision = this.#compacted + 1 + this.#random.int(bound - this.#compacted);
      const reply = await member.client.kv.compact({ revision }, { timeoutMs: 3_000 });
      if (reply.ok || /has been compacted/.test(reply.details)) {
        this.#compacted = revision;
        this.compactions += 1;
      } else record.fail('compact', reply.code, reply.details);
    }
  }
}
