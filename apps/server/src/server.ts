/**
 * The composition root: the only file, with member.ts, that constructs things. Read it as the wiring diagram.
 */
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { openLevelBackend } from '@kontiki/mvcc/level';
import type { Transport } from '@kontiki/raft';
import { nodeFileSystem, systemClock, systemRandom } from '@kontiki/std/node';
import { Level } from 'level';
import { STORAGE_VERSION } from './cluster/version.js';
import type { ServerOptions } from './config/options.js';
import { ConnectionLimit } from './connection-limit.js';
import { clientRoutes, metricsRoutes, type Operations, peerRoutes } from './http/routes.js';
import { HttpFront } from './http/server.js';
import { memberMetrics, readFromMember, rpcMetrics, showOptions } from './instruments.js';
import { type Listening, listen } from './listen.js';
import { Member } from './member.js';
import type { ServerLogger } from './observe/logger.js';
import { createMetrics, type ServerMetrics } from './observe/metrics.js';
import { membersHandler } from './peers/members.js';
import { probeOf } from './probe.js';
import { countClient, requireLeader } from './rpc/interceptors.js';
import { createRpcServer } from './rpc/server.js';
import { SlowCalls } from './rpc/slow-calls.js';
import { RPC_OVERHEAD_BYTES, servicesOf } from './services.js';
import { measured } from './storage/measured-database.js';

/** A member of a cluster of one has nobody to write to. */
const nobody: Transport = { send: () => {} };

/** How long a stop waits for calls that are under way. */
const GRACE_MS = 1000;

/** A running server: a member and everything that listens. */
export class Server {
  private constructor(
    /** Rejects, once, with what made the member stop by itself. */
    readonly failed: Promise<never>,
    /** Takes nothing new, answers what is under way, then puts everything away. Resolves when all of it is on the disk. */
    readonly stop: () => Promise<void>,
  ) {}

  /**
   * Takes the addresses, opens the data directory, elects, publishes itself; resolves when clients are served. Who
   * connects before that waits.
   * @throws an Error whose message names what is wrong and, for a damaged directory, the remedy
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

      const member = await openMember(options, logger, metrics);
      undo.push(() => member.stop(), closeOutside);
      const { node } = member;
      showOptions(metrics, options);
      readFromMember(metrics, member);

      const services = servicesOf(node, options, { clock, random: systemRandom, metrics });
      for (const { definition } of services) metrics.grpc.register(definition);
      const counted = rpcMetrics(metrics, nowMs);
      const rpc = createRpcServer({
        services,
        interceptors: [countClient(counted), requireLeader(node)],
        metrics: counted,
        slowCalls: new SlowCalls({
          thresholdMs: options.tuning.warningUnaryRequestDurationMs,
          clock,
          logger: logger.named('rpc/slow-calls'),
        }),
        maxReceiveBytes: options.limits.maxRequestBytes + RPC_OVERHEAD_BYTES,
        maxConcurrentStreams: options.limits.maxConcurrentStreams,
        keepalive: options.limits.grpcKeepAlive,
        nowMs,
      });
      outside.push(() => shutDown(rpc));

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
      const access = { corsOrigins: options.listening.corsOrigins, hostWhitelist: options.listening.hostWhitelist };
      const front = (routes: ReturnType<typeof clientRoutes>, rules: typeof access | undefined): HttpFront => {
        const opened = new HttpFront({ routes, access: rules, clock, logger: logger.named('http') });
        outside.push(() => opened.close(GRACE_MS));
        return opened;
      };
      const injector = rpc.createConnectionInjector(grpc.ServerCredentials.createInsecure());
      const clients = front(clientRoutes(operations), access);
      const peers = front(new Map([...peerRoutes(operations), ['/members', membersHandler(node)]]), undefined);
      const scrapers = front(metricsRoutes(operations), undefined);

      await node.publish(options.member.name, options.advertise.clientUrls);
      logger.named('server').info('published local member to cluster through raft', {
        'local-member-attributes': { name: options.member.name, clientURLs: options.advertise.clientUrls },
      });
      doors.serve({
        grpc: (socket) => injector.injectConnection(socket),
        http: (socket) => clients.accept(socket),
        peer: (socket) => peers.accept(socket),
        metrics: (socket) => scrapers.accept(socket),
      });
      logger.named('server').info('ready to serve client requests', { urls: doors.urls });
      return new Server(member.failed, stop);
    } catch (error) {
      await stop();
      throw error;
    }
  }
}

function openMember(options: ServerOptions, logger: ServerLogger, metrics: ServerMetrics): Promise<Member> {
  return Member.open(options, {
    clock: systemClock,
    random: systemRandom,
    fileSystem: nodeFileSystem,
    sha1: (bytes) => createHash('sha1').update(bytes).digest(),
    transport: nobody,
    openBackend: (directory, onError) =>
      openLevelBackend(measured(openLevel(directory), { clock: systemClock, ...metrics.backend }), {
        clock: systemClock,
        directory,
        commitIntervalMs: options.tuning.backendBatchIntervalMs,
        commitChanges: options.tuning.backendBatchLimit,
        logger: logger.named('mvcc/level'),
        onError,
      }),
    logger: (caller) => logger.named(caller),
    metrics: memberMetrics(metrics, options, logger.named('apply')),
  });
}

function openLevel(directory: string): Level<Uint8Array, Uint8Array> {
  return new Level(directory, { keyEncoding: 'view', valueEncoding: 'view' });
}

type Kind = 'grpc' | 'http' | 'peer' | 'metrics';
type Owners = Readonly<Record<Kind, (socket: Socket) => void>>;

/** Every address of the server, taken at once; who comes before there is somebody to serve waits at the door. */
interface Doors {
  readonly urls: readonly string[];
  serve(owners: Owners): void;
  close(): Promise<void>;
}

async function openDoors({ listening }: ServerOptions, logger: ServerLogger): Promise<Doors> {
  let owners: Owners | undefined;
  const waiting: (readonly [Kind, Socket])[] = [];
  const to =
    (kind: Kind) =>
    (socket: Socket): void => {
      if (owners === undefined) waiting.push([kind, socket]);
      else owners[kind](socket);
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
    serve(given) {
      owners = given;
      for (const [kind, socket] of waiting.splice(0)) if (!socket.destroyed) given[kind](socket);
    },
    close,
  };
}

/** Lets calls under way end; watches and other streams that do not end by themselves are cut after the grace. */
async function shutDown(rpc: grpc.Server): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = systemClock.after(GRACE_MS, resolve);
    rpc.tryShutdown(() => {
      timer.cancel();
      resolve();
    });
  });
  rpc.forceShutdown();
}
