import { rmSync } from 'node:fs';
import { Client, type Exit, type MemberOptions, type ServerOptions, ServerProcess } from '../../harness/src/index.js';
import type { Links } from './link.js';
import { PeerProxy } from './proxy.js';

export interface ClusterMemberOptions {
  readonly server: Omit<ServerOptions, 'member'>;
  readonly member: Omit<MemberOptions, 'advertisedPeerUrl'>;
  /** Where its peers are told to find it. */
  readonly proxyPort: number;
  readonly links: Links;
  nameOf(id: string): string | undefined;
  chance(): number;
}

/** On 127.0.0.1. */
export interface MemberPorts {
  readonly client: number;
  readonly peer: number;
  readonly proxy: number;
}

/**
 * One member: a server process, and the proxy its peers reach it through.
 *
 * stopped -> start -> running <-> paused; kill and stop lead back to stopped. `incarnation` counts the starts: what a
 * member said in one life need not hold in the next.
 */
export class ClusterMember {
  readonly name: string;
  readonly peerUrl: string;
  readonly ports: MemberPorts;
  /** Known once the cluster told. */
  id: bigint | undefined;
  readonly process: ServerProcess;
  readonly #proxy: PeerProxy;
  readonly #client: Client;
  #incarnation = 0;
  #paused = false;
  /** A start or a stop of ours is under way: an end now is no crash. */
  #expectedEnd = true;
  #crash: Exit | undefined;

  private constructor(options: ClusterMemberOptions, proxy: PeerProxy, peerUrl: string) {
    this.name = options.member.name;
    this.peerUrl = peerUrl;
    const { clientPort, peerPort } = options.member;
    this.ports = { client: clientPort, peer: peerPort, proxy: options.proxyPort };
    this.#proxy = proxy;
    this.process = ServerProcess.ofMember({
      ...options.server,
      member: { ...options.member, advertisedPeerUrl: peerUrl },
    });
    this.#client = new Client(this.process.endpoint);
  }

  /** Its proxy listens, its process does not run yet. @throws Error when a port is taken */
  static async prepare(options: ClusterMemberOptions): Promise<ClusterMember> {
    const { proxyPort, links, member, nameOf, chance } = options;
    const { name, peerPort } = member;
    const proxy = await PeerProxy.listen({ port: proxyPort, targetPort: peerPort, name, links, nameOf, chance });
    return new ClusterMember(options, proxy, `http://127.0.0.1:${proxyPort}`);
  }

  get endpoint(): string {
    return this.process.endpoint;
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  get running(): boolean {
    return this.process.pid !== undefined;
  }

  /** Runs and is not paused: it should answer. */
  get awake(): boolean {
    return this.running && !this.#paused;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** The end nobody asked for, when there was one since the last start. */
  get crash(): Exit | undefined {
    return this.#crash;
  }

  /** A connection for management, shared; load has its own. */
  get client(): Client {
    return this.#client;
  }

  /** Starts it and does not wait until it serves. */
  launch(): void {
    this.#incarnation += 1;
    this.#paused = false;
    this.#crash = undefined;
    this.#expectedEnd = false;
    this.process.launch();
    const life = this.#incarnation;
    void this.process.exited.then((exit) => {
      if (!this.#expectedEnd && life === this.#incarnation) this.#crash = exit;
    });
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    this.#expectedEnd = true;
    await this.process.kill();
    this.#paused = false;
  }

  /** Asks it to end. */
  async stop(): Promise<Exit> {
    this.#expectedEnd = true;
    const exit = await this.process.stop();
    this.#paused = false;
    return exit;
  }

  pause(): void {
    if (!this.running) return;
    this.process.pause();
    this.#paused = true;
  }

  resume(): void {
    this.process.resume();
    this.#paused = false;
  }

  /** Its data is gone, as on a new disk. Must be stopped. */
  wipe(): void {
    if (this.running) throw new Error(`${this.name} is running`);
    rmSync(this.process.dataDirectory, { recursive: true, force: true });
  }

  /** Resets what `from` dialled to it; undefined: every connection to its peer address. */
  resetConnections(from?: string): void {
    this.#proxy.reset(from);
  }

  /** Ends it, its proxy and its connections. Its directory stays. */
  async dispose(): Promise<void> {
    this.#expectedEnd = true;
    this.#client.close();
    await this.process.dispose();
    await this.#proxy.close();
  }
}
