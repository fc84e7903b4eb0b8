import type { Socket } from 'node:net';
import type { Clock } from '@kontiki/std';
import type { Shared } from '../calls.js';
import { Connection } from '../connection.js';
import type { GrpcLimits } from '../limits.js';

/** What a joined socket needs of its server. */
export interface SocketHost {
  readonly shared: Shared;
  readonly clock: Clock;
  /** Has something to write: `flush` is to be called once in this turn of the event loop. */
  enlist(joined: JoinedSocket): void;
  /** Calls may have begun. */
  received(): void;
  /** The socket is closed. */
  gone(joined: JoinedSocket): void;
}

/**
 * A socket and the connection it carries: one write a turn, whatever was answered in it. While the socket is behind,
 * nothing is read from it, so that a client that does not read cannot ask for more either.
 */
export class JoinedSocket {
  readonly connection: Connection;
  readonly #socket: Socket;
  readonly #host: SocketHost;
  readonly #maxUnsentBytes: number;
  /** Blocks that were given to the socket, a list for each write. */
  readonly #writing: (readonly Buffer[])[] = [];
  readonly #written: (error?: Error | null) => void;
  #paused = false;
  /** What the socket has not taken, as accounted for. */
  #unsentBytes = 0;
  #closeAtMs: number = Number.POSITIVE_INFINITY;

  constructor(socket: Socket, host: SocketHost, head: Uint8Array | undefined) {
    this.#socket = socket;
    this.#host = host;
    this.#maxUnsentBytes = host.shared.limits.maxUnsentBytes;
    this.#written = (error) => {
      const blocks = this.#writing.shift();
      // After a failure the system may still look at them: left to the garbage collector.
      if (blocks === undefined || error) return;
      for (const block of blocks) host.shared.pool.give(block);
    };
    let early = true;
    this.connection = new Connection({
      shared: host.shared,
      peer: peerOf(socket),
      nowMs: host.clock.monotonic(),
      wake: () => {
        if (!early) host.enlist(this);
      },
    });
    early = false;
    host.enlist(this);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.connection.receive(chunk, host.clock.monotonic());
      host.received();
    });
    socket.on('drain', () => this.#drained());
    socket.on('end', () => this.#lost('closed by the client'));
    socket.on('error', (error) => this.#lost(error.message));
    socket.on('close', () => {
      this.#lost('closed');
      this.#account(0);
      host.gone(this);
    });
    if (head !== undefined && head.length > 0) {
      this.connection.receive(Buffer.from(head), host.clock.monotonic());
      host.received();
    }
    socket.resume();
  }

  /** Writes what there is; closes the socket when the connection has ended. */
  flush(): void {
    const { connection } = this;
    const socket = this.#socket;
    connection.taken();
    const { chunks, blocks } = connection.output.take();
    if (chunks.length > 0 && socket.writable) {
      this.#writing.push(blocks);
      if (chunks.length === 1) socket.write(chunks[0]!, this.#written);
      else {
        socket.cork();
        for (let i = 0; i < chunks.length - 1; i++) socket.write(chunks[i]!);
        socket.write(chunks.at(-1)!, this.#written);
        socket.uncork();
      }
    }
    this.#account(socket.writableNeedDrain ? socket.writableLength : 0);
    if (connection.endedReason !== undefined) this.#close();
    else if (socket.writableLength > this.#maxUnsentBytes) this.#pause();
    // More than a turn's worth was there, and the socket has taken it all.
    else if (connection.congested && !this.#paused && !socket.writableNeedDrain) connection.congested = false;
    else if (connection.congested) this.#pause();
  }

  tick(nowMs: number): void {
    this.connection.tick(nowMs);
    if (nowMs >= this.#closeAtMs) this.#socket.destroy();
  }

  /** Bytes that wait to be sent, in the calls and in the socket. */
  get queuedBytes(): number {
    return this.connection.held.queued + this.#unsentBytes;
  }

  get receivedBytes(): number {
    return this.connection.held.received;
  }

  /** Ends it, and lets its memory go, for a limit that all connections share. */
  drop(limit: keyof GrpcLimits): void {
    this.connection.drop(limit);
    this.destroy();
  }

  destroy(): void {
    this.#account(0);
    this.#socket.destroy();
  }

  #account(unsentBytes: number): void {
    const { queued } = this.#host.shared;
    queued.give(this.#unsentBytes);
    this.#unsentBytes = this.#socket.destroyed ? 0 : unsentBytes;
    queued.take(this.#unsentBytes);
  }

  #pause(): void {
    this.connection.congested = true;
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  #drained(): void {
    const { connection } = this;
    connection.wrote(this.#host.clock.monotonic());
    this.#account(0);
    if (connection.endedReason !== undefined) return;
    connection.congested = false;
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  /** What is written goes out first; what still comes is not looked at. */
  #close(): void {
    if (this.#closeAtMs !== Number.POSITIVE_INFINITY) return;
    const { clock, shared } = this.#host;
    this.#closeAtMs = clock.monotonic() + shared.limits.closeGraceMs;
    this.#socket.resume();
    this.#socket.end();
  }

  #lost(reason: string): void {
    this.connection.lost(reason);
  }
}

function peerOf(socket: Socket): string {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress !== undefined) {
    return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
  }
  const address = socket.address() as { readonly path?: string } | string;
  return (typeof address === 'string' ? address : address.path) ?? '';
}
