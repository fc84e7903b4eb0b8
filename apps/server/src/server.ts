/**
 * The composition root: with member.ts and its folder, all that constructs things. Read it as the wiring diagram.
 */
import { createHash } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { openLevelBackend } from '@kontiki/mvcc/level';
import { Deferred } from '@kontiki/std';
import { nodeFileSystem, systemClock, systemRandom } from '@kontiki/std/node';
import { Level } from 'level';
import { hexId } from './cluster/member-id.js';
import { ETCD_VERSION, STORAGE_VERSION } from './cluster/version.js';
import { resolveAll } from './config/bootstrap.js';
import type { ServerOptions } from './config/options.js';
import { ConnectionLimit } from './connection-limit.js';
import { ServerError } from './errors.js';
import type { AccessRules } from './http/access.js';
import type { HttpHandler, Routes } from './http/answer.js';
import { clientRoutes, metricsRoutes, type Operations, peerRoutes } from './http/routes.js';
import { HttpFront, type HttpOptions } from './http/server.js';
import { downgradeHandler } from './http/version.js';
import { memberMetrics, readFromMember, rpcMetrics, showOptions } from './instruments.js';
import { type Listening, listen } from './listen.js';
import type { PeerConnections, PeerOptions } from './member/world.js';
import { Member } from './member.js';
import type { Node } from './node/node.js';
import { MIN_CLUSTER_VERSION } from './node/version-agreement.js';
import type { ServerLogger } from './observe/logger.js';
import { createMetrics, type ServerMetrics } from './observe/metrics.js';
import { hashKvHandler } from './peers/hashkv.js';
import { leaseHandlers } from './peers/lease-requests.js';
import { membersHandler } from './peers/members.js';
import { PROMOTE_PATH, promoteHandler } from './peers/promote.js';
import { Remote } from './peers/remote.js';
import { PeerTransport } from './peers/transport.js';
import { probeOf } from './probe.js';
import { countClient, refuseOnLearner, requireLeader } from './rpc/interceptors.js';
import { createRpcServer } from './rpc/server.js';
import { SlowCalls } from './rpc/slow-calls.js';
import { RPC_OVERHEAD_BYTES, servicesOf } from './services.js';
import { measured } from './storage/measured-database.js';
import type { Sha256 } from './storage/snapshots.js';

/** How long a stop waits for calls that are under way. */
const GRACE_MS = 1000;
/** How long clients wait at the door for a member that has not found its cluster. */
const CLUSTER_READY_MS = 5000;
/** To reach another member, beyond an election timeout. */
const DIAL_MS = 1000;
/** How long a leader that stops waits for the next one. */
const HAND_OVER_MS = 2000;

/** A running server: a member and everything that listens. */
export class Server {
  private constructor(
    /** Rejects, once, with what made the member stop by itself. */
    readonly failed: Promise<never>,
    /** Takes nothing new, answers what is under way, then puts everything away. Resolves when all of it is on the disk. */
    readonly stop: () => Promise<void>,
  ) {}

  /**
   * Takes the addresses, opens the data directory, joins its cluster, publishes itself; resolves when clients are served.
   * Who connects before that waits. Other members are answered as soon as there is somebody to answer.
   * @throws an Error whose message names what is wrong and, for a damaged directory, the remedy; MemberRemovedError
   */
  static async start(options: ServerOptions, logger: ServerLogger): Promise<Server> {
    const clock = systemClock;
    const nowMs = (): number => clock.monotonic();
    const undo: (() => Promise<unknown>)[] = [];
    const stop = async (): Promise<void> => {
      for (const step of undo.splice(0).reverse()) await step();
    };
    try {
      const metrics = createMetrics(options.metrics);
      undo.push(async () => metrics.close());
      const doors = await openDoors(options, logger);
      /** Everything that has connections: they are closed together, the doors first. */
      const outside: (() => Promise<void>)[] = [() => doors.close()];
      const closeOutside = async (): Promise<void> => {
        await Promise.all(outside.splice(0).map((close) => close()));
      };
      undo.push(closeOutside);
      const front = (
        routes: Routes,
        more: { readonly access?: AccessRules; readonly takeFirst?: HttpOptions['takeFirst'] } = {},
      ): HttpFront => {
        const { access, takeFirst } = more;
        const opened = new HttpFront({
          routes,
          access,
          clock,
          logger: logger.named('http'),
          ...(takeFirst !== undefined && { takeFirst }),
        });
        outside.push(() => opened.close(GRACE_MS));
        return opened;
      };

      // Two members that found a cluster ask each other who they are: neither may keep the other waiting.
      const company = new Company(options, logger, metrics);
      undo.push(async () => company.remote.close());
      const forPeers = new Map<string, HttpHandler>();
      const peers = front(forPeers, { takeFirst: (request, response) => company.take(request, response) });
      doors.serve('peer', (socket) => peers.accept(socket));

      const member = await openMember(options, logger, metrics, company);
      undo.push(() => member.stop(), closeOutside);
      const { node } = member;
      undo.push(() => handOver(node, logger));
      showOptions(metrics, options);
      readFromMember(metrics, member);
      for (const [path, handler] of betweenMembers(node)) forPeers.set(path, handler);

      const services = servicesOf(node, options, { clock, random: systemRandom, metrics, sha256 });
      for (const { definition } of services) metrics.grpc.register(definition);
      const counted = rpcMetrics(metrics, nowMs);
      const rpc = createRpcServer({
        services,
        interceptors: [
          refuseOnLearner(node),
          countClient(counted),
          requireLeader(node, { clock, electionMs: options.member.electionMs }),
        ],
        metrics: counted,
        slowCalls: new SlowCalls({
          thresholdMs: options.tuning.warningUnaryRequestDurationMs,
          clock,
          logger: logger.named('rpc/slow-calls'),
        }),
        maxReceiveBytes: options.limits.maxRequestBytes + RPC_OVERHEAD_BYTES,
        maxConcurrentStreams: options.limits.maxConcurrentStreams,
        keepalive: options.limits.grpcKeepAlive,
        minPingIntervalMs: options.limits.grpcMinPingIntervalMs,
        clock,
        logger: logger.named('rpc'),
      });
      outside.push(() => rpc.drain(GRACE_MS));

      const operations: Operations = {
        probe: probeOf(node),
        metrics,
        versions: { clusterVersion: () => node.membership.clusterVersion, storageVersion: () => STORAGE_VERSION },
        raftStatus: () => {
          const { id, term, vote, leader, commit, applied, role } = node.raft();
          const raftState = `State${role[0]!.toUpperCase()}${role.slice(1)}` as 'StateLeader';
          return { id, term, vote, commit, applied, lead: leader, raftState };
        },
        logger: logger.named('http'),
      };
      for (const [path, handler] of peerRoutes(operations)) forPeers.set(path, handler);
      company.open();
      const access = { corsOrigins: options.listening.corsOrigins, hostWhitelist: options.listening.hostWhitelist };
      const clients = front(clientRoutes(operations), { access });
      const scrapers = front(metricsRoutes(operations));

      if (options.tuning.initialCorruptCheck) await member.checks.initial();
      const timeout = clusterReadyTimeout(logger);
      await Promise.race([publish(member, options, logger), timeout.over, member.failed]).finally(timeout.cancel);
      doors.serve('grpc', (socket) => rpc.accept(socket));
      doors.serve('http', (socket) => clients.accept(socket));
      doors.serve('metrics', (socket) => scrapers.accept(socket));
      logger.named('server').info('ready to serve client requests', { urls: doors.urls });
      return new Server(member.failed, stop);
    } catch (error) {
      await stop();
      throw error;
    }
  }
}

/** Tells the cluster this member's name and client URLs, again and again until it knows. */
async function publish(
  member: Member,
  { member: { name }, advertise }: ServerOptions,
  logger: ServerLogger,
): Promise<void> {
  let stopped = false;
  member.failed.catch(() => {
    stopped = true;
  });
  for (;;) {
    try {
      await member.node.publish(name, advertise.clientUrls);
      logger.named('server').info('published local member to cluster through raft', {
        'local-member-attributes': { name, clientURLs: advertise.clientUrls },
      });
      return;
    } catch (error) {
      if (stopped || (error instanceof ServerError && error.condition === 'Stopped')) return;
      logger.named('server').warn('failed to publish local member to cluster through raft', { error: String(error) });
    }
  }
}

/** Whoever operates a cluster that cannot elect must still be able to look into its members. */
function clusterReadyTimeout(logger: ServerLogger): { readonly over: Promise<void>; readonly cancel: () => void } {
  const over = new Deferred<void>();
  const timer = systemClock.after(CLUSTER_READY_MS, () => {
    logger.named('server').warn('timed out waiting for the cluster to be ready; clients are served anyway');
    over.resolve();
  });
  return { over: over.promise, cancel: () => timer.cancel() };
}

/** A leader that stops does not leave the others to wait for an election. */
async function handOver(node: Node, logger: ServerLogger): Promise<void> {
  const outcome = await node.members.handOverBeforeStop(HAND_OVER_MS);
  if (outcome !== 'not needed') logger.named('server').info('leadership transfer before stopping', { outcome });
}

/** What other members ask, but for raft's own streams. */
function betweenMembers(node: Node): Routes {
  const { clusterId } = node;
  return new Map<string, HttpHandler>([
    ['/members', membersHandler(node)],
    ['/downgrade/enabled', downgradeHandler(clusterId)],
    [PROMOTE_PATH, promoteHandler({ clusterId, promote: (id) => node.members.promoteHere(id) })],
    [
      '/members/hashkv',
      hashKvHandler({ clusterId, hash: (revision) => node.store.hash(revision), revision: () => node.revision() }),
    ],
    ...leaseHandlers({
      renew: (id, signal) => node.renewals.renewHere(id, signal),
      async timeToLive(id, keys) {
        const left = await node.renewals.timeToLiveHere(id, keys);
        return left && { TTL: left.ttlSeconds, grantedTTL: left.grantedSeconds, keys: [...left.keys] };
      },
    }),
  ]);
}

/** The other members: how they are reached, and what of theirs reaches raft. */
class Company {
  readonly #options: ServerOptions;
  readonly #logger: ServerLogger;
  readonly #metrics: ServerMetrics;
  readonly remote: Remote;
  #transport: PeerTransport | undefined;
  /** Known once this member knows whom it belongs to: answers of other clusters are refused from then on. */
  #clusterId: bigint | undefined;
  #open = false;

  constructor(options: ServerOptions, logger: ServerLogger, metrics: ServerMetrics) {
    this.#options = options;
    this.#logger = logger;
    this.#metrics = metrics;
    this.remote = new Remote({
      clock: systemClock,
      logger: logger.named('peers/remote'),
      clusterId: () => this.#clusterId,
    });
  }

  connect(options: PeerOptions): PeerConnections {
    const { raftReadTimeoutMs, raftWriteTimeoutMs, electionMs } = this.#options.member;
    const transport = new PeerTransport({
      ...options,
      serverVersion: ETCD_VERSION,
      minClusterVersion: MIN_CLUSTER_VERSION,
      clock: systemClock,
      random: systemRandom,
      logger: this.#logger.named('peers'),
      metrics: this.#metrics.peers(hexId(options.memberId)),
      limits: { dialMs: DIAL_MS + electionMs, readMs: raftReadTimeoutMs, writeMs: raftWriteTimeoutMs },
    });
    this.#transport = transport;
    this.#clusterId = options.clusterId;
    return transport;
  }

  /** From now on there is somebody to answer. */
  open(): void {
    this.#open = true;
  }

  /** Whether a request on the peer address was answered here. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#transport?.handle(request, response) === true) return true;
    if (this.#open) return false;
    response.writeHead(503, { Connection: 'close' }).end();
    return true;
  }
}

function sha256(): Sha256 {
  const hash = createHash('sha256');
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() };
}

function openMember(
  options: ServerOptions,
  logger: ServerLogger,
  metrics: ServerMetrics,
  company: Company,
): Promise<Member> {
  return Member.open(options, {
    clock: systemClock,
    random: systemRandom,
    fileSystem: nodeFileSystem,
    sha1: (bytes) => createHash('sha1').update(bytes).digest(),
    sha256,
    connect: (peers) => company.connect(peers),
    remote: company.remote,
    resolve: (urls) => resolveAll(urls, lookup),
    openBackend: (directory, onError) =>
      openLevelBackend(measured(openLevel(directory), { clock: systemClock, ...metrics.backend }), {
        clock: systemClock,
        directory,
        commitIntervalMs: options.tuning.backendBatchIntervalMs,
        commitChanges: options.tuning.backendBatchLimit,
        logger: logger.named('mvcc/level'),
        onError,
      }),
    removeDatabase: (directory) => rm(directory, { recursive: true, force: true }),
    logger: (caller) => logger.named(caller),
    metrics: memberMetrics(metrics, options, logger.named('apply')),
  });
}

function openLevel(directory: string): Level<Uint8Array, Uint8Array> {
  return new Level(directory, { keyEncoding: 'view', valueEncoding: 'view' });
}

type Kind = 'grpc' | 'http' | 'peer' | 'metrics';
type Owners = Partial<Record<Kind, (socket: Socket) => void>>;

/** Every address of the server, taken at once; who comes before there is somebody to serve waits at the door. */
interface Doors {
  readonly urls: readonly string[];
  serve(kind: Kind, owner: (socket: Socket) => void): void;
  close(): Promise<void>;
}

async function openDoors({ listening }: ServerOptions, logger: ServerLogger): Promise<Doors> {
  const owners: Owners = {};
  const waiting: (readonly [Kind, Socket])[] = [];
  const to =
    (kind: Kind) =>
    (socket: Socket): void => {
      const owner = owners[kind];
      if (owner === undefined) waiting.push([kind, socket]);
      else owner(socket);
    };
  const options = {
    clock: systemClock,
    logger: logger.named('listen'),
    connectionLimit: ConnectionLimit.ofProcess(),
  };
  const opened: Listening[] = [];
  const open = async (urls: typeof listening.clientUrls, protocols: Parameters<typeof listen>[1]): Promise<void> => {
    if (urls.length > 0) opened.push(await listen(urls, protocols, options));
  };
  const close = async (): Promise<void> => {
    for (const [, socket] of waiting) socket.destroy();
    await Promise.all(opened.map((one) => one.close(GRACE_MS)));
  };
  try {
    // HTTP addresses of their own make the others speak gRPC alone.
    const shared = listening.clientHttpUrls.length === 0;
    await open(listening.clientUrls, shared ? { grpc: to('grpc'), http: to('http') } : { grpc: to('grpc') });
    await open(listening.clientHttpUrls, { http: to('http') });
    await open(listening.peerUrls, { http: to('peer') });
    await open(listening.metricsUrls, { http: to('metrics') });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    urls: opened.flatMap((one) => one.urls),
    serve(kind, owner) {
      owners[kind] = owner;
      for (const [waits, socket] of waiting.splice(0)) {
        if (waits !== kind) waiting.push([waits, socket]);
        else if (!socket.destroyed) owner(socket);
      }
    },
    close,
  };
}
