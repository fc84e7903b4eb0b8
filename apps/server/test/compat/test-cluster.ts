import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, type ServerKind, ServerProcess } from '../../../../tools/harness/src/index.js';
import { normal, type Printed, type RunOptions, runEtcdctl } from './etcdctl.js';

/** One who is, was or will be in the cluster. */
export interface TestMember {
  readonly name: string;
  readonly server: ServerProcess;
  /** In hexadecimal, as etcdctl prints it; empty before the cluster has it. */
  readonly id: string;
}

export interface TestClusterOptions {
  /** Of the founders; their names are m1, m2, … */
  readonly kinds: readonly ServerKind[];
  /** Beyond what every member needs. */
  readonly flags?: (kind: ServerKind) => readonly string[];
}

const directories = new Set<string>();
process.once('exit', () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
});

/** A cluster of real processes on loopback, whose members may be of both kinds, come and go. */
export class TestCluster {
  readonly members: Map<string, TestMember> = new Map();
  readonly #directory: string = mkdtempSync(join(tmpdir(), 'kontiki-compat-'));
  readonly #flags: (kind: ServerKind) => readonly string[];
  /** Ids as the tools print them, by the name of their member. */
  readonly #ids = new Map<string, string>();
  /** Everyone there ever was. */
  readonly #servers: ServerProcess[] = [];

  private constructor(flags: (kind: ServerKind) => readonly string[]) {
    this.#flags = flags;
    directories.add(this.#directory);
  }

  /** Starts the founders, and waits until all of them answer. */
  static async found({ kinds, flags = () => [] }: TestClusterOptions): Promise<TestCluster> {
    for (let attempt = 1; ; attempt++) {
      const cluster = new TestCluster(flags);
      try {
        let initial = '';
        for (const kind of kinds) await cluster.member(`m${cluster.members.size + 1}`, kind, 'new', () => initial);
        initial = cluster.initialCluster();
        await cluster.startAll();
        await cluster.learnIds();
        return cluster;
      } catch (error) {
        const taken = [...cluster.members.values()].some(({ server }) => /address already in use/.test(server.log()));
        await cluster.dispose();
        // Somebody took a port between our asking and its listening.
        if (attempt >= 3 || !taken) throw error;
      }
    }
  }

  /** One that is not started. Whoever had the name goes on without it. */
  async member(
    name: string,
    kind: ServerKind,
    state: 'new' | 'existing',
    initialCluster: () => string = () => this.initialCluster(),
  ): Promise<ServerProcess> {
    const [clientPort, peerPort] = (await freePorts(2)) as [number, number];
    const server = this.#process({ name, kind, state, clientPort, peerPort, initialCluster });
    this.members.set(name, { name, server, id: '' });
    return server;
  }

  /** The same member with nothing in its directory, not started. */
  wiped(name: string, state: 'new' | 'existing', among: readonly string[]): ServerProcess {
    const { kind, clientPort, peerPort } = this.server(name);
    return this.#process({
      name,
      kind,
      state,
      clientPort,
      peerPort,
      initialCluster: () => this.initialCluster(...among),
    });
  }

  server(name: string): ServerProcess {
    return this.#member(name).server;
  }

  /** In hexadecimal. */
  id(name: string): string {
    const { id } = this.#member(name);
    if (id === '') throw new Error(`${name} is not in the cluster yet`);
    return id;
  }

  endpoints(...names: readonly string[]): readonly string[] {
    return (names.length > 0 ? names : [...this.members.keys()]).map((name) => this.server(name).endpoint);
  }

  /** In the form of the flag. */
  initialCluster(...names: readonly string[]): string {
    return (names.length > 0 ? names : [...this.members.keys()])
      .map((name) => `${name}=${this.server(name).peerUrl}`)
      .join(',');
  }

  async startAll(): Promise<void> {
    const servers = [...this.members.values()].map(({ server }) => server).filter(({ pid }) => pid === undefined);
    for (const server of servers) server.launch();
    await Promise.all(servers.map((server) => server.ready()));
  }

  /** etcdctl, asking one member. */
  ctl(name: string, ...args: readonly string[]): Promise<Printed> {
    return runEtcdctl(this.server(name).endpoint, args);
  }

  /** etcdctl, given several. */
  ctlWith(names: readonly string[], args: readonly string[], options?: RunOptions): Promise<Printed> {
    return runEtcdctl(this.endpoints(...names), args, options);
  }

  /** Asks the cluster who is in it: those ids have names from now on. @param via who is asked */
  async learnIds(via = 'm1'): Promise<void> {
    const { stdout, stderr } = await this.ctl(via, 'member', 'list', '-w', 'json');
    if (stdout === '') throw new Error(`cannot list members: ${stderr}`);
    const { header, members } = JSON.parse(exact(stdout)) as {
      header: { cluster_id: string };
      members: readonly { ID: string; peerURLs: readonly string[] }[];
    };
    this.#named(header.cluster_id, '<cluster>');
    for (const { ID, peerURLs } of members) {
      for (const member of this.members.values()) {
        if (!peerURLs.includes(member.server.peerUrl)) continue;
        this.members.set(member.name, { ...member, id: BigInt(ID).toString(16) });
        this.#named(ID, `<${member.name}>`);
      }
    }
  }

  /** Who leads, by name. */
  async leader(...asked: readonly string[]): Promise<string> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const { stdout } = await this.ctlWith(asked, ['endpoint', 'status', '-w', 'json']);
      const [status] = stdout === '' ? [] : (JSON.parse(exact(stdout)) as [{ Status: { leader?: string } }]);
      const id = BigInt(status?.Status.leader ?? 0).toString(16);
      for (const member of this.members.values()) if (member.id === id) return member.name;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error('nobody leads');
  }

  /** Makes that member the leader. */
  async lead(name: string): Promise<void> {
    for (let attempt = 0; attempt < 50; attempt++) {
      const leader = await this.leader(name);
      if (leader === name) return;
      await this.ctl(leader, 'move-leader', this.id(name));
    }
    throw new Error(`${name} does not become leader`);
  }

  /**
   * What may differ between two clusters, out: see {@link normal}; terms and widths of table columns, too. Lines that
   * have no order are given one.
   */
  normal(printed: Printed | Unordered): Printed {
    const names = new Map(this.#ids);
    for (const { name, server } of this.members.values()) {
      names.set(server.endpoint, `<${name} client>`);
      names.set(`127.0.0.1:${server.peerPort}`, `<${name} peer>`);
    }
    const { stdout, stderr, code } = normal(names, printed);
    const clean = (text: string): string =>
      text
        .replace(/"raft_term": ?\d+/g, '"raft_term":"<term>"')
        .replace(/"RaftTerm" : \d+/g, '"RaftTerm" : <term>')
        .replace(/─+/g, '─')
        .replace(/ +/g, ' ');
    const lines = clean(stdout).split('\n');
    return { stdout: ('unordered' in printed ? lines.sort() : lines).join('\n'), stderr: clean(stderr), code };
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.dispose()));
    directories.delete(this.#directory);
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #process(as: {
    readonly name: string;
    readonly kind: ServerKind;
    readonly state: 'new' | 'existing';
    readonly clientPort: number;
    readonly peerPort: number;
    readonly initialCluster: () => string;
  }): ServerProcess {
    const directory = join(this.#directory, `${as.name}-${this.#servers.length}`);
    mkdirSync(directory);
    const server = ServerProcess.ofMember({
      kind: as.kind,
      flags: this.#flags(as.kind),
      readyMs: 30_000,
      member: {
        name: as.name,
        clientPort: as.clientPort,
        peerPort: as.peerPort,
        advertisedPeerUrl: `http://127.0.0.1:${as.peerPort}`,
        initialCluster: as.initialCluster,
        initialClusterState: () => as.state,
        directory,
      },
    });
    this.#servers.push(server);
    return server;
  }

  #member(name: string): TestMember {
    const member = this.members.get(name);
    if (member === undefined) throw new Error(`there is no ${name}`);
    return member;
  }

  #named(decimal: string, name: string): void {
    this.#ids.set(decimal, name);
    this.#ids.set(BigInt(decimal).toString(16), name);
  }
}

/** JSON whose numbers of 16 digits and more are text: no number of this language holds them. */
export function exact(json: string): string {
  return json.replace(/:(\d{16,})/g, ':"$1"');
}

/** Printed in an order that says nothing: that of ids, which are others in each cluster. */
export interface Unordered extends Printed {
  readonly unordered: true;
}

export function unordered(printed: Printed): Unordered {
  return { ...printed, unordered: true };
}
