import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, type Reply, type ServerKind } from '../../harness/src/index.js';
import { Links } from './link.js';
import { ClusterMember, type MemberPorts } from './member.js';

export interface ClusterOptions {
  readonly size: number;
  readonly kind: ServerKind;
  /** etcd's path, when not the one that is found by itself. */
  readonly etcd?: string;
  /** Of every member, in etcd's form. */
  readonly flags?: readonly string[];
  /**
   * Holds the members' directories and stays; absent: a temporary one. One that held a cluster before starts it again,
   * on the same ports and with as many members as it had.
   */
  readonly directory?: string;
  /** 0 ≤ n < 1, for the jitter of links. */
  readonly chance?: () => number;
}

/** What a member says of itself and of its leader. */
export interface MemberStatus {
  readonly name: string;
  readonly id: bigint;
  /** 0: it knows none. */
  readonly leader: bigint;
  readonly term: number;
  readonly index: number;
  readonly appliedIndex: number;
  readonly revision: number;
  readonly isLearner: boolean;
}

/** Of one attempt to change the membership: without a leader there may never be an answer. */
const CHANGE = { timeoutMs: 5_000 };

const temporary = new Set<string>();
process.once('exit', () => {
  for (const directory of temporary) rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
});

/**
 * Members as real processes on loopback, each with a proxy before its peer address. Everything has ports and a directory
 * of its own; `dispose` leaves nothing behind.
 */
export class Cluster {
  readonly links: Links = new Links();
  readonly kind: ServerKind;
  readonly directory: string;
  readonly #options: ClusterOptions;
  readonly #members = new Map<string, ClusterMember>();
  readonly #temporary: boolean;
  /** How a member was founded, and so how it is founded again. */
  readonly #foundings = new Map<string, { initialCluster: string; state: 'new' | 'existing' }>();
  #named = 0;

  private constructor(options: ClusterOptions) {
    this.#options = options;
    this.kind = options.kind;
    this.#temporary = options.directory === undefined;
    this.directory = options.directory ?? mkdtempSync(join(tmpdir(), `kontiki-cluster-${options.kind}-`));
    if (this.#temporary) temporary.add(this.directory);
    else mkdirSync(this.directory, { recursive: true });
  }

  /** Founds a cluster and waits until all of it serves. @throws Error with the end of a log */
  static async start(options: ClusterOptions): Promise<Cluster> {
    for (let attempt = 1; ; attempt++) {
      const cluster = new Cluster(options);
      try {
        await cluster.#found(options.size);
        return cluster;
      } catch (error) {
        const logs = cluster.members.map((member) => member.process.log()).join('\n');
        await cluster.dispose();
        // Somebody took a port between our asking and its listening.
        if (
          attempt >= 5 ||
          options.directory !== undefined ||
          !/address already in use|EADDRINUSE/.test(`${logs}${String(error)}`)
        )
          throw error;
      }
    }
  }

  /** In the order they were added, those that do not run included. */
  get members(): readonly ClusterMember[] {
    return [...this.#members.values()];
  }

  /** Those that should answer. */
  get awake(): readonly ClusterMember[] {
    return this.members.filter((member) => member.awake);
  }

  /** @throws Error when there is none of that name */
  member(name: string): ClusterMember {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`there is no member ${name}`);
    return member;
  }

  byId(id: bigint): ClusterMember | undefined {
    return this.members.find((member) => member.id === id);
  }

  /** Every awake member's own view; one that does not answer within `timeoutMs` is left out. */
  async status(timeoutMs = 1_000): Promise<readonly MemberStatus[]> {
    const answers = await Promise.all(this.awake.map((member) => statusOf(member, timeoutMs)));
    return answers.filter((answer) => answer !== undefined);
  }

  /** The member that most awake ones call leader in the highest term; undefined: none does. */
  async leader(timeoutMs = 1_000): Promise<ClusterMember | undefined> {
    const views = (await this.status(timeoutMs)).filter(({ leader }) => leader !== 0n);
    const term = Math.max(...views.map((view) => view.term));
    const view = views.find((one) => one.term === term);
    return view === undefined ? undefined : this.byId(view.leader);
  }

  /** Waits for a leader. @throws Error when there is none in time */
  async waitForLeader(timeoutMs = 30_000): Promise<ClusterMember> {
    return this.#until('a leader', timeoutMs, async () => {
      const leader = await this.leader();
      return leader?.awake === true ? leader : undefined;
    });
  }

  /** Waits until every running member serves, under one leader. @throws Error naming what is missing */
  async waitHealthy(timeoutMs = 60_000): Promise<ClusterMember> {
    const deadline = performance.now() + timeoutMs;
    await Promise.all(
      this.members
        .filter((member) => member.running)
        .map((member) => member.process.ready(Math.max(1, deadline - performance.now()))),
    );
    return this.#until('one leader of all', Math.max(1, deadline - performance.now()), async () => {
      const views = await this.status();
      const [first] = views;
      if (first === undefined || views.length < this.awake.length) return undefined;
      const agreed = views.every(({ leader, term }) => leader !== 0n && leader === first.leader && term === first.term);
      return agreed ? this.byId(first.leader) : undefined;
    });
  }

  /** Waits until every awake member has applied the same and nothing more comes. */
  async waitSettled(timeoutMs = 30_000): Promise<number> {
    let before = '';
    return this.#until('all members at the same point', timeoutMs, async () => {
      const views = await this.status();
      const now = views.map(({ appliedIndex, revision }) => `${appliedIndex}/${revision}`);
      const settled = views.length === this.awake.length && new Set(now).size === 1 && now[0] === before;
      before = now[0] ?? '';
      if (!settled) await sleep(100);
      return settled ? views[0]!.revision : undefined;
    });
  }

  /** Starts a stopped member again and does not wait. */
  restart(member: ClusterMember): void {
    member.launch();
  }

  /**
   * Adds one member through `via` and starts it; does not wait until it serves.
   * @throws Error when it is still refused after `timeoutMs`
   */
  async add(
    via: ClusterMember,
    options: { readonly learner?: boolean; readonly timeoutMs?: number } = {},
  ): Promise<ClusterMember> {
    const member = await this.#prepare();
    const founding = this.#foundings.get(member.name)!;
    const { cluster } = via.client;
    const request = { peerURLs: [member.peerUrl], isLearner: options.learner ?? false };
    await this.#retried(
      'add a member',
      options.timeoutMs ?? 30_000,
      () => cluster.memberAdd(request, CHANGE),
      /already exist/,
    );
    // As that one has it: of two voters one is not there yet, and nothing else can be answered.
    const list = await cluster.memberList({ linearizable: false });
    if (!list.ok) throw new Error(`no list of members: ${list.details}`);
    const { members } = list.response;
    member.id = members.find(({ peerURLs }) => peerURLs.includes(member.peerUrl))?.ID;
    founding.state = 'existing';
    // One that has not published its name yet is known to us by its id.
    founding.initialCluster = members
      .map(({ ID, name, peerURLs }) => `${this.byId(ID)?.name ?? name}=${peerURLs[0]}`)
      .join(',');
    member.launch();
    return member;
  }

  /** Makes a learner a voter. @throws Error when it is still refused after `timeoutMs` */
  async promote(via: ClusterMember, learner: ClusterMember, timeoutMs = 30_000): Promise<void> {
    const call = () => via.client.cluster.memberPromote({ ID: learner.id! }, CHANGE);
    await this.#retried('promote', timeoutMs, call, /can only promote a learner member$/);
  }

  /** Takes a member out through `via`, then ends it. @throws Error when it is still refused after `timeoutMs` */
  async remove(via: ClusterMember, member: ClusterMember, timeoutMs = 30_000): Promise<void> {
    const call = () => via.client.cluster.memberRemove({ ID: member.id! }, CHANGE);
    await this.#retried('remove a member', timeoutMs, call, /member not found/);
    await this.drop(member);
  }

  /** Ends a member that is in the cluster no more, and forgets it. */
  async drop(member: ClusterMember): Promise<void> {
    this.#members.delete(member.name);
    await member.dispose();
    if (this.#temporary) rmSync(member.process.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Ends everything. @param keep  the directory stays; one that was given stays anyway */
  async dispose(keep = false): Promise<void> {
    await Promise.all(this.members.map((member) => member.dispose()));
    this.#members.clear();
    if (!temporary.delete(this.directory) || keep) return;
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  async #found(size: number): Promise<void> {
    const known = this.#temporary ? undefined : readPorts(this.directory);
    const members: ClusterMember[] = [];
    for (let i = 0; i < (known?.length ?? size); i++) members.push(await this.#prepare(known?.[i]));
    if (!this.#temporary)
      writePorts(
        this.directory,
        members.map(({ ports }) => ports),
      );
    const initialCluster = members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',');
    for (const member of members) {
      this.#foundings.get(member.name)!.initialCluster = initialCluster;
      member.launch();
    }
    await Promise.all(members.map((member) => member.process.ready()));
    const list = await members[0]!.client.cluster.memberList({ linearizable: true });
    if (!list.ok) throw new Error(`no list of members: ${list.details}`);
    for (const { ID, peerURLs } of list.response.members) {
      const member = members.find(({ peerUrl }) => peerURLs.includes(peerUrl));
      if (member !== undefined) member.id = ID;
    }
    await this.waitHealthy();
  }

  async #prepare(known?: MemberPorts): Promise<ClusterMember> {
    const name = `m${++this.#named}`;
    const [client, peer, proxy] = known === undefined ? await freePorts(3) : [known.client, known.peer, known.proxy];
    const directory = join(this.directory, name);
    mkdirSync(directory, { recursive: true });
    const founding: { initialCluster: string; state: 'new' | 'existing' } = { initialCluster: '', state: 'new' };
    this.#foundings.set(name, founding);
    const { kind, etcd, flags } = this.#options;
    const member = await ClusterMember.prepare({
      server: { kind, ...(etcd === undefined ? {} : { etcd }), flags: ['--log-level=warn', ...(flags ?? [])] },
      member: {
        name,
        clientPort: client!,
        peerPort: peer!,
        initialCluster: () => founding.initialCluster,
        initialClusterState: () => founding.state,
        directory,
      },
      proxyPort: proxy!,
      links: this.links,
      nameOf: (id) => this.byId(BigInt(`0x${id}`))?.name,
      chance: this.#options.chance ?? Math.random,
    });
    this.#members.set(name, member);
    return member;
  }

  /**
   * Membership changes are refused for a while when not enough members have been connected for long enough. One without
   * an answer may have happened: `done` is what the next attempt is then told.
   */
  async #retried(what: string, timeoutMs: number, call: () => Promise<Reply<unknown>>, done: RegExp): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    const retryable =
      /unhealthy cluster|not enough started members|in sync with leader|leader|timed out|too many learner|Deadline exceeded/;
    for (let attempt = 1; ; attempt++) {
      const reply = await call();
      if (reply.ok || (attempt > 1 && done.test(reply.details))) return;
      if (!retryable.test(reply.details) || performance.now() > deadline) {
        throw new Error(`could not ${what}: ${reply.details} (code ${reply.code})`);
      }
      await sleep(200);
    }
  }

  async #until<T>(what: string, timeoutMs: number, look: () => Promise<T | undefined>): Promise<T> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (performance.now() > deadline) {
        const views = (await this.status()).map(
          ({ name, leader, term, appliedIndex, revision }) =>
            `${name}: term ${term}, leader ${leader.toString(16)}, applied ${appliedIndex}, revision ${revision}`,
        );
        throw new Error(`no sign of ${what} after ${timeoutMs.toFixed(0)} ms; ${views.join('; ')}`);
      }
      await sleep(50);
    }
  }
}

const PORTS_FILE = 'ports.json';

/** @returns undefined when no cluster was here before */
function readPorts(directory: string): MemberPorts[] | undefined {
  const file = join(directory, PORTS_FILE);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as MemberPorts[]) : undefined;
}

function writePorts(directory: string, ports: readonly MemberPorts[]): void {
  writeFileSync(join(directory, PORTS_FILE), `${JSON.stringify(ports, null, 2)}\n`);
}

/** @returns undefined when it does not answer in time */
export async function statusOf(member: ClusterMember, timeoutMs = 1_000): Promise<MemberStatus | undefined> {
  const reply = await member.client.maintenance.status({}, { timeoutMs });
  if (!reply.ok) return undefined;
  const { header, leader, raftTerm, raftIndex, raftAppliedIndex, isLearner } = reply.response;
  return {
    name: member.name,
    id: header?.memberId ?? 0n,
    leader,
    term: raftTerm,
    index: raftIndex,
    appliedIndex: raftAppliedIndex,
    revision: header?.revision ?? 0,
    isLearner,
  };
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
