import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { cpuSecondsOf } from '../process-usage.js';
import { percentile } from '../spread.js';
import { ChildServer } from './child-server.js';
import type { Limit } from './limit.js';

/** About a put of 256 bytes with its frames. */
const MESSAGE_BYTES = 300;

/**
 * Messages a second between two Node processes over bare sockets: `connections`, with `streams` messages in flight on
 * each. The client is Node too, so the rate is that of both together; the server's CPU per message is its own.
 */
export async function echoLimit(connections: number, streams: number, seconds: number): Promise<Limit> {
  const server = await ChildServer.start('./echo-server.ts');
  try {
    const clients = await Promise.all(Array.from({ length: connections }, () => EchoClient.open(server.port, streams)));
    const cpuBefore = cpuSecondsOf(server.pid) ?? 0;
    const startedAt = performance.now();
    for (const client of clients) client.start();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1e3));
    const elapsed = (performance.now() - startedAt) / 1e3;
    const cpuSeconds = (cpuSecondsOf(server.pid) ?? 0) - cpuBefore;
    const took = clients.flatMap((client) => client.stop()).sort((a, b) => a - b);
    return {
      name: `echo ${MESSAGE_BYTES} B over bare Node sockets`,
      perSecond: took.length / elapsed,
      p50Ms: percentile(took, 0.5),
      p99Ms: percentile(took, 0.99),
      cpuMicrosPerRequest: (cpuSeconds / took.length) * 1e6,
    };
  } finally {
    await server.stop();
  }
}

/** One connection that keeps `inFlight` messages on their way. */
class EchoClient {
  readonly #socket: Socket;
  readonly #message = new Uint8Array(MESSAGE_BYTES);
  readonly #took: number[] = [];
  /** When the messages in flight were sent, in a ring: they come back in order. */
  readonly #sentAt: number[];
  #oldest = 0;
  #bytes = 0;

  private constructor(socket: Socket, inFlight: number) {
    this.#socket = socket;
    this.#sentAt = Array.from({ length: inFlight }, () => 0);
    socket.on('data', (chunk) => this.#received(chunk.length));
    socket.on('error', () => socket.destroy());
  }

  static async open(port: number, inFlight: number): Promise<EchoClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new EchoClient(socket, inFlight);
  }

  start(): void {
    for (let i = 0; i < this.#sentAt.length; i++) this.#send(i);
  }

  /** @returns milliseconds of each message that came back */
  stop(): readonly number[] {
    this.#socket.destroy();
    return this.#took;
  }

  #received(bytes: number): void {
    for (this.#bytes += bytes; this.#bytes >= MESSAGE_BYTES; this.#bytes -= MESSAGE_BYTES) {
      const slot = this.#oldest;
      this.#oldest = (slot + 1) % this.#sentAt.length;
      this.#took.push(performance.now() - this.#sentAt[slot]!);
      this.#send(slot);
    }
  }

  #send(slot: number): void {
    this.#sentAt[slot] = performance.now();
    this.#socket.write(this.#message);
  }
}
