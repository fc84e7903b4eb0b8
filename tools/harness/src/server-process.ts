import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Program, programOf, type ServerKind } from './binaries.js';
import { freePorts } from './free-ports.js';
import { RawClient } from './raw-client.js';

export interface ServerOptions {
  readonly kind: ServerKind;
  /** etcd's path, when not the one that is found by itself. */
  readonly etcd?: string;
  /** In etcd's form, beyond name, directory and listeners, which the harness sets. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** How long a start may take until the first answer. Default 60,000. */
  readonly readyMs?: number;
  /** As a member of a cluster; absent: a cluster of its own. */
  readonly member?: MemberOptions;
}

/** What a member of a cluster must know of itself and of the others when it is founded. */
export interface MemberOptions {
  readonly name: string;
  readonly clientPort: number;
  /** Where it listens to its peers. */
  readonly peerPort: number;
  /** Where its peers are told to find it: that port, or something that stands before it. */
  readonly advertisedPeerUrl: string;
  /** In the form of `--initial-cluster`; asked at each start. */
  initialCluster(): string;
  /** `existing`: it joins a cluster that has added it. Asked at each start. */
  initialClusterState(): 'new' | 'existing';
  /** Holds its data and its log; must exist, and belongs to whoever made it. */
  readonly directory: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const running = new Set<ChildProcess>();
const directories = new Set<string>();
// A tool that dies takes the servers it started and their directories with it. SIGKILL: nothing can be awaited here.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const directory of directories) rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
});

/**
 * One server process on loopback ports and a directory of its own, both kept over restarts.
 *
 * stopped -> start -> serving -> stop | kill -> stopped; `dispose` ends it and removes the directory.
 */
export class ServerProcess {
  readonly kind: ServerKind;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly directory: string;
  readonly #program: Program;
  readonly #options: ServerOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<Exit> = Promise.resolve({ code: null, signal: null });

  private constructor(options: ServerOptions, program: Program, ports: readonly [number, number]) {
    this.kind = options.kind;
    this.#options = options;
    this.#program = program;
    [this.clientPort, this.peerPort] = ports;
    const given = options.member?.directory;
    this.directory = given ?? mkdtempSync(join(tmpdir(), `kontiki-harness-${options.kind}-`));
    if (given === undefined) directories.add(this.directory);
  }

  /** One member of a cluster, not started. */
  static ofMember(options: ServerOptions & { readonly member: MemberOptions }): ServerProcess {
    const program = programOf(options.kind, options.etcd === undefined ? {} : { etcd: options.etcd });
    return new ServerProcess(options, program, [options.member.clientPort, options.member.peerPort]);
  }

  /** Starts a server and waits until it answers a linearizable read. @throws Error with the end of its log */
  static async start(options: ServerOptions): Promise<ServerProcess> {
    const program = programOf(options.kind, options.etcd === undefined ? {} : { etcd: options.etcd });
    for (let attempt = 1; ; attempt++) {
      const [clientPort, peerPort] = await freePorts(2);
      const server = new ServerProcess(options, program, [clientPort!, peerPort!]);
      try {
        await server.startAgain();
        return server;
      } catch (error) {
        const log = server.log();
        await server.dispose();
        // Somebody took a port between our asking and its listening.
        if (attempt >= 5 || !/address already in use|EADDRINUSE/.test(log)) throw error;
      }
    }
  }

  /** host:port for clients. */
  get endpoint(): string {
    return `127.0.0.1:${this.clientPort}`;
  }

  get clientUrl(): string {
    return `http://${this.endpoint}`;
  }

  get peerUrl(): string {
    return `http://127.0.0.1:${this.peerPort}`;
  }

  /** The addresses it names in its answers, by what they are for. */
  get addresses(): ReadonlyMap<string, string> {
    return new Map([
      [this.endpoint, '<client>'],
      [`127.0.0.1:${this.peerPort}`, '<peer>'],
    ]);
  }

  get dataDirectory(): string {
    return join(this.directory, 'data');
  }

  /** The process id while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when the present process ends. */
  get exited(): Promise<Exit> {
    return this.#exited;
  }

  /** Starts the stopped server on its directory and ports. @returns milliseconds until the first answer */
  async startAgain(extraFlags: readonly string[] = []): Promise<number> {
    const startedAt = performance.now();
    this.launch(extraFlags);
    await this.ready();
    return performance.now() - startedAt;
  }

  /** Starts the stopped server and does not wait: a member of a cluster may need others before it answers. */
  launch(extraFlags: readonly string[] = []): void {
    if (this.#child !== undefined) throw new Error('the server is running');
    const log = openSync(this.#logFile, 'a');
    const child = spawn(this.#program.command, [...this.#program.leading, ...this.#flags(), ...extraFlags], {
      cwd: this.directory,
      env: { ...withoutEtcd(process.env), ...this.#options.env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#child = child;
    running.add(child);
    this.#exited = new Promise<Exit>((resolve) => {
      const end = (exit: Exit): void => {
        running.delete(child);
        if (this.#child === child) this.#child = undefined;
        resolve(exit);
      };
      child.once('exit', (code, signal) => end({ code, signal }));
      child.once('error', () => end({ code: null, signal: null }));
    });
  }

  /** Waits until the running server answers a linearizable read. @throws Error with the end of its log */
  async ready(timeoutMs: number = this.#options.readyMs ?? 60_000): Promise<void> {
    const child = this.#child;
    if (child === undefined) throw new Error(`${this.kind} is not running:\n${this.log()}`);
    await this.#ready(child, performance.now() + timeoutMs);
  }

  /** Freezes it as it is: it keeps its ports, its connections and its locks, and answers nothing. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Asks it to end and waits; after `graceMs` (default 20,000) it is killed. */
  async stop(graceMs = 20_000): Promise<Exit> {
    const child = this.#child;
    if (child === undefined) return this.#exited;
    child.kill('SIGTERM');
    // One that is paused hears nothing else.
    child.kill('SIGCONT');
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    const exit = await this.#exited;
    clearTimeout(timer);
    return exit;
  }

  /** Ends it as a crash does: SIGKILL, nothing runs any more. */
  async kill(): Promise<Exit> {
    this.#child?.kill('SIGKILL');
    return this.#exited;
  }

  /** What it printed, every process of this directory so far, its end. */
  log(maxBytes = 8_192): string {
    return existsSync(this.#logFile) ? readFileSync(this.#logFile, 'utf8').slice(-maxBytes) : '';
  }

  /** Kills what runs and removes the directory, when it made it. Idempotent. */
  async dispose(): Promise<void> {
    await this.kill();
    if (!directories.delete(this.directory)) return;
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  get #logFile(): string {
    return join(this.directory, 'server.log');
  }

  #flags(): readonly string[] {
    const { member } = this.#options;
    return [
      `--name=${member?.name ?? 'default'}`,
      `--data-dir=${this.dataDirectory}`,
      `--listen-client-urls=${this.clientUrl}`,
      `--advertise-client-urls=${this.clientUrl}`,
      `--listen-peer-urls=${this.peerUrl}`,
      `--initial-advertise-peer-urls=${member?.advertisedPeerUrl ?? this.peerUrl}`,
      `--initial-cluster=${member?.initialCluster() ?? `default=${this.peerUrl}`}`,
      ...(member === undefined ? [] : [`--initial-cluster-state=${member.initialClusterState()}`]),
      ...(this.#options.flags ?? []),
    ];
  }

  async #ready(child: ChildProcess, deadline: number): Promise<void> {
    const client = new RawClient(this.endpoint);
    // RangeRequest { key: 0x00 }: any linearizable read will do.
    const probe = Uint8Array.of(0x0a, 1, 0);
    try {
      for (;;) {
        if (this.#child !== child) {
          const { code, signal } = await this.#exited;
          throw new Error(`${this.kind} ended before it served (code ${code}, signal ${signal}):\n${this.log()}`);
        }
        const answer = await client.unary('/etcdserverpb.KV/Range', probe, { timeoutMs: 2_000 });
        if (answer.code === 0) return;
        if (performance.now() > deadline) {
          throw new Error(`${this.kind} did not serve in time (last: ${answer.details}):\n${this.log()}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    } finally {
      client.close();
    }
  }
}

/** An ETCD_… variable of the caller's shell would shadow a flag, which etcd refuses. */
function withoutEtcd(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('ETCD_')));
}
