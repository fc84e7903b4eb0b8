import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogFields, Logger } from '@kontiki/std';
import { Client, freePorts } from '../../../tools/harness/src/index.js';
import { parseCommandLine } from '../src/config/parse.js';
import type { ServerLogger } from '../src/observe/logger.js';
import { Server } from '../src/server.js';

export interface LogLine {
  readonly level: string;
  readonly caller: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** A whole server inside the test, on ports and a directory of its own, with everything it logs at hand. */
export class InProcess {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'kontiki-in-process-'));
  readonly lines: LogLine[] = [];
  readonly #ports: readonly number[];
  #server: Server | undefined;

  private constructor(ports: readonly number[]) {
    this.#ports = ports;
  }

  static async start(flags: readonly string[] = []): Promise<InProcess> {
    const started = new InProcess(await freePorts(2));
    await started.startAgain(flags);
    return started;
  }

  get endpoint(): string {
    return `127.0.0.1:${this.#ports[0]}`;
  }

  client(): Client {
    return new Client(this.endpoint);
  }

  /** Of the stopped server, on the same directory. */
  async startAgain(flags: readonly string[] = []): Promise<void> {
    const [client, peer] = this.#ports.map((port) => `http://127.0.0.1:${port}`);
    const argv = [
      `--data-dir=${join(this.directory, 'data')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      ...flags,
    ];
    const parsed = parseCommandLine(argv, {}, () => '');
    if (parsed.kind !== 'run') throw new Error(JSON.stringify(parsed));
    this.#server = await Server.start(parsed.options, this.#logger());
  }

  async get(path: string): Promise<{ readonly status: number; readonly body: string }> {
    const response = await fetch(`http://${this.endpoint}${path}`);
    return { status: response.status, body: await response.text() };
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #logger(): ServerLogger {
    const named = (caller: string): Logger => {
      const at =
        (level: string) =>
        (message: string, fields: LogFields = {}): void => {
          this.lines.push({ level, caller, message, fields });
        };
      return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
    };
    return {
      ...named('server'),
      named,
      fatal: () => {},
      flushSync: () => {},
      close: () => Promise.resolve(),
    };
  }
}
