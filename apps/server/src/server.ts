/**
 * The composition root: the only file, with member.ts, that constructs things. Read it as the wiring diagram.
 */
import { createHash } from 'node:crypto';
import { openLevelBackend } from '@kontiki/mvcc/level';
import type { Transport } from '@kontiki/raft';
import { nodeFileSystem, systemClock, systemRandom } from '@kontiki/std/node';
import * as grpc from '@grpc/grpc-js';
import { Level } from 'level';
import type { ServerOptions } from './config/options.js';
import { memberMetrics, readFromMember, rpcMetrics } from './instruments.js';
import { Member } from './member.js';
import type { ServerLogger } from './observe/logger.js';
import { createMetrics } from './observe/metrics.js';
import { countClient, requireLeader } from './rpc/interceptors.js';
import { createRpcServer } from './rpc/server.js';
import { RPC_OVERHEAD_BYTES, servicesOf } from './services.js';

/** A member of a cluster of one has nobody to write to. */
const nobody: Transport = { send: () => {} };

export class Server {
  private constructor(
    readonly failed: Promise<never>,
    readonly stop: () => Promise<void>,
  ) {}

  static async start(options: ServerOptions, logger: ServerLogger): Promise<Server> {
    const clock = systemClock;
    const nowMs = (): number => clock.monotonic();
    const metrics = createMetrics(options.metrics);
    const member = await Member.open(options, {
      clock,
      random: systemRandom,
      fileSystem: nodeFileSystem,
      sha1: (bytes) => createHash('sha1').update(bytes).digest(),
      transport: nobody,
      openBackend: (directory, onError) =>
        openLevelBackend(new Level<Uint8Array, Uint8Array>(directory, { keyEncoding: 'view', valueEncoding: 'view' }), {
          clock,
          directory,
          commitIntervalMs: options.tuning.backendBatchIntervalMs,
          commitChanges: options.tuning.backendBatchLimit,
          logger: logger.named('mvcc/level'),
          onError,
        }),
      logger: (caller) => logger.named(caller),
      metrics: memberMetrics(metrics, options, logger.named('apply')),
    });
    const { node } = member;
    readFromMember(metrics, member);
    const services = servicesOf(node, options, { clock, random: systemRandom });
    for (const { definition } of services) metrics.grpc.register(definition);
    const rpc = createRpcServer({
      services,
      interceptors: [countClient(rpcMetrics(metrics, nowMs)), requireLeader(node)],
      metrics: rpcMetrics(metrics, nowMs),
      maxReceiveBytes: options.limits.maxRequestBytes + RPC_OVERHEAD_BYTES,
      maxConcurrentStreams: options.limits.maxConcurrentStreams,
      keepalive: options.limits.grpcKeepAlive,
      nowMs,
    });
    await node.publish(options.member.name, options.advertise.clientUrls);
    for (const url of options.listening.clientUrls) {
      if (url.kind !== 'tcp') throw new Error('unix sockets come with the listener');
      await new Promise<void>((resolve, reject) =>
        rpc.bindAsync(`${url.host === 'localhost' ? '127.0.0.1' : url.host}:${url.port}`, grpc.ServerCredentials.createInsecure(), (error) =>
          error === null ? resolve() : reject(error),
        ),
      );
    }
    logger.named('server').info('ready to serve client requests');
    return new Server(member.failed, async () => {
      rpc.forceShutdown();
      await member.stop();
      metrics.close();
    });
  }
}
