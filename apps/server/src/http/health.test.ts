import { type LogFields, type Logger, silentLogger } from '@kontiki/std';
import { beforeEach, describe, expect, it } from 'vitest';
import type { HealthMetrics } from '../observe/metrics.js';
import type { HttpAnswer } from './answer.js';
import { type AlarmName, type HealthProbe, healthRoutes } from './health.js';

/** A member whose ills a test chooses. */
class Patient implements HealthProbe {
  alarm: readonly AlarmName[] = [];
  leader = true;
  learner = false;
  local: Error | undefined;
  linear: Error | undefined;
  readonly reads: string[] = [];

  async serializableRead(): Promise<void> {
    this.reads.push('serializable');
    if (this.local !== undefined) throw this.local;
  }
  async linearizableRead(): Promise<void> {
    this.reads.push('linearizable');
    if (this.linear !== undefined) throw this.linear;
  }
  alarms = (): readonly AlarmName[] => this.alarm;
  hasLeader = (): boolean => this.leader;
  isLearner = (): boolean => this.learner;
}

const TIMED_OUT = new Error('etcdserver: request timed out');
let patient: Patient;
let counted: string[];
let logged: (readonly [string, LogFields | undefined])[];

beforeEach(() => {
  patient = new Patient();
  counted = [];
  logged = [];
});

async function get(target: string, method = 'GET'): Promise<HttpAnswer> {
  const metrics: HealthMetrics = {
    success: { add: () => void counted.push('success') },
    failure: { add: () => void counted.push('failure') },
    check: (type, name, passed) => void counted.push(`${type} ${name} ${passed}`),
  };
  const note = (message: string, fields?: LogFields): void => void logged.push([message, fields]);
  const logger: Logger = { ...silentLogger, warn: note, error: note };
  const url = new URL(target, 'http://k');
  const handler = healthRoutes(patient, metrics, logger).get(url.pathname);
  if (handler === undefined) throw new Error('no such path');
  return handler({
    method,
    path: url.pathname,
    query: url.searchParams,
    headers: {},
    body: new Uint8Array(0),
    signal: new AbortController().signal,
  });
}

describe('/health', () => {
  it('is true for a member that reads behind a leader', async () => {
    expect(await get('/health')).toEqual({
      status: 200,
      headers: { 'Content-Type': 'text/plain; charset=utf-8' },
      body: '{"health":"true","reason":""}',
    });
    expect(patient.reads).toEqual(['linearizable']);
    expect(counted).toEqual(['success']);
  });

  it.each<[string, (p: Patient) => void, string, string]>([
    ['an alarm', (p) => Object.assign(p, { alarm: ['CORRUPT'] }), '', 'ALARM CORRUPT'],
    ['the first alarm', (p) => Object.assign(p, { alarm: ['NOSPACE', 'CORRUPT'], leader: false }), '', 'ALARM NOSPACE'],
    [
      'an alarm not excluded',
      (p) => Object.assign(p, { alarm: ['NOSPACE', 'CORRUPT'] }),
      '?exclude=NOSPACE',
      'ALARM CORRUPT',
    ],
    ['no leader', (p) => Object.assign(p, { leader: false, linear: TIMED_OUT }), '', 'RAFT NO LEADER'],
    [
      'a read that fails',
      (p) => Object.assign(p, { linear: TIMED_OUT }),
      '',
      'RANGE ERROR:etcdserver: request timed out',
    ],
    [
      'a local read that fails',
      (p) => Object.assign(p, { local: TIMED_OUT }),
      '?serializable=true',
      'RANGE ERROR:etcdserver: request timed out',
    ],
  ])('is false for %s', async (_, fall, query, reason) => {
    fall(patient);
    expect(await get(`/health${query}`)).toEqual({
      status: 503,
      headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' },
      body: `{"health":"false","reason":"${reason}"}\n`,
    });
    expect(counted).toEqual(['failure']);
  });

  it('needs neither leader nor barrier when it is asked to be local', async () => {
    patient.leader = false;
    patient.linear = TIMED_OUT;
    expect((await get('/health?serializable=true')).status).toBe(200);
    expect((await get('/health?serializable=TRUE')).status).toBe(503);
    expect(patient.reads).toEqual(['serializable']);
  });

  it('passes over every alarm that is excluded', async () => {
    patient.alarm = ['NOSPACE', 'CORRUPT'];
    expect((await get('/health?exclude=NOSPACE&exclude=CORRUPT&exclude=other')).status).toBe(200);
  });
});

describe('/livez and /readyz', () => {
  it('say ok, and every check when asked to', async () => {
    const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' };
    expect(await get('/livez')).toEqual({ status: 200, headers, body: 'ok\n' });
    expect((await get('/livez?verbose')).body).toBe('[+]serializable_read ok\nok\n');
    expect((await get('/readyz?verbose=false')).body).toBe(
      '[+]serializable_read ok\n[+]data_corruption ok\n[+]linearizable_read ok\n[+]non_learner ok\nok\n',
    );
    expect(counted).toContain('readyz linearizable_read true');
  });

  it('list every check when one fails, verbose or not', async () => {
    patient.linear = TIMED_OUT;
    patient.alarm = ['CORRUPT'];
    patient.learner = true;
    expect(await get('/readyz')).toEqual({
      status: 503,
      headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' },
      body: [
        '[+]serializable_read ok',
        '[-]data_corruption failed: alarm activated: CORRUPT',
        '[-]linearizable_read failed: etcdserver: request timed out',
        '[-]non_learner failed: not supported for learner',
        '',
        '',
      ].join('\n'),
    });
    expect((await get('/livez')).status).toBe(200);
    expect(counted).toContain('readyz non_learner false');
  });

  it('do not mind a lack of space', async () => {
    patient.alarm = ['NOSPACE'];
    expect((await get('/readyz')).status).toBe(200);
    expect((await get('/livez')).status).toBe(200);
  });

  it('leave out what is excluded, and log what cannot be', async () => {
    patient.linear = TIMED_OUT;
    expect((await get('/readyz?verbose&exclude=linearizable_read&exclude=non_learner&exclude=odd')).body).toBe(
      '[+]serializable_read ok\n[+]data_corruption ok\nok\n',
    );
    expect(logged).toEqual([['some health checks cannot be excluded', { 'missing-health-checks': ['odd'] }]]);
    expect((await get('/livez?verbose&exclude=serializable_read')).body).toBe('ok\n');
  });

  it('can be asked one check at a time', async () => {
    patient.linear = TIMED_OUT;
    expect((await get('/readyz/linearizable_read')).body).toBe(
      '[-]linearizable_read failed: etcdserver: request timed out\n\n',
    );
    expect((await get('/readyz/non_learner?verbose&exclude=non_learner')).body).toBe('[+]non_learner ok\nok\n');
    await expect(get('/livez/linearizable_read')).rejects.toThrow('no such path');
  });
});

it.each(['/health', '/livez', '/readyz', '/readyz/non_learner'])('%s takes GET alone', async (path) => {
  for (const method of ['POST', 'HEAD', 'DELETE', 'OPTIONS']) {
    expect(await get(path, method)).toEqual({
      status: 405,
      headers: { Allow: 'GET', 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' },
      body: 'Method Not Allowed\n',
    });
  }
  expect(counted).toEqual([]);
  expect(patient.reads).toEqual([]);
});
