import { type Random, SeededRandom } from '@kontiki/std';
import { Client, type ServerKind, ServerProcess } from '../../../harness/src/index.js';
import { check } from '../check.js';
import type { Commit, Evidence, LeaseReading, Restart, Snapshot, Violation } from '../evidence.js';
import { printChange } from '../store.js';
import { LiveWatcher } from './live-watcher.js';
import { currentRevision, readLog, readSnapshot } from './read-back.js';
import { readAlong } from './reader.js';
import { Recorder } from './recorder.js';
import { sharedKeys, Writer } from './writer.js';

export interface CrashOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly against: ServerKind;
  readonly etcd?: string;
  readonly writers?: number;
  /** Compact while writing. Default true. */
  readonly compact?: boolean;
  /** More flags of the server. */
  readonly flags?: readonly string[];
  /** Called between a kill and the start after it: tests damage the directory there. */
  readonly tamper?: (server: ServerProcess, round: number) => void;
  readonly onRound?: (round: Round) => void;
}

export interface Round {
  readonly number: number;
  readonly acked: number;
  readonly unknown: number;
  readonly reads: number;
  readonly revision: number;
  readonly events: number;
  readonly restartMs: number;
  readonly crashes: number;
}

export interface CrashSummary extends Round {
  readonly violations: readonly Violation[];
  readonly leases: number;
  readonly compactions: number;
  readonly elapsedMs: number;
  /** Everything seen, when something was violated. */
  readonly evidence?: Evidence;
}

/** Writes, reads and watches while the server is killed again and again, and checks all of it after each restart. */
export async function crashRun(options: CrashOptions): Promise<CrashSummary> {
  const server = await ServerProcess.start({
    kind: options.against,
    flags: ['--log-level=warn', ...(options.flags ?? [])],
    ...(options.etcd === undefined ? {} : { etcd: options.etcd }),
  });
  const run = new CrashRun(options, server);
  try {
    return await run.all();
  } finally {
    run.close();
    await server.dispose();
  }
}

class CrashRun {
  readonly #options: CrashOptions;
  readonly #server: ServerProcess;
  readonly #random: Random;
  readonly #recorder = new Recorder();
  readonly #writers: readonly Writer[];
  readonly #watchers: LiveWatcher[];
  readonly #snapshots: Snapshot[] = [];
  readonly #leases: LeaseReading[] = [];
  readonly #restarts: Restart[] = [];
  readonly #violations: Violation[] = [];
  readonly #startedAt = performance.now();
  #log: Commit[] = [];
  #clients: Client[] = [];
  #watchClient: Client | undefined;
  #compacted = 0;
  #compactions = 0;
  #crashes = 0;
  #restartMs = 0;

  constructor(options: CrashOptions, server: ServerProcess) {
    this.#options = options;
    this.#server = server;
    const random = new SeededRandom(options.seed);
    this.#random = random;
    this.#writers = Array.from(
      { length: options.writers ?? 6 },
      (_, id) => new Writer(id, random.split(), this.#recorder),
    );
    this.#watchers = [
      new LiveWatcher('all from the beginning', '', false, 1, this.#recorder),
      new LiveWatcher('all, another', '', false, 1, this.#recorder),
      new LiveWatcher('prefix s/', 's/', false, 1, this.#recorder),
      new LiveWatcher('prefix w0/', 'w0/', false, 1, this.#recorder),
      new LiveWatcher('single s/0', sharedKeys[0]!, true, 1, this.#recorder),
      new LiveWatcher('single w1/0', 'w1/0', true, 1, this.#recorder),
    ];
  }

  async all(): Promise<CrashSummary> {
    for (let number = 1; number <= this.#options.rounds && this.#violations.length === 0; number++) {
      await this.#load();
      this.#options.tamper?.(this.#server, number);
      await this.#restart();
      await this.#readBack();
      // A new watcher each round, from a revision of the past: it must tell the same as those that were there.
      if (number % 3 === 0) this.#addLateWatcher(number);
      this.#violations.push(...check(this.#evidence()));
      this.#options.onRound?.(this.#round(number));
    }
    const evidence = this.#violations.length > 0 ? { evidence: this.#evidence() } : {};
    return {
      ...this.#round(this.#options.rounds),
      violations: this.#violations,
      leases: this.#recorder.leases.size,
      compactions: this.#compactions,
      elapsedMs: performance.now() - this.#startedAt,
      ...evidence,
    };
  }

  close(): void {
    for (const client of this.#clients) client.close();
    this.#watchClient?.close();
  }

  /** Writers, readers and watchers at work until the server is killed under them. */
  async #load(): Promise<void> {
    const before = this.#recorder.count('acked');
    this.#clients = [
      new Client(this.#server.endpoint),
      new Client(this.#server.endpoint),
      new Client(this.#server.endpoint),
    ];
    this.#connectWatchers();
    let killed = false;
    const running = (): boolean => !killed;
    const work = [
      ...this.#writers.map((writer, i) => writer.run(this.#clients[i % 3]!, running)),
      readAlong(this.#clients[0]!, this.#random, this.#recorder, running),
      readAlong(this.#clients[1]!, this.#random, this.#recorder, running),
      this.#takeHashes(this.#clients[2]!, running),
      this.#compact(this.#clients[2]!, running),
    ];
    await sleep(50 + this.#random.int(1_000));
    const deadline = performance.now() + 20_000;
    while (this.#recorder.count('acked') < before + 20 && performance.now() < deadline) await sleep(5);
    await this.#server.kill();
    killed = true;
    this.#crashes += 1;
    await Promise.all(work);
    this.close();
  }

  /** Starts it again; one time in four it is killed again while it starts. */
  async #restart(): Promise<void> {
    while (this.#random.int(4) === 0) {
      const started = this.#server.startAgain().catch(() => undefined);
      await sleep(this.#random.int(400));
      await this.#server.kill();
      await started;
      this.#crashes += 1;
    }
    this.#restartMs = await this.#server.startAgain();
  }

  async #readBack(): Promise<void> {
    const client = new Client(this.#server.endpoint);
    this.#clients = [client];
    const { highestSeen } = this.#recorder;
    const revision = await currentRevision(client);
    this.#restarts.push({ revision, highestSeen });
    await this.#extendLog(client, revision);
    this.#connectWatchers();
    await this.#watchersCaughtUp();
    const sample = Array.from({ length: 25 }, () => 1 + this.#random.int(Math.max(1, revision)));
    for (const past of new Set([...sample, revision])) {
      const snapshot = past >= this.#compacted ? await readSnapshot(client, past) : undefined;
      if (snapshot !== undefined) this.#snapshots.push(snapshot);
    }
    await this.#readLeases(client);
    for (const past of new Set([...this.#recorder.hashes.map((hash) => hash.revision), revision])) {
      if (past >= this.#compacted) await this.#readHash(client, past);
    }
    client.close();
    this.#watchClient?.close();
  }

  /** Reads the history again as far back as it goes: what was told once must be told again. */
  async #extendLog(client: Client, revision: number): Promise<void> {
    const told = await readLog(client, Math.max(2, this.#compacted), revision);
    const known = new Map(this.#log.map((commit) => [commit.revision, commit]));
    for (const commit of told) {
      const before = known.get(commit.revision);
      const [now, then] = [commit, before].map((one) => one?.changes.map(printChange).join(', '));
      if (before !== undefined && now !== then) {
        this.#violations.push({
          rule: 'rewritten',
          text: `revision ${commit.revision} was [${then}], is now [${now}]`,
        });
      }
      if (before === undefined) this.#log.push(commit);
    }
  }

  /** The one watch connection of a time: watchers live on it until it breaks. */
  #connectWatchers(): void {
    this.#watchClient?.close();
    this.#watchClient = new Client(this.#server.endpoint);
    for (const watcher of this.#watchers) watcher.connect(this.#watchClient);
  }

  async #watchersCaughtUp(): Promise<void> {
    const owed = this.#watchers.map((watcher) => {
      const mine = this.#log.filter(({ changes }) =>
        changes.some(({ key }) => (watcher.single ? key === watcher.prefix : key.startsWith(watcher.prefix))),
      );
      return { watcher, last: mine.at(-1)?.revision ?? 0 };
    });
    const deadline = performance.now() + 15_000;
    while (owed.some(({ watcher, last }) => watcher.lastRevision < last) && performance.now() < deadline)
      await sleep(5);
    // A repeated or late event would come about now.
    await sleep(30);
    for (const watcher of this.#watchers) {
      for (const fault of watcher.faults)
        this.#violations.push({ rule: 'watch', text: `watcher ${watcher.name}: ${fault}` });
    }
  }

  #addLateWatcher(number: number): void {
    const first = Math.max(2, this.#compacted);
    const start = first + this.#random.int(Math.max(1, (this.#log.at(-1)?.revision ?? first) - first));
    this.#watchers.push(new LiveWatcher(`all from ${start}, round ${number}`, '', false, start, this.#recorder));
  }

  async #takeHashes(client: Client, running: () => boolean): Promise<void> {
    while (running()) {
      await sleep(50 + this.#random.int(200));
      if (!running()) return;
      await this.#readHash(client, this.#recorder.highestSeen);
    }
  }

  async #readHash(client: Client, revision: number): Promise<void> {
    const reply = await client.maintenance.hashKV({ revision });
    if (!reply.ok) return;
    const { hash, compactRevision } = reply.response;
    this.#recorder.hashes.push({ revision, hash, compactRevision });
  }

  /** Compacts what every watcher has and the log holds, at some moment of the load. */
  async #compact(client: Client, running: () => boolean): Promise<void> {
    // Never beyond where a watcher would resume: one of a quiet key asks for what is long behind the others.
    const resumed = Math.min(...this.#watchers.map((watcher) => watcher.lastRevision + 1));
    const verified = Math.min(this.#log.at(-1)?.revision ?? 0, resumed);
    if (this.#options.compact === false || verified <= this.#compacted || this.#random.int(2) === 0) return;
    const revision = this.#compacted + 1 + this.#random.int(verified - this.#compacted);
    await sleep(this.#random.int(600));
    if (!running()) return;
    // Whatever the answer: from now on it may be compacted there.
    this.#compacted = revision;
    this.#compactions += 1;
    await client.kv.compact({ revision, physical: this.#random.int(2) === 0 });
  }

  async #readLeases(client: Client): Promise<void> {
    for (const { id, ttl, status } of this.#recorder.leases.values()) {
      const reply = await client.lease.leaseTimeToLive({ ID: id, keys: true });
      if (!reply.ok) throw new Error(`cannot ask for lease ${id}: ${reply.details}`);
      const { TTL, grantedTTL, keys, header } = reply.response;
      this.#leases.push({
        id,
        status,
        ttl: TTL,
        grantedTtl: grantedTTL,
        expectedTtl: ttl,
        keys: keys.map((key) => Buffer.from(key).toString('latin1')).sort(),
        revision: header?.revision ?? 0,
      });
    }
  }

  #evidence(): Evidence {
    const completeTo = this.#log.at(-1)?.revision ?? 1;
    return {
      attempts: this.#recorder.attempts,
      reads: this.#recorder.reads,
      log: this.#log,
      snapshots: this.#snapshots,
      // One that was added after the last reading has not been connected yet.
      watchers: this.#watchers.filter(({ events }) => events > 0).map((watcher) => watcher.trace(completeTo)),
      hashes: this.#recorder.hashes,
      leases: this.#leases,
      restarts: this.#restarts,
    };
  }

  #round(number: number): Round {
    return {
      number,
      acked: this.#recorder.count('acked'),
      unknown: this.#recorder.count('unknown'),
      reads: this.#recorder.reads.length,
      revision: this.#log.at(-1)?.revision ?? 1,
      events: this.#watchers.reduce((count, watcher) => count + watcher.events, 0),
      restartMs: this.#restartMs,
      crashes: this.#crashes,
    };
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
