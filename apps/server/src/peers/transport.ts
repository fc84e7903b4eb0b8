import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Message, Transport } from '@kontiki/raft';
import type { Clock, Logger, Random } from '@kontiki/std';
import { hexId } from '../cluster/member-id.js';
import type { PeerContext, PeerEvents, SnapshotPort } from './context.js';
import { type Dialer, plainDialer } from './dial.js';
import type { Identity, Introduction } from './headers.js';
import { DEFAULT_LIMITS, type PeerLimits } from './limits.js';
import { type PeerMetrics, SILENT_METRICS } from './metrics.js';
import { Peer } from './peer.js';
import { PeerServer } from './server.js';

export interface PeerTransportOptions extends Identity, PeerEvents {
  /** As other members may dial this one. */
  ownPeerUrls(): readonly string[];
  readonly snapshots: SnapshotPort;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Partial<PeerMetrics>;
  readonly limits?: Partial<PeerLimits>;
  /** Default: plain HTTP. */
  readonly dialer?: Dialer;
}

/** The other members: raft's messages there and back, over etcd's peer protocol. */
export class PeerTransport implements Transport {
  readonly #context: PeerContext;
  readonly #server: PeerServer;
  readonly #peers = new Map<bigint, Peer>();
  /** In the order they introduced themselves. */
  readonly #strangers = new Map<bigint, Peer>();
  /** Peers that were removed and are not done yet. */
  readonly #leaving = new Set<Promise<void>>();
  #stopped = false;

  constructor(options: PeerTransportOptions) {
    const { memberId, clusterId, serverVersion, minClusterVersion } = options;
    const whileRunning = (run: () => void): void => {
      if (!this.#stopped) run();
    };
    this.#context = {
      identity: { memberId, clusterId, serverVersion, minClusterVersion },
      ownPeerUrls: () => options.ownPeerUrls(),
      events: {
        receive: (message) => whileRunning(() => options.receive(message)),
        reportUnreachable: (id) => whileRunning(() => options.reportUnreachable(id)),
        reportSnapshot: (id, delivered) => whileRunning(() => options.reportSnapshot(id, delivered)),
        reportGone: (id) => whileRunning(() => options.reportGone(id)),
        isRemoved: (id) => options.isRemoved(id),
        onRemoved: () => whileRunning(() => options.onRemoved()),
      },
      snapshots: options.snapshots,
      dialer: options.dialer ?? plainDialer,
      clock: options.clock,
      random: options.random,
      logger: options.logger,
      metrics: { ...SILENT_METRICS, ...options.metrics },
      limits: { ...DEFAULT_LIMITS, ...options.limits },
    };
    this.#server = new PeerServer(this.#context, {
      knows: (id) => this.#peers.has(id),
      attach: (id, kind, response) => this.#peers.get(id)?.attach(kind, response),
      meet: (introduction) => this.#meet(introduction),
    });
  }

  /** Never waits, never throws. What finds no room, or nobody, is dropped; of members we know that is reported. */
  send(messages: readonly Message[]): void {
    if (this.#stopped) return;
    for (const message of messages) {
      const peer = this.#peers.get(message.to) ?? this.#strangers.get(message.to);
      if (peer !== undefined) peer.send(message);
      else this.#nobody(message);
    }
  }

  /** Connects to the member, and lets it connect. One that is known gets these addresses. */
  addPeer(id: bigint, urls: readonly string[]): void {
    const { identity, logger, metrics } = this.#context;
    if (this.#stopped || id === identity.memberId) return;
    const known = this.#peers.get(id);
    if (known !== undefined) {
      known.update(urls);
      return;
    }
    this.#leave(this.#strangers, id);
    this.#peers.set(id, new Peer(id, urls, 'peer', this.#context));
    metrics.known(hexId(id)).set(1);
    logger.info('added remote peer', { 'remote-peer-id': hexId(id), 'remote-peer-urls': urls });
  }

  /** New addresses of a member that is known; of another, nothing. */
  updatePeer(id: bigint, urls: readonly string[]): void {
    const known = this.#peers.get(id);
    if (known === undefined) return;
    known.update(urls);
    this.#context.logger.info('updated remote peer', { 'remote-peer-id': hexId(id), 'remote-peer-urls': urls });
  }

  /** Ends every connection with the member. */
  removePeer(id: bigint): void {
    this.#leave(this.#strangers, id);
    if (!this.#leave(this.#peers, id)) return;
    const { logger, metrics } = this.#context;
    metrics.known(hexId(id)).set(0);
    logger.info('removed remote peer', { 'remote-peer-id': hexId(id) });
  }

  /** Serves what other members ask for. @returns false: not ours, answer it as usual */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    return this.#server.handle(request, response);
  }

  /** Monotonic milliseconds since when messages flow to and from the member without a break; undefined: they do not. */
  activeSince(id: bigint): number | undefined {
    return this.#peers.get(id)?.activeSince;
  }

  /** Resolves when no connection and no timer is left. Nothing is received or reported from the call on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const peers of [this.#peers, this.#strangers]) for (const id of [...peers.keys()]) this.#leave(peers, id);
    await Promise.all([this.#server.stop(), ...this.#leaving]);
  }

  /** One we are told of later than it acts: a new leader must hear from us before we can learn from it who it is. */
  #meet({ id, urls }: Introduction): void {
    if (this.#stopped || id === this.#context.identity.memberId) return;
    if (this.#peers.has(id) || this.#strangers.has(id)) return;
    if (this.#strangers.size >= this.#context.limits.strangers) {
      const [oldest] = this.#strangers.keys();
      this.#leave(this.#strangers, oldest!);
    }
    this.#strangers.set(id, new Peer(id, urls, 'stranger', this.#context));
    this.#context.logger.info('met a member not known yet', { 'remote-peer-id': hexId(id), 'remote-peer-urls': urls });
  }

  #leave(peers: Map<bigint, Peer>, id: bigint): boolean {
    const peer = peers.get(id);
    if (peer === undefined) return false;
    peers.delete(id);
    const leaving = peer.stop().finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
    return true;
  }

  #nobody(message: Message): void {
    const { events, logger } = this.#context;
    logger.debug('ignored a message to an unknown member', { type: message.type, to: hexId(message.to) });
    // Raft would wait for it otherwise.
    if (message.type === 'snapshot') events.reportSnapshot(message.to, false);
  }
}
