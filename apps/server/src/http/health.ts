import type { Logger } from '@kontiki/std';
import type { HealthMetrics } from '../observe/metrics.js';
import { type HttpAnswer, type HttpHandler, type HttpRequest, onlyGet, TEXT, textAnswer } from './answer.js';

export type AlarmName = 'NOSPACE' | 'CORRUPT';

/** What the health endpoints ask of a member. Each read must settle by itself, within the request timeout. */
export interface HealthProbe {
  /** A local read of one key. */
  serializableRead(): Promise<void>;
  /** The same behind a read barrier: needs a leader. */
  linearizableRead(): Promise<void>;
  /** Raised anywhere in the cluster. */
  alarms(): readonly AlarmName[];
  hasLeader(): boolean;
  isLearner(): boolean;
}

interface Check {
  readonly name: string;
  readonly on: readonly ('livez' | 'readyz')[];
  /** Rejects with the reason. */
  run(): Promise<void>;
}

/**
 * `/health`, `/livez`, `/readyz` and the single checks below the last two, with etcd's bodies.
 * Verbose lines come in a fixed order (etcd's come in any).
 */
export function healthRoutes(
  probe: HealthProbe,
  metrics: HealthMetrics,
  logger: Logger,
): ReadonlyMap<string, HttpHandler> {
  const refused = (request: HttpRequest): void =>
    logger.warn('health request error', { path: request.path, 'status-code': 405 });
  const routes = new Map<string, HttpHandler>();
  routes.set(
    '/health',
    onlyGet((request) => health(request, probe, metrics, logger), refused),
  );
  for (const endpoint of ['livez', 'readyz'] as const) {
    const checks = checksOf(probe).filter(({ on }) => on.includes(endpoint));
    const run = (request: HttpRequest, chosen: readonly Check[]): Promise<HttpAnswer> =>
      runChecks(request, endpoint, chosen, metrics, logger);
    routes.set(
      `/${endpoint}`,
      onlyGet((request) => run(request, withoutExcluded(request, checks, logger)), refused),
    );
    for (const check of checks) {
      routes.set(
        `/${endpoint}/${check.name}`,
        onlyGet((request) => run(request, [check]), refused),
      );
    }
  }
  return routes;
}

function checksOf(probe: HealthProbe): readonly Check[] {
  return [
    { name: 'serializable_read', on: ['livez', 'readyz'], run: () => probe.serializableRead() },
    {
      name: 'data_corruption',
      on: ['readyz'],
      async run() {
        if (probe.alarms().includes('CORRUPT')) throw new Error('alarm activated: CORRUPT');
      },
    },
    { name: 'linearizable_read', on: ['readyz'], run: () => probe.linearizableRead() },
    {
      name: 'non_learner',
      on: ['readyz'],
      async run() {
        if (probe.isLearner()) throw new Error('not supported for learner');
      },
    },
  ];
}

async function health(
  request: HttpRequest,
  probe: HealthProbe,
  metrics: HealthMetrics,
  logger: Logger,
): Promise<HttpAnswer> {
  const excluded = new Set(request.query.getAll('exclude'));
  const reason = await whyUnhealthy(probe, excluded, request.query.get('serializable') === 'true');
  const body = JSON.stringify({ health: reason === '' ? 'true' : 'false', reason });
  if (reason === '') {
    metrics.success.add();
    return { status: 200, headers: { 'Content-Type': TEXT }, body };
  }
  metrics.failure.add();
  logger.warn('serving /health false', { reason });
  return textAnswer(503, body);
}

/** The first reason found, or nothing. */
async function whyUnhealthy(probe: HealthProbe, excluded: ReadonlySet<string>, serializable: boolean): Promise<string> {
  const alarm = probe.alarms().find((name) => !excluded.has(name));
  if (alarm !== undefined) return `ALARM ${alarm}`;
  if (!serializable && !probe.hasLeader()) return 'RAFT NO LEADER';
  try {
    await (serializable ? probe.serializableRead() : probe.linearizableRead());
    return '';
  } catch (error) {
    return `RANGE ERROR:${textOf(error)}`;
  }
}

function withoutExcluded(request: HttpRequest, checks: readonly Check[], logger: Logger): readonly Check[] {
  const excluded = new Set(request.query.getAll('exclude'));
  const chosen = checks.filter(({ name }) => !excluded.delete(name));
  if (excluded.size > 0) {
    logger.warn('some health checks cannot be excluded', { 'missing-health-checks': [...excluded] });
  }
  return chosen;
}

async function runChecks(
  request: HttpRequest,
  endpoint: 'livez' | 'readyz',
  checks: readonly Check[],
  metrics: HealthMetrics,
  logger: Logger,
): Promise<HttpAnswer> {
  const results = await Promise.all(
    checks.map(async ({ name, run }) => {
      const problem = await run().then(
        () => undefined,
        (error: unknown) => textOf(error),
      );
      metrics.check(endpoint, name, problem === undefined);
      return { problem, line: problem === undefined ? `[+]${name} ok\n` : `[-]${name} failed: ${problem}\n` };
    }),
  );
  const lines = results.map(({ line }) => line).join('');
  if (results.some(({ problem }) => problem !== undefined)) {
    logger.error('health check error', { path: request.path, reason: lines, 'status-code': 503 });
    return textAnswer(503, lines);
  }
  return textAnswer(200, `${request.query.has('verbose') ? lines : ''}ok`);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
