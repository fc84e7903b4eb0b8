import type { Transport } from '../driver/ports.js';
import type { Message } from '../message.js';
import type { NodeId } from '../types.js';

/** Where the hub hands messages: a driver. */
export interface Receiver {
  receive(message: Message): void;
  reportUnreachable(id: NodeId): void;
  reportSnapshot(id: NodeId, delivered: boolean): void;
}

/** Drivers in one process, joined: every message arrives after the current turn, or is lost when nobody is there. */
export class MemoryHub {
  readonly #receivers: Map<NodeId, Receiver> = new Map();

  /** The way out of one member. */
  readonly transport: Transport = { send: (messages) => queueMicrotask(() => this.#deliver(messages)) };

  /** A member can be reached from now on. */
  attach(id: NodeId, receiver: Receiver): void {
    this.#receivers.set(id, receiver);
  }

  detach(id: NodeId): void {
    this.#receivers.delete(id);
  }

  #deliver(messages: readonly Message[]): void {
    for (const message of messages) {
      const receiver = this.#receivers.get(message.to);
      const sender = this.#receivers.get(message.from);
      receiver?.receive(message);
      if (receiver === undefined) sender?.reportUnreachable(message.to);
      if (message.type === 'snapshot') sender?.reportSnapshot(message.to, receiver !== undefined);
    }
  }
}
