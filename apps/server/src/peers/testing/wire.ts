import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A wire between two members that can be frozen, slowed and cut. */
export class Wire {
  /** Nothing passes any more, and nobody is told: the other side is gone without a word. */
  frozen = false;
  /** Changes what passes towards the target. */
  alter: ((chunk: Buffer) => Buffer) | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: string) {
    const { hostname, port } = new URL(target);
    this.#server = createServer((near) => {
      const far = connect(Number(port), hostname);
      this.#join(near, far, (chunk) => this.alter?.(chunk) ?? chunk);
      this.#join(far, near, (chunk) => chunk);
    });
  }

  static async start(target: string): Promise<Wire> {
    const proxy = new Wire(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Connections that stand, each counted once. */
  get connections(): number {
    return this.#sockets.size / 2;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(from: Socket, to: Socket, change: (chunk: Buffer) => Buffer): void {
    this.#sockets.add(from);
    from.on('data', (chunk: Buffer) => {
      if (!this.frozen) to.write(change(chunk));
    });
    from.on('error', () => to.destroy());
    from.once('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
