import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { Client, type ServerKind, ServerProcess } from '../../../harness/src/index.js';
import type { Report, Sample } from '../results.js';
import { framed, preparation, type Scenario, scenarios } from '../scenarios.js';
import { type Probe, whyInvalid } from '../verification.js';
import { fsyncsPerSecond } from './fsync-rate.js';
import { h2loadVersion, runLoad } from './h2load.js';
import { cpuMicroseconds, residentBytes } from './process-usage.js';

export interface BenchOptions {
  /** In the order they take turns. */
  readonly servers: readonly ServerKind[];
  readonly etcd?: string;
  readonly connections: number;
  /** Concurrent streams of each connection. */
  readonly streams: number;
  /** How often each scenario runs on each server. */
  readonly runs: number;
  /** About how long one run takes. */
  readonly seconds: number;
  readonly onSample?: (sample: Sample) => void;
}

/** Drives the servers side by side, one run of each in turn, so that what the machine does meanwhile meets all alike. */
export async function bench(options: BenchOptions): Promise<Report> {
  const h2load = h2loadVersion();
  const [loadBefore = 0] = loadavg();
  const fsyncs = fsyncsPerSecond();
  const benched: Benched[] = [];
  try {
    for (const kind of options.servers) benched.push(await Benched.start(kind, options));
    const samples: Sample[] = [];
    for (const scenario of scenarios) {
      const counts: number[] = [];
      for (const server of benched) counts.push(await server.calibrate(scenario));
      for (let run = 0; run < options.runs; run++) {
        for (const [i, server] of benched.entries()) {
          const sample = await server.sample(scenario, counts[i]!);
          samples.push(sample);
          options.onSample?.(sample);
        }
      }
    }
    const versions = Object.fromEntries(benched.map(({ kind, version }) => [kind, version]));
    const { connections, streams, runs, seconds } = options;
    return {
      date: new Date().toISOString(),
      machine: {
        cpu: cpus()[0]?.model ?? 'unknown processor',
        cores: cpus().length,
        memoryBytes: totalmem(),
        system: `${type()} ${release()}`,
        node: process.version,
        fsyncsPerSecond: fsyncs,
        loadBefore,
      },
      versions: { ...versions, h2load },
      load: { connections, streams, runs, seconds },
      samples,
    };
  } finally {
    for (const server of benched) await server.dispose();
  }
}

class Benched {
  readonly kind: ServerKind;
  readonly version: string;
  readonly #server: ServerProcess;
  readonly #client: Client;
  readonly #options: BenchOptions;

  private constructor(server: ServerProcess, client: Client, version: string, options: BenchOptions) {
    this.kind = server.kind;
    this.version = version;
    this.#server = server;
    this.#client = client;
    this.#options = options;
  }

  static async start(kind: ServerKind, options: BenchOptions): Promise<Benched> {
    const etcd = options.etcd === undefined ? {} : { etcd: options.etcd };
    const server = await ServerProcess.start({ kind, flags: ['--log-level=error'], ...etcd });
    const client = new Client(server.endpoint);
    for (const { key, value } of preparation()) {
      const reply = await client.kv.put({ key, value });
      if (!reply.ok) throw new Error(`${kind} refused a put: ${reply.details}`);
    }
    const status = await client.maintenance.status({});
    if (!status.ok) throw new Error(`${kind} has no status: ${status.details}`);
    return new Benched(server, client, status.response.version, options);
  }

  /** How many requests fill about the time a run is to take. Warms the server up as well. */
  async calibrate(scenario: Scenario): Promise<number> {
    const first = await runLoad(this.#load(scenario, this.#connections(scenario) * this.#options.streams));
    const warm = await runLoad(this.#load(scenario, Math.ceil(first.requestsPerSecond)));
    return Math.max(this.#connections(scenario), Math.ceil(warm.requestsPerSecond * this.#options.seconds));
  }

  /** One run, checked. @throws Error when not every request was really answered with success */
  async sample(scenario: Scenario, requests: number): Promise<Sample> {
    const { pid } = this.#server;
    if (pid === undefined) throw new Error(`${this.kind} ended:\n${this.#server.log()}`);
    const before = await this.#probe(scenario);
    const cpuBefore = cpuMicroseconds(pid);
    const result = await runLoad(this.#load(scenario, requests));
    const cpu = cpuMicroseconds(pid) - cpuBefore;
    const after = await this.#probe(scenario);
    const wrong = whyInvalid({ ...result, requests, writes: scenario.writes, before, after });
    if (wrong !== undefined) throw new Error(`${this.kind}, ${scenario.name}: ${wrong}`);
    const { requestsPerSecond, p50, p99, p999, max } = result;
    return {
      scenario: scenario.name,
      server: this.kind,
      requests,
      requestsPerSecond,
      p50,
      p99,
      p999,
      max,
      cpuMicrosecondsPerRequest: cpu / requests,
      residentBytes: residentBytes(pid),
    };
  }

  async dispose(): Promise<void> {
    this.#client.close();
    await this.#server.dispose();
  }

  /** The scenario's own call once, over another client: its size and its header's revision. */
  async #probe(scenario: Scenario): Promise<Probe> {
    const answer = await this.#client.raw.unary(scenario.path, scenario.message);
    if (answer.body === undefined) throw new Error(`${this.kind}, ${scenario.name}: ${answer.details}`);
    const current = await this.#client.kv.range({ key: Uint8Array.of(0), countOnly: true });
    if (!current.ok) throw new Error(`${this.kind}: ${current.details}`);
    return { bytes: answer.body.length, revision: current.response.header?.revision ?? 0 };
  }

  #load(scenario: Scenario, requests: number): Parameters<typeof runLoad>[0] {
    return {
      url: `${this.#server.clientUrl}${scenario.path}`,
      body: framed(scenario.message),
      requests,
      connections: this.#connections(scenario),
      streams: this.#options.streams,
    };
  }

  #connections(scenario: Scenario): number {
    return Math.max(1, Math.round(this.#options.connections * scenario.connectionPart));
  }
}
