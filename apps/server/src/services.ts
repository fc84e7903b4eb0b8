import type { Clock, Random } from '@kontiki/std';
import { STORAGE_VERSION } from './cluster/version.js';
import type { ServerOptions } from './config/options.js';
import type { Node } from './node/node.js';
import type { ServerMetrics } from './observe/metrics.js';
import { authService } from './rpc/auth.js';
import { clusterService } from './rpc/cluster.js';
import { healthService } from './rpc/health.js';
import { kvService } from './rpc/kv.js';
import { leaseService } from './rpc/lease.js';
import { maintenanceService } from './rpc/maintenance.js';
import type { Service } from './rpc/service.js';
import { watchService } from './rpc/watch.js';
import type { Sha256 } from './storage/snapshots.js';

/** What a gRPC message may be longer than a proposal: headers and framing of a request at its limit. */
export const RPC_OVERHEAD_BYTES: number = 512 * 1024;

export interface ServicesWorld {
  readonly clock: Clock;
  readonly random: Random;
  sha256(): Sha256;
  readonly metrics: Pick<ServerMetrics, 'service' | 'watch' | 'lease'>;
}

/** Every gRPC service a member serves. */
export function servicesOf(
  node: Node,
  options: ServerOptions,
  { clock, random, metrics, sha256 }: ServicesWorld,
): Service[] {
  return [
    kvService(node, { maxTxnOps: options.limits.maxTxnOps, rangeSeconds: metrics.service.rangeSeconds }),
    watchService(node, {
      progressNotifyMs: options.tuning.watchProgressNotifyIntervalMs,
      fragmentBytes: options.limits.maxRequestBytes + RPC_OVERHEAD_BYTES,
      clock,
      random,
      streams: metrics.watch.streams,
      events: metrics.watch.events,
    }),
    leaseService(node, { renewed: metrics.lease.renewed }),
    clusterService(node),
    maintenanceService(node, { storageVersion: STORAGE_VERSION, sha256 }),
    authService(node),
    healthService(),
  ];
}
