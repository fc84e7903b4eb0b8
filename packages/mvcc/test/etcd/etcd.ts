import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A real etcd: named by KONTIKI_ETCD, set up beside the checkout, or on the PATH. */
export function findEtcd(): string | undefined {
  const checkout = fileURLToPath(new URL('../../../../.setup/etcd/usr/bin/etcd', import.meta.url));
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'etcd'));
  return [process.env['KONTIKI_ETCD'], checkout, ...onPath].find((path) => path !== undefined && existsSync(path));
}

export interface Reply {
  readonly code?: number;
  readonly message?: string;
  readonly [field: string]: unknown;
}

/** One etcd of one member, spoken to through its JSON gateway. */
export class Etcd {
  readonly #process: ChildProcess;
  readonly #directory: string;
  readonly #url: string;

  private constructor(child: ChildProcess, directory: string, url: string) {
    this.#process = child;
    this.#directory = directory;
    this.#url = url;
  }

  static async start(binary: string): Promise<Etcd> {
    const directory = await mkdtemp(join(tmpdir(), 'kontiki-etcd-'));
    const client = `http://127.0.0.1:${await freePort()}`;
    const peer = `http://127.0.0.1:${await freePort()}`;
    const flags = {
      'data-dir': directory,
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peer,
      'initial-advertise-peer-urls': peer,
      'initial-cluster': `default=${peer}`,
      'unsafe-no-fsync': 'true',
    };
    const child = spawn(
      binary,
      Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
      { stdio: 'ignore' },
    );
    const etcd = new Etcd(child, directory, client);
    for (let tries = 0; ; tries++) {
      try {
        await etcd.call('maintenance/status', {});
        return etcd;
      } catch (error) {
        if (tries === 200 || child.exitCode !== null) {
          await etcd.stop();
          throw new Error('etcd does not start', { cause: error });
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  /** The reply, an error's code and message included. */
  async call(method: string, request: object): Promise<Reply> {
    const response = await fetch(`${this.#url}/v3/${method}`, { method: 'POST', body: JSON.stringify(request) });
    return (await response.json()) as Reply;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null) {
      const exited = new Promise((resolve) => this.#process.once('exit', resolve));
      this.#process.kill('SIGKILL');
      await exited;
    }
    await rm(this.#directory, { recursive: true, force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
