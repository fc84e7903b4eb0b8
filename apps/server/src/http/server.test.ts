import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { silentLogger } from '@kontiki/std';
import { systemClock } from '@kontiki/std/node';
import { afterEach, describe, expect, it } from 'vitest';
import { KONTIKI_VERSION } from '../cluster/version.js';
import { parseUrls } from '../config/urls.js';
import { type Listening, listen } from '../listen.js';
import { createMetrics } from '../observe/metrics.js';
import type { AccessRules } from './access.js';
import type { HttpHandler, Routes } from './answer.js';
import { clientRoutes, metricsRoutes, type Operations, peerRoutes } from './routes.js';
import { HttpFront, type HttpLimits } from './server.js';

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const step of cleanups.splice(0).reverse()) await step();
});

const ALL: AccessRules = { corsOrigins: undefined, hostWhitelist: undefined };
const CORS = {
  'access-control-allow-headers': 'accept, content-type, authorization',
  'access-control-allow-methods': 'POST, GET, OPTIONS, PUT, DELETE',
};

function operations(over: Partial<Operations> = {}): Operations {
  const metrics = createMetrics({ extensive: false });
  cleanups.push(() => metrics.close());
  return {
    probe: {
      serializableRead: async () => {},
      linearizableRead: async () => {},
      alarms: () => [],
      hasLeader: () => true,
      isLearner: () => false,
    },
    metrics,
    versions: { clusterVersion: () => '3.6.0', storageVersion: () => '3.6.0' },
    raftStatus: () => ({
      id: 0x2e12n,
      term: 2,
      vote: 0n,
      commit: 5,
      lead: 0x2e12n,
      raftState: 'StateLeader',
      applied: 4,
    }),
    logger: silentLogger,
    ...over,
  };
}

interface Running {
  readonly port: number;
  readonly front: HttpFront;
  readonly listening: Listening;
}

async function serve(
  routes: Routes,
  access: AccessRules | 'none' = ALL,
  limits: Partial<HttpLimits> = {},
): Promise<Running> {
  const rules = access === 'none' ? undefined : access;
  const front = new HttpFront({ routes, access: rules, clock: systemClock, logger: silentLogger, limits });
  const urls = parseUrls('http://127.0.0.1:0');
  if ('problem' in urls) throw new Error(urls.problem);
  const listening = await listen(
    urls.value,
    { http: (socket) => front.accept(socket) },
    { clock: systemClock, logger: silentLogger },
  );
  cleanups.push(() => Promise.all([listening.close(0), front.close(0)]));
  return { port: Number(listening.urls[0]!.split(':').at(-1)), front, listening };
}

interface Raw {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function parseRaw(text: string): Raw {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
  return { status: Number(first.split(' ')[1]), headers, body: rest.join('\r\n\r\n') };
}

async function dial(port: number): Promise<Socket & { seen(): string }> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => {});
  cleanups.push(() => socket.destroy());
  await once(socket, 'connect');
  return Object.assign(socket, { seen: () => Buffer.concat(chunks).toString('latin1') });
}

/** One request on a connection of its own, byte for byte. */
async function raw(port: number, request: string): Promise<Raw> {
  const socket = await dial(port);
  const gone = new Promise((resolve) => socket.once('close', resolve));
  socket.write(request);
  await gone;
  return parseRaw(socket.seen());
}

function ask(
  { port }: Running,
  target: string,
  method = 'GET',
  headers: Readonly<Record<string, string>> = {},
): Promise<Raw> {
  const all = { Host: 'k:2379', Connection: 'close', ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return raw(port, `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`);
}

describe('a client address', () => {
  it('answers what etcd answers, header for header', async () => {
    const running = await serve(clientRoutes(operations()));
    const { status, headers, body } = await ask(running, '/health');
    const { date, connection, ...rest } = headers;
    expect({ status, rest, body }).toEqual({
      status: 200,
      rest: {
        ...CORS,
        'access-control-allow-origin': '*',
        'content-length': '29',
        'content-type': 'text/plain; charset=utf-8',
      },
      body: '{"health":"true","reason":""}',
    });
    expect([date?.endsWith(' GMT'), connection]).toEqual([true, 'close']);
  });

  it('tells its versions, ours in a field of its own', async () => {
    const running = await serve(clientRoutes(operations()));
    const { headers, body } = await ask(running, '/version');
    expect(headers['content-type']).toBe('application/json');
    expect(body).toBe(`{"etcdserver":"3.6.14","etcdcluster":"3.6.0","storage":"3.6.0","kontiki":"${KONTIKI_VERSION}"}`);
    const early = { versions: { clusterVersion: () => undefined, storageVersion: () => undefined } };
    expect((await ask(await serve(clientRoutes(operations(early))), '/version')).body).toContain(
      '"etcdcluster":"not_decided","storage":"unknown"',
    );
  });

  it.each([
    ['/', 404],
    ['/foo', 404],
    ['/health/', 404],
    ['/livez/odd', 404],
    ['/v3/kv/range', 404],
    ['/v2/keys', 404],
    ['/debug/pprof/', 404],
    ['/constructor', 404],
    ['/%68ealth', 200],
    ['http://k/version', 200],
    ['/version?x=%', 200],
    ['/%zz', 400],
    ['*', 400],
  ])('answers %s with %i', async (target, status) => {
    const answer = await ask(await serve(clientRoutes(operations())), target);
    expect(answer.status).toBe(status);
    if (status === 404) {
      expect(answer.body).toBe('404 page not found\n');
      expect(answer.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'access-control-allow-origin': '*' });
    }
  });

  it('leads to the clean form of a path, never to another host', async () => {
    const running = await serve(clientRoutes(operations()));
    for (const target of ['//health', '/x/../health', '/readyz/../health', '///health', '/./health']) {
      const { status, headers, body } = await ask(running, `${target}?a=b`);
      expect([status, headers['location'], headers['content-type'], body]).toEqual([
        301,
        '/health?a=b',
        'text/html; charset=utf-8',
        '<a href="/health?a=b">Moved Permanently</a>.\n\n',
      ]);
    }
    expect((await ask(running, '//evil.example/..//evil.example')).headers['location']).toBe('/evil.example');
    expect((await ask(running, '/a//%0d%0aSet-Cookie:x')).headers['location']).toBe('/a/%0D%0ASet-Cookie:x');
  });

  it('answers HEAD without a body, with its length', async () => {
    const running = await serve(clientRoutes(operations()));
    const { status, headers, body } = await ask(running, '/health', 'HEAD');
    expect([status, headers['allow'], headers['content-length'], body]).toEqual([405, 'GET', '19', '']);
    expect(await ask(running, '/metrics', 'HEAD')).toMatchObject({ status: 200, body: '' });
  });

  it('shows a few facts of the process', async () => {
    const running = await serve(clientRoutes(operations()));
    const { headers, body } = await ask(running, '/debug/vars');
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(JSON.parse(body)).toMatchObject({
      cmdline: process.argv,
      memstats: { Sys: expect.any(Number) },
      'raft.status': {
        id: '2e12',
        term: 2,
        vote: '0',
        commit: 5,
        lead: '2e12',
        raftState: 'StateLeader',
        applied: 4,
        progress: {},
        leadtransferee: '0',
      },
    });
    expect((await ask(running, '/debug/vars', 'POST')).status).toBe(405);
  });

  it('serves metrics to any method, compressed to those who take it', async () => {
    const running = await serve(clientRoutes(operations()));
    const { headers, body } = await ask(running, '/metrics', 'POST');
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(body).toContain('\npromhttp_metric_handler_requests_in_flight 1\n');
    for (const [accept, coding] of [
      ['gzip, deflate', 'gzip'],
      ['br;q=1.0, gzip;q=0.5', 'gzip'],
      ['gzip;q=0', undefined],
      ['identity', undefined],
    ] as const) {
      const response = await fetch(`http://127.0.0.1:${running.port}/metrics`, {
        headers: { 'Accept-Encoding': accept },
      });
      expect(response.headers.get('content-encoding') ?? undefined, accept).toBe(coding);
      // fetch has undone the compression.
      expect(await response.text()).toMatch(/^# HELP etcd_debugging_auth_revision /);
    }
    expect((await ask(running, '/metrics')).body).toContain('promhttp_metric_handler_requests_total{code="200"} 5\n');
  });

  it('compresses with bytes that others can read', async () => {
    const running = await serve(clientRoutes(operations()));
    const { body } = await ask(running, '/metrics', 'GET', { 'Accept-Encoding': 'gzip' });
    expect(gunzipSync(Buffer.from(body, 'latin1')).toString()).toContain('etcd_server_has_leader 0');
  });
});

describe('other addresses', () => {
  it('serve metrics and health alone, without rules for browsers', async () => {
    const running = await serve(metricsRoutes(operations()), 'none');
    expect((await ask(running, '/version')).status).toBe(404);
    expect((await ask(running, '/debug/vars')).status).toBe(404);
    expect((await ask(running, '/metrics')).status).toBe(200);
    expect((await ask(running, '/readyz')).status).toBe(200);
    const options = await ask(running, '/health', 'OPTIONS', { Origin: 'http://a.com' });
    expect([options.status, options.headers['access-control-allow-origin']]).toEqual([405, undefined]);
  });

  it('tell members the version', async () => {
    const running = await serve(peerRoutes(operations()), 'none');
    expect((await ask(running, '/version')).status).toBe(200);
    expect((await ask(running, '/health')).status).toBe(404);
  });
});

describe('access', () => {
  const some: AccessRules = { corsOrigins: ['http://a.com:80'], hostWhitelist: ['example.com', '127.0.0.1', '::1'] };

  it.each([
    ['example.com', 200],
    ['example.com:999', 200],
    ['127.0.0.1:2379', 200],
    ['[::1]:2379', 200],
    ['EXAMPLE.com', 421],
    ['evil.org', 421],
    ['example.com.evil.org', 421],
    ['example.com:1:2', 421],
    ['', 421],
  ])('by the name %j is answered with %i, whatever is asked', async (host, status) => {
    const running = await serve(clientRoutes(operations()), some);
    for (const target of ['/version', '/nothing']) {
      const answer = await ask(running, target, 'GET', { Host: host });
      expect(answer.status).toBe(status === 200 && target === '/nothing' ? 404 : status);
      if (status === 421) expect(answer.body).toContain(`--host-whitelist "${host}"`);
    }
    expect((await ask(running, '/version', 'OPTIONS', { Host: host })).status).toBe(status);
  });

  it('does not print what strangers put into the name', async () => {
    const { body } = await ask(await serve(clientRoutes(operations()), some), '/', 'GET', { Host: '"><script>' });
    expect(body).toContain('"???script?"');
  });

  it('from other origins is for browsers that know ours', async () => {
    const running = await serve(clientRoutes(operations()), { ...some, hostWhitelist: undefined });
    const origin = async (value?: string): Promise<Readonly<Record<string, string>>> =>
      (await ask(running, '/version', 'GET', value === undefined ? {} : { Origin: value })).headers;
    expect(await origin('http://a.com:80')).toMatchObject({
      ...CORS,
      'access-control-allow-origin': 'http://a.com:80',
    });
    for (const other of ['http://c.com', 'http://a.com:80.evil.org', undefined]) {
      expect(Object.keys(await origin(other)).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
    const preflight = await ask(running, '/anything', 'OPTIONS', { Origin: 'http://a.com:80' });
    expect(preflight).toMatchObject({ status: 200, body: '', headers: { ...CORS, 'content-length': '0' } });
  });
});

describe('limits', () => {
  const quick = { headersMs: 30, requestMs: 60, checkMs: 10 };

  it('end a request whose headers dawdle', async () => {
    const { port } = await serve(clientRoutes(operations()), ALL, quick);
    expect((await raw(port, 'GET /health HTTP/1.1\r\nHost: k\r\nX-')).status).toBe(408);
  });

  it('end a request whose body dawdles', async () => {
    const slow = new Map([['/slow', () => new Promise<never>(() => {})]]);
    const { port } = await serve(slow, ALL, quick);
    const socket = await dial(port);
    const gone = new Promise((resolve) => socket.once('close', resolve));
    socket.write('POST /slow HTTP/1.1\r\nHost: k\r\nContent-Length: 10\r\n\r\n12345');
    await gone;
  });

  it('refuse headers that are too long', async () => {
    const { port } = await serve(clientRoutes(operations()));
    expect((await raw(port, `GET /health HTTP/1.1\r\nHost: k\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`)).status).toBe(431);
  });

  it('refuse a body that says it is too long, unread', async () => {
    const { port } = await serve(clientRoutes(operations()));
    const answer = await raw(port, 'POST /health HTTP/1.1\r\nHost: k\r\nContent-Length: 65537\r\n\r\n');
    expect(answer).toMatchObject({ status: 413, headers: { connection: 'close' } });
  });

  it('cut off a body that turns out too long', async () => {
    const slow = new Map([['/slow', () => new Promise<never>(() => {})]]);
    const { port } = await serve(slow);
    const socket = await dial(port);
    const gone = new Promise((resolve) => socket.once('close', resolve));
    socket.write('POST /slow HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: chunked\r\n\r\n');
    const chunk = `1000\r\n${'x'.repeat(4096)}\r\n`;
    for (let i = 0; i < 20; i++) socket.write(chunk);
    await gone;
    expect(socket.seen()).toBe('');
  });

  it('let a modest body pass, and the next request of the connection be heard', async () => {
    const { port } = await serve(clientRoutes(operations()));
    const answer = await raw(
      port,
      'GET /livez HTTP/1.1\r\nHost: k\r\nContent-Length: 5\r\n\r\nhello' +
        'GET /version HTTP/1.1\r\nHost: k\r\nConnection: close\r\n\r\n',
    );
    expect(answer.body).toMatch(/^ok\nHTTP\/1\.1 200 OK\r\n[\s\S]*"etcdserver":"3\.6\.14"/);
  });

  it('ask for a Host', async () => {
    const { port } = await serve(clientRoutes(operations()));
    expect((await raw(port, 'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n')).status).toBe(400);
    expect((await raw(port, 'GET /health HTTP/1.0\r\n\r\n')).status).toBe(200);
  });
});

it('answers 500 when a handler breaks, and goes on', async () => {
  const routes: Routes = new Map<string, HttpHandler>([
    [
      '/broken',
      () => {
        throw new Error('secret');
      },
    ],
    ['/fine', () => ({ status: 200, headers: {}, body: 'fine' })],
  ]);
  const running = await serve(routes);
  expect(await ask(running, '/broken')).toMatchObject({ status: 500, body: 'Internal Server Error\n' });
  expect((await ask(running, '/fine')).body).toBe('fine');
});

describe('closing', () => {
  it('answers what is being asked, then lets go of every connection', async () => {
    let release!: () => void;
    const asked = new Promise<void>((resolve) => {
      release = resolve;
    });
    let answer!: () => void;
    const routes: Routes = new Map<string, HttpHandler>([
      [
        '/slow',
        async () => {
          release();
          await new Promise<void>((resolve) => {
            answer = resolve;
          });
          return { status: 200, headers: {}, body: 'done' };
        },
      ],
      ['/fine', () => ({ status: 200, headers: {}, body: 'fine' })],
    ]);
    const { port, front, listening } = await serve(routes);
    const idle = await dial(port);
    idle.write('GET /fine HTTP/1.1\r\nHost: k\r\n\r\n');
    await once(idle, 'data');
    const busy = await dial(port);
    busy.write('GET /slow HTTP/1.1\r\nHost: k\r\n\r\n');
    await asked;
    const closed = Promise.all([listening.close(5000), front.close(5000)]);
    await once(idle, 'close');
    answer();
    await Promise.all([closed, once(busy, 'close')]);
    expect(parseRaw(busy.seen())).toMatchObject({ status: 200, body: 'done', headers: { connection: 'close' } });
    await front.close(0);
  });
});
