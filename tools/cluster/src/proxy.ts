import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net';
import type { Links } from './link.js';
import { Pipe, type PipeTime } from './pipe.js';

export interface ProxyOptions {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
  /** What it stands for. */
  readonly targetPort: number;
  /** The member behind it, by name. */
  readonly name: string;
  readonly links: Links;
  /** The member with this id, as `X-Server-From` has it in hexadecimal; undefined: nobody known. */
  nameOf(id: string): string | undefined;
  /** 0 ≤ n < 1, for jitter. Default `Math.random`. */
  readonly chance?: () => number;
}

/**
 * Stands for the peer address of one member and lets through what the rules of its links allow.
 *
 * Who dialled is learnt from the `X-Server-From` header of the first request that has one: members send nothing to a
 * peer without it but probes, which say nothing that matters. So a rule holds for one direction between two members,
 * whoever of them opened the connection.
 */
export class PeerProxy {
  readonly #options: ProxyOptions;
  readonly #server: Server;
  readonly #connections = new Set<ProxiedConnection>();
  readonly #stopListening: () => void;

  private constructor(options: ProxyOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#stopListening = options.links.onChange(() => {
      for (const connection of this.#connections) connection.rulesChanged();
    });
  }

  /** @throws Error when the port is taken */
  static async listen(options: ProxyOptions): Promise<PeerProxy> {
    const proxy = new PeerProxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(options.port, '127.0.0.1', resolve);
    });
    return proxy;
  }

  /** Connections open now, by the member that dialled. */
  get dialled(): readonly (string | undefined)[] {
    return [...this.#connections].map(({ from }) => from);
  }

  /** Resets what a member dialled; undefined: everything. */
  reset(from?: string): void {
    for (const connection of this.#connections) {
      if (from === undefined || connection.from === from) connection.reset();
    }
  }

  async close(): Promise<void> {
    this.#stopListening();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.reset();
    await closed;
  }

  #accept(socket: Socket): void {
    const connection = new ProxiedConnection(socket, this.#options, () => this.#connections.delete(connection));
    this.#connections.add(connection);
  }
}

const systemTime = (chance: () => number): PipeTime => ({
  now: () => performance.now(),
  after: (ms, wake) => {
    const timer = setTimeout(wake, ms);
    return () => clearTimeout(timer);
  },
  chance,
});

/** A header of a first request is within so many bytes. */
const MAX_HEAD_BYTES = 16 * 1024;

class ProxiedConnection {
  readonly #options: ProxyOptions;
  readonly #dialler: Socket;
  readonly #target: Socket;
  readonly #there: Pipe;
  readonly #back: Pipe;
  readonly #onClosed: () => void;
  #head = '';
  #id: string | undefined;
  #closed = false;

  constructor(dialler: Socket, options: ProxyOptions, onClosed: () => void) {
    this.#options = options;
    this.#dialler = dialler;
    this.#onClosed = onClosed;
    this.#target = tcpConnect({ host: '127.0.0.1', port: options.targetPort, allowHalfOpen: true });
    const { links, name } = options;
    const time = systemTime(options.chance ?? Math.random);
    this.#there = new Pipe(endsOf(dialler, this.#target), () => links.rule(this.from, name), time);
    this.#back = new Pipe(endsOf(this.#target, dialler), () => links.rule(name, this.from), time);
    dialler.setNoDelay(true);
    this.#target.setNoDelay(true);
    dialler.on('data', (bytes) => {
      this.#learn(bytes);
      this.#there.push(bytes);
    });
    this.#target.on('data', (bytes) => this.#back.push(bytes));
    dialler.on('drain', () => this.#back.drained());
    this.#target.on('drain', () => this.#there.drained());
    dialler.on('end', () => this.#there.end());
    this.#target.on('end', () => this.#back.end());
    for (const socket of [dialler, this.#target]) {
      // An error is a connection that ended; whoever is at the other end is told the same way.
      socket.on('error', () => this.#broken());
      socket.on('close', () => {
        if (dialler.destroyed && this.#target.destroyed) this.#over();
      });
    }
  }

  /** Who dialled; undefined: it has not said yet, or nobody knows the id. */
  get from(): string | undefined {
    return this.#id === undefined ? undefined : this.#options.nameOf(this.#id);
  }

  rulesChanged(): void {
    this.#there.pump();
    this.#back.pump();
    const { links, name } = this.#options;
    const whole = links.rule(this.from, name).cut === 'no' && links.rule(name, this.from).cut === 'no';
    if (whole && (this.#there.lost || this.#back.lost)) this.reset();
  }

  reset(): void {
    this.#there.close();
    this.#back.close();
    for (const socket of [this.#dialler, this.#target]) {
      if (socket.destroyed) continue;
      // One that is still connecting has nothing to reset, and the handle of one that has said its end cannot be reset.
      if (socket.connecting || socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  /** One end died. Across a cut link the other does not get to know: it hears the reset when the link is whole. */
  #broken(): void {
    const { links, name } = this.#options;
    const cut = links.rule(this.from, name).cut !== 'no' || links.rule(name, this.from).cut !== 'no';
    if (!cut) this.reset();
    else {
      this.#there.abandon();
      this.#back.abandon();
    }
  }

  #over(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#there.close();
    this.#back.close();
    this.#onClosed();
  }

  #learn(bytes: Buffer): void {
    if (this.#id !== undefined) return;
    this.#head = (this.#head + bytes.toString('latin1')).slice(-MAX_HEAD_BYTES);
    this.#id = /\r\nx-server-from: *([0-9a-f]+)\r\n/i.exec(this.#head)?.[1]?.toLowerCase();
    if (this.#id !== undefined) this.#head = '';
  }
}

function endsOf(source: Socket, sink: Socket): ConstructorParameters<typeof Pipe>[0] {
  return {
    write: (bytes) => (sink.writable ? sink.write(bytes) : true),
    end: () => {
      if (sink.writable) sink.end();
    },
    pauseSource: () => source.pause(),
    resumeSource: () => source.resume(),
  };
}
