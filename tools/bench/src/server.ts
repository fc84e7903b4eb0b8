import { Client, type Reply, type ServerKind, ServerProcess } from '../../harness/src/index.js';
import { KEY_SPACE, keyOf, randomValue } from './loads.js';
import { type Usage, usageOf } from './process-usage.js';

export interface BenchServerOptions {
  readonly kind: ServerKind;
  readonly etcd?: string;
  /** Kontiki's NODE_OPTIONS. */
  readonly nodeOptions?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const FILL_BATCH = 100;
const SETTLE_MS = 100;

/** A server of its own directory that holds the whole key space, with the questions a measurement has. */
export class BenchServer {
  readonly #process: ServerProcess;
  readonly #client: Client;

  private constructor(process: ServerProcess) {
    this.#process = process;
    this.#client = new Client(process.endpoint);
  }

  /** Starts it on a fresh directory and fills it. Apart from the addresses and the log level it has its defaults. */
  static async start({ kind, etcd, nodeOptions, env }: BenchServerOptions): Promise<BenchServer> {
    const server = await ServerProcess.start({
      kind,
      flags: ['--log-level=warn'],
      env: { ...env, ...(kind === 'etcd' || nodeOptions === undefined ? {} : { NODE_OPTIONS: nodeOptions }) },
      ...(etcd === undefined ? {} : { etcd }),
    });
    const filled = new BenchServer(server);
    try {
      await filled.#fill();
      return filled;
    } catch (error) {
      await filled.dispose();
      throw error;
    }
  }

  get url(): string {
    return this.#process.clientUrl;
  }

  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error(`the server ended:\n${this.#process.log()}`);
    return pid;
  }

  usage(): Usage {
    return usageOf(this.pid);
  }

  /** The answer to a request that must succeed. @param message without gRPC's prefix, as what is returned */
  async answer(path: string, message: Uint8Array): Promise<Uint8Array> {
    const { code, details, body } = await this.#client.raw.unary(path, message);
    if (body === undefined) throw new Error(`${path} was answered with status ${code}: ${details}`);
    return body;
  }

  async revision(): Promise<number> {
    return (await this.#range({ key: keyOf(0), countOnly: true })).header!.revision;
  }

  /** The revision, once nothing moves it any more: calls that were broken off may still be on their way. */
  async settledRevision(): Promise<number> {
    let seen = await this.revision();
    for (let still = 0; still < 3; ) {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      const now = await this.revision();
      still = now === seen ? still + 1 : 0;
      seen = now;
    }
    return seen;
  }

  /** How many keys have been written since. */
  async keysWrittenAfter(revision: number): Promise<number> {
    const everything = { key: keyOf(0), rangeEnd: keyOf(KEY_SPACE), keysOnly: true };
    return (await this.#range({ ...everything, minModRevision: revision + 1 })).kvs.length;
  }

  async dispose(): Promise<void> {
    this.#client.close();
    await this.#process.dispose();
  }

  async #range(request: Parameters<Client['kv']['range']>[0]): Promise<Response<'range'>> {
    return answered(await this.#client.kv.range(request));
  }

  /** Few large writes, so that every key's revision takes the same number of bytes and all answers one length. */
  async #fill(): Promise<void> {
    for (let first = 0; first < KEY_SPACE; first += FILL_BATCH) {
      const success = Array.from({ length: FILL_BATCH }, (_, i) => ({
        request: { $case: 'requestPut' as const, value: { key: keyOf(first + i), value: randomValue() } },
      }));
      answered(await this.#client.kv.txn({ success }));
    }
    const { count } = await this.#range({ key: keyOf(0), rangeEnd: keyOf(KEY_SPACE), countOnly: true });
    if (count !== KEY_SPACE) throw new Error(`${KEY_SPACE} keys were put and ${count} are there`);
  }
}

type Response<Name extends keyof Client['kv']> =
  Awaited<ReturnType<Client['kv'][Name]>> extends infer R
    ? R extends { ok: true; response: infer T }
      ? T
      : never
    : never;

function answered<T>(reply: Reply<T>): T {
  if (!reply.ok) throw new Error(`status ${reply.code}: ${reply.details}`);
  return reply.response;
}
