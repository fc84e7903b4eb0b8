import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Message } from '@kontiki/raft';
import { SeededRandom, silentLogger } from '@kontiki/std';
import { systemClock } from '@kontiki/std/node';
import type { SnapshotPort } from '../context.js';
import { PeerTransport, type PeerTransportOptions } from '../transport.js';

/** The contents of a snapshot are what its message carries: enough for messages to arrive unchanged. */
export const plainSnapshots: SnapshotPort = {
  open: async (data) => ({
    sizeBytes: data.length,
    sha256: new Uint8Array(32),
    messageData: new Uint8Array(0),
    chunks: (async function* () {
      yield data;
    })(),
    release: async () => {},
  }),
  async receive(_message, body) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return new Uint8Array(Buffer.concat(chunks));
  },
};

/** One transport behind a listener on loopback, and what came through it. */
export class LoopbackMember {
  readonly id: bigint;
  readonly transport: PeerTransport;
  readonly received: Message[] = [];
  readonly unreachable: bigint[] = [];
  readonly snapshots: (readonly [id: bigint, delivered: boolean])[] = [];
  readonly gone: bigint[] = [];
  readonly removed: Set<bigint> = new Set();
  removals = 0;
  onReceive: ((message: Message) => void) | undefined;
  readonly sockets: Set<Socket> = new Set();
  readonly #server: Server;
  #url = '';

  private constructor(id: bigint, options: Partial<PeerTransportOptions>) {
    this.id = id;
    this.transport = new PeerTransport({
      memberId: id,
      clusterId: 0xc1n,
      serverVersion: '3.6.14',
      minClusterVersion: '3.0.0',
      ownPeerUrls: () => [this.#url],
      receive: (message) => {
        this.received.push(message);
        this.onReceive?.(message);
      },
      reportUnreachable: (peer) => void this.unreachable.push(peer),
      reportSnapshot: (peer, delivered) => void this.snapshots.push([peer, delivered]),
      reportGone: (peer) => void this.gone.push(peer),
      isRemoved: (peer) => this.removed.has(peer),
      onRemoved: () => void this.removals++,
      snapshots: plainSnapshots,
      clock: systemClock,
      random: new SeededRandom(Number(id)),
      logger: silentLogger,
      metrics: {},
      ...options,
    });
    this.#server = createServer({ requestTimeout: 0 }, (request, response) => this.#serve(request, response));
    this.#server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  static async start(id: bigint, options: Partial<PeerTransportOptions> = {}, port = 0): Promise<LoopbackMember> {
    const member = new LoopbackMember(id, options);
    member.#server.listen(port, '127.0.0.1');
    await once(member.#server, 'listening');
    member.#url = `http://127.0.0.1:${(member.#server.address() as AddressInfo).port}`;
    return member;
  }

  get url(): string {
    return this.#url;
  }

  /** Ends every connection that came in, as a network does. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    await this.transport.stop();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    if (this.transport.handle(request, response)) return;
    response.writeHead(404).end();
  }
}

/** Tells each of the others. */
export function introduce(members: readonly LoopbackMember[]): void {
  for (const one of members) {
    for (const other of members) if (one !== other) one.transport.addPeer(other.id, [other.url]);
  }
}

/** Waits for what will be. */
export async function until(holds: () => boolean, what = 'what was waited for'): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Both directions stand between all of them. */
export async function connected(members: readonly LoopbackMember[]): Promise<void> {
  await until(
    () =>
      members.every((one) =>
        members.every((other) => one === other || one.transport.activeSince(other.id) !== undefined),
      ),
    'streams between all members',
  );
}
