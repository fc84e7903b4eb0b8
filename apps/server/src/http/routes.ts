import type { Logger } from '@kontiki/std';
import type { ServerMetrics } from '../observe/metrics.js';
import type { HttpHandler, Routes } from './answer.js';
import { debugVarsHandler, type RaftStatus } from './debug-vars.js';
import { type HealthProbe, healthRoutes } from './health.js';
import { metricsHandler } from './metrics.js';
import { type Versions, versionHandler } from './version.js';

/** What the endpoints show. */
export interface Operations {
  readonly probe: HealthProbe;
  readonly metrics: Pick<ServerMetrics, 'health' | 'scrape' | 'expose'>;
  readonly versions: Versions;
  readonly raftStatus: () => RaftStatus;
  readonly logger: Logger;
}

/** For `--listen-metrics-urls`. */
export function metricsRoutes({ probe, metrics, logger }: Operations): Routes {
  return new Map<string, HttpHandler>([
    ...healthRoutes(probe, metrics.health, logger),
    ['/metrics', metricsHandler(metrics)],
  ]);
}

/** For the client addresses that speak HTTP. */
export function clientRoutes(operations: Operations): Routes {
  return new Map<string, HttpHandler>([
    ...metricsRoutes(operations),
    ['/version', versionHandler(operations.versions)],
    ['/debug/vars', debugVarsHandler(operations.raftStatus)],
  ]);
}

/** For `--listen-peer-urls`, while members do not talk to each other. */
export function peerRoutes({ versions }: Operations): Routes {
  return new Map([['/version', versionHandler(versions)]]);
}
