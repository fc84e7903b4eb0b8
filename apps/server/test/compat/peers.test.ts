import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrap, type Entry, type Message, RaftDriver } from '@kontiki/raft';
import { MemoryDisk } from '@kontiki/raft/testing';
import { silentLogger } from '@kontiki/std';
import { systemClock, systemRandom } from '@kontiki/std/node';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { findEtcd, findEtcdctl, freePorts } from '../../../../tools/harness/src/index.js';
import { clusterId, hexId, memberId } from '../../src/cluster/member-id.js';
import type { SnapshotPort } from '../../src/peers/context.js';
import { PeerTransport } from '../../src/peers/transport.js';

/**
 * A cluster of two unmodified etcd and one raft of ours behind the peer protocol: they elect, replicate and commit
 * together, so each understands every frame of the other.
 */
const etcd = findEtcd();
const etcdctl = findEtcdctl(etcd);
const missing = etcd === undefined || etcdctl === undefined;
if (missing) console.warn('skipped: no etcd and etcdctl here (tools/setup/install-etcd.sh brings them)');

const TOKEN = 'peers-compat';
const NAMES = ['a', 'b'] as const;
type Name = (typeof NAMES)[number];

const directory = mkdtempSync(join(tmpdir(), 'kontiki-peers-'));
const processes = new Map<string, ChildProcess>();
let ours: OurMember | undefined;

async function stopAll(): Promise<void> {
  for (const child of processes.values()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  processes.clear();
  await ours?.stop();
  ours = undefined;
}
afterEach(stopAll);
afterAll(() => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
process.once('exit', () => {
  for (const child of processes.values()) child.kill('SIGKILL');
});

/** Raft with its log in memory and no state machine to speak of: what a member must be for its peers. */
class OurMember {
  readonly received = new Set<Message['type']>();
  readonly applied: Entry[] = [];
  /** Contents of snapshots that came in, and the data of the messages they came with. */
  readonly files: Uint8Array[] = [];
  readonly messageData: Uint8Array[] = [];
  /** Who was sent a snapshot. */
  readonly delivered: bigint[] = [];
  readonly transport: PeerTransport;
  readonly driver: RaftDriver<undefined>;
  failure: unknown;
  removed = false;
  #leads = false;
  readonly #server: Server;

  constructor(cluster: Cluster) {
    const { ids, peerUrls } = cluster;
    const id = ids.c;
    const members = Object.values(ids).sort((x, y) => (x < y ? -1 : 1));
    const founding = bootstrap(members.map((member) => ({ id: member })));
    const snapshots: SnapshotPort = {
      // Another member's state is ours: only it has a database.
      open: async () => {
        const path = join(directory, `sent-${this.delivered.length}.db`);
        await cluster.ctl('a', 'snapshot', 'save', path);
        // Behind the database etcdctl puts its hash.
        const file = readFileSync(path).subarray(0, -32);
        return {
          sizeBytes: file.length,
          sha256: createHash('sha256').update(file).digest(),
          messageData: this.messageData[0]!,
          chunks: (async function* () {
            yield file;
          })(),
          release: async () => {},
        };
      },
      receive: async (message, body) => {
        this.messageData.push(message.snapshot.data.slice());
        const chunks: Uint8Array[] = [];
        for await (const chunk of body) chunks.push(chunk);
        this.files.push(Buffer.concat(chunks));
        return Uint8Array.of(this.files.length);
      },
    };
    this.transport = new PeerTransport({
      memberId: id,
      clusterId: clusterId(members, sha1),
      serverVersion: '3.6.14',
      minClusterVersion: '3.0.0',
      ownPeerUrls: () => [peerUrls.c],
      receive: (message) => {
        this.received.add(message.type);
        this.driver.receive(message);
      },
      reportUnreachable: (peer) => this.driver.reportUnreachable(peer),
      reportGone: (peer) => this.driver.reportGone(peer),
      reportSnapshot: (peer, delivered) => {
        if (delivered) this.delivered.push(peer);
        this.driver.reportSnapshot(peer, delivered);
      },
      isRemoved: () => false,
      onRemoved: () => {
        this.removed = true;
      },
      snapshots,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      metrics: {},
    });
    this.driver = RaftDriver.start<undefined>({
      raft: { id, electionTicks: 10, preVote: true, checkQuorum: true },
      confState: founding.confState,
      log: { hardState: founding.hardState, entries: founding.entries },
      applied: 0,
      writer: new MemoryDisk(),
      transport: this.transport,
      stateMachine: {
        apply: (entries) => {
          this.applied.push(...entries);
          return entries.map(() => ({ id: undefined, outcome: undefined }));
        },
        applyChange: () => ({ id: undefined, outcome: undefined }),
        restore: async () => {},
      },
      snapshots: { save: async () => {}, capture: async () => new Uint8Array(0) },
      snapshotEveryEntries: 20,
      catchUpEntries: 10,
      clock: systemClock,
      random: systemRandom,
      onState: ({ role }) => {
        this.#leads = role === 'leader';
      },
      onFatal: (error) => {
        this.failure = error;
      },
    });
    this.#server = createServer({ requestTimeout: 0 }, (request, response) => {
      if (this.transport.handle(request, response)) return;
      // etcd raises the cluster's version only when it knows everybody's.
      if (request.url === '/version') response.end('{"etcdserver":"3.5.30","etcdcluster":"3.5.0"}');
      else response.writeHead(404).end();
    });
  }

  get leads(): boolean {
    return this.#leads;
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Whether an entry with these bytes in it was committed. */
  has(text: string): boolean {
    return this.applied.some(({ data }) => Buffer.from(data).includes(text));
  }

  async stop(): Promise<void> {
    await this.driver.stop();
    await this.transport.stop();
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

interface Cluster {
  readonly ids: Readonly<Record<Name | 'c', bigint>>;
  readonly peerUrls: Readonly<Record<Name | 'c', string>>;
  readonly peerPort: number;
  readonly endpoints: Readonly<Record<Name, string>>;
  start(name: Name): void;
  kill(name: Name): Promise<void>;
  /** What etcdctl printed; rejects when it failed. */
  ctl(name: Name, ...args: readonly string[]): Promise<string>;
}

async function plan(label: string, flags: readonly string[] = []): Promise<Cluster> {
  const ports = await freePorts(5);
  const url = (i: number): string => `http://127.0.0.1:${ports[i]}`;
  const peerUrls = { a: url(0), b: url(1), c: url(2) };
  const endpoints = { a: url(3), b: url(4) };
  const idOf = (peer: string): bigint => memberId([peer], TOKEN, sha1);
  const initial = Object.entries(peerUrls).map(([name, peer]) => `${name}=${peer}`);
  return {
    ids: { a: idOf(peerUrls.a), b: idOf(peerUrls.b), c: idOf(peerUrls.c) },
    peerUrls,
    peerPort: ports[2]!,
    endpoints,
    start(name) {
      const args = [
        ...['--name', name, '--data-dir', join(directory, label, name)],
        ...['--initial-cluster', initial.join(','), '--initial-cluster-token', TOKEN],
        ...['--listen-peer-urls', peerUrls[name], '--initial-advertise-peer-urls', peerUrls[name]],
        ...['--listen-client-urls', endpoints[name], '--advertise-client-urls', endpoints[name]],
        ...['--unsafe-no-fsync', '--log-level', 'error', ...flags],
      ];
      processes.set(name, spawn(etcd!, args, { stdio: 'ignore', env: { PATH: process.env['PATH'] } }));
    },
    async kill(name) {
      const child = processes.get(name)!;
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
    ctl: (name, ...args) =>
      new Promise((resolve, reject) => {
        execFile(
          etcdctl!,
          [`--endpoints=${endpoints[name]}`, '--command-timeout=8s', ...args],
          { env: { PATH: process.env['PATH'], ETCDCTL_API: '3' } },
          (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new Error(stderr, { cause: error }))),
        );
      }),
  };
}

function sha1(bytes: Uint8Array): Uint8Array {
  return createHash('sha1').update(bytes).digest();
}

/** Tries until it works: elections take the time they take. */
async function eventually<T>(what: string, attempt: () => Promise<T> | T): Promise<T> {
  const deadline = performance.now() + 40_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw new Error(`never came: ${what}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function join3(cluster: Cluster): Promise<OurMember> {
  ours = new OurMember(cluster);
  await ours.listen(cluster.peerPort);
  for (const name of NAMES) ours.transport.addPeer(cluster.ids[name], [cluster.peerUrls[name]]);
  return ours;
}

describe.skipIf(missing)('beside two real etcd', () => {
  it('follows, is the majority with either of them, leads them, and answers their reads', async () => {
    const cluster = await plan('lead');
    const member = await join3(cluster);
    for (const name of NAMES) cluster.start(name);
    const put = (name: Name, value: string): Promise<string> => cluster.ctl(name, 'put', 'key', value);
    await eventually('the first put', () => put('a', 'all-three'));
    await eventually('the entry here', () => expect(member.has('all-three')).toBe(true));
    await eventually('streams both ways', () =>
      expect(NAMES.map((name) => typeof member.transport.activeSince(cluster.ids[name]))).toEqual(['number', 'number']),
    );

    // One of them is gone: nothing commits without us.
    await cluster.kill('b');
    await eventually('a put with us', () => put('a', 'with-us'));
    await eventually('the entry here', () => expect(member.has('with-us')).toBe(true));
    cluster.start('b');
    await eventually('the other one back', () => put('b', 'back'));

    // A transfer: whoever leads tells us to campaign, both vote for us, and what they are asked comes here.
    await eventually('our leadership', async () => {
      for (const name of NAMES) {
        if (!member.leads) await cluster.ctl(name, 'move-leader', hexId(cluster.ids.c)).catch(() => {});
      }
      expect(member.leads).toBe(true);
    });
    await eventually('a proposal passed on to us', () => put('b', 'we-lead'));
    expect(member.has('we-lead')).toBe(true);
    expect(await cluster.ctl('a', 'get', 'key', '--print-value-only')).toBe('we-lead\n');
    expect(member.received).toContain('readIndex');
    expect(member.received).toContain('propose');

    // Appends large and many, to both of them.
    const large = 'x'.repeat(100_000);
    for (let i = 0; i < 10; i++) await cluster.ctl(NAMES[i % 2]!, 'put', `large-${i}`, `${i}${large}`);
    expect(await cluster.ctl('b', 'get', 'large-9', '--print-value-only')).toBe(`9${large}\n`);

    // And with one of them gone again.
    await cluster.kill('a');
    await eventually('a put that one of them and we commit', () => put('b', 'two-left'));
    expect(await cluster.ctl('b', 'get', 'key', '--print-value-only')).toBe('two-left\n');
    expect([member.failure, member.removed]).toEqual([undefined, false]);
  });

  it('answers them by single requests while they cannot reach it', async () => {
    const cluster = await plan('post');
    for (const name of NAMES) cluster.start(name);
    await eventually('the first put', () => cluster.ctl('a', 'put', 'key', 'without-us'));
    // Nobody listens where they look for us: they get no stream, and what they hear of us they are posted.
    const member = new OurMember(cluster);
    ours = member;
    for (const name of NAMES) member.transport.addPeer(cluster.ids[name], [cluster.peerUrls[name]]);
    await eventually('the entry here', () => expect(member.has('without-us')).toBe(true));
    await cluster.kill('b');
    await eventually('a put with us', () => cluster.ctl('a', 'put', 'key', 'with-us'));
    await eventually('the entry here', () => expect(member.has('with-us')).toBe(true));
    expect(member.transport.activeSince(cluster.ids.a)).toBeUndefined();
    expect(member.failure).toBeUndefined();
  });

  it('believes them that it was removed', async () => {
    const cluster = await plan('remove');
    const member = await join3(cluster);
    for (const name of NAMES) cluster.start(name);
    await eventually('the first put', () => cluster.ctl('a', 'put', 'key', 'all-three'));
    await eventually('streams both ways', () =>
      expect(NAMES.map((name) => typeof member.transport.activeSince(cluster.ids[name]))).toEqual(['number', 'number']),
    );
    expect(member.removed).toBe(false);
    await eventually('the removal', () => cluster.ctl('a', 'member', 'remove', hexId(cluster.ids.c)));
    await eventually('the news of it', () => expect(member.removed).toBe(true));
  });

  it('takes a snapshot from one, and gives one to the other', async () => {
    const cluster = await plan('snapshot', ['--snapshot-count=10', '--experimental-snapshot-catchup-entries=5']);
    for (const name of NAMES) cluster.start(name);
    await eventually('the first put', () => cluster.ctl('a', 'put', 'key', 'without-us'));
    for (let i = 0; i < 40; i++) await cluster.ctl('a', 'put', `key-${i}`, 'value');
    const member = await join3(cluster);
    await eventually('a snapshot', () => expect(member.files.length).toBeGreaterThan(0));
    await cluster.kill('b');
    await eventually('a put with us', () => cluster.ctl('a', 'put', 'key', 'behind-the-snapshot'));
    await eventually('the entry here', () => expect(member.has('behind-the-snapshot')).toBe(true));
    // A bbolt file: its magic number stands behind the header of the first page.
    const file = Buffer.from(member.files[0]!);
    expect(file.readUInt32LE(16).toString(16)).toBe('ed0cdaed');
    expect(file.includes('without-us')).toBe(true);

    // We lead, and drop what the other one, which is away, would need.
    await eventually('our leadership', async () => {
      if (!member.leads) await cluster.ctl('a', 'move-leader', hexId(cluster.ids.c)).catch(() => {});
      expect(member.leads).toBe(true);
    });
    for (let i = 0; i < 40; i++) await cluster.ctl('a', 'put', `later-${i}`, 'value');
    cluster.start('b');
    await eventually('what is in the snapshot', async () => {
      const value = await cluster.ctl('b', 'get', 'later-39', '--consistency=s', '--print-value-only');
      expect(value).toBe('value\n');
    });
    expect(member.delivered).toContain(cluster.ids.b);
    await cluster.ctl('b', 'put', 'key', 'together-again');
    expect(await cluster.ctl('a', 'get', 'key', '--print-value-only')).toBe('together-again\n');
    expect(member.failure).toBeUndefined();
  });
});
