import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener, request } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LeaseError } from '@kontiki/lease';
import { MvccError } from '@kontiki/mvcc';
import { silentLogger } from '@kontiki/std';
import { systemClock } from '@kontiki/std/node';
import { afterEach, describe, expect, it } from 'vitest';
import type { Member } from '../cluster/members.js';
import { ServerError } from '../errors.js';
import type { Routes } from '../http/answer.js';
import { HttpFront } from '../http/server.js';
import { versionHandler } from '../http/version.js';
import { type HashKvPorts, hashKvHandler } from './hashkv.js';
import { type LeasePorts, leaseHandlers } from './lease-requests.js';
import { membersHandler } from './members.js';
import { PROMOTE_PATH, type PromotePorts, promoteHandler } from './promote.js';
import { Remote } from './remote.js';

const CLUSTER = 0xcdf818194e3a8c32n;
const MS = 5000;

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const step of cleanups.splice(0).reverse()) await step();
});

function remote(clusterId: bigint | undefined = CLUSTER): Remote {
  const made = new Remote({ clock: systemClock, logger: silentLogger, clusterId: () => clusterId });
  cleanups.push(() => made.close());
  return made;
}

/** A member of ours at a peer address. */
async function member(routes: Routes): Promise<string> {
  const front = new HttpFront({ routes, access: undefined, clock: systemClock, logger: silentLogger });
  const server = createServer((socket) => front.accept(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => {
    server.close();
    await front.close(0);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Something else at a peer address. */
async function stranger(listener: RequestListener): Promise<string> {
  const server = createHttpServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An address nobody listens at. */
async function nobody(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

const MEMBERS: readonly Member[] = [
  {
    id: 7n,
    name: 'a "b" 12345678901234567890',
    peerUrls: ['http://a:1', 'http://a:2'],
    clientUrls: ['http://a:3'],
    isLearner: false,
  },
  { id: 2n ** 64n - 1n, name: '', peerUrls: ['http://b:1'], clientUrls: [], isLearner: true },
];

const membersRoutes: Routes = new Map([
  ['/members', membersHandler({ clusterId: CLUSTER, membership: { list: () => MEMBERS } })],
]);

describe('the members', () => {
  it('come with their ids whole, and with the cluster they are of', async () => {
    const url = await member(membersRoutes);
    expect(await remote(undefined).members([url], MS)).toEqual({ clusterId: CLUSTER, members: MEMBERS });
    expect(await remote().members([url], MS)).toEqual({ clusterId: CLUSTER, members: MEMBERS });
  });

  it('of another cluster are not ours', async () => {
    const url = await member(membersRoutes);
    await expect(remote(5n).members([url], MS)).rejects.toMatchObject({ code: 'REMOTE_OTHER_CLUSTER' });
  });

  it('are asked for at each address in turn', async () => {
    const url = await member(membersRoutes);
    const silent = await stranger(() => {});
    const addresses = [await nobody(), 'http://nowhere.invalid:1', 'not an address', 'https://a:1', silent, url];
    expect((await remote().members(addresses, 1200)).members).toHaveLength(2);
    await expect(remote().members([await nobody()], MS)).rejects.toMatchObject({ code: 'REMOTE_UNREACHABLE' });
    await expect(remote().members([silent], 50)).rejects.toMatchObject({ code: 'REMOTE_TIMEOUT' });
    await expect(remote().members([], MS)).rejects.toMatchObject({ code: 'REMOTE_UNREACHABLE' });
  });

  it('are asked for over a unix socket too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kontiki-remote-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const front = new HttpFront({ routes: membersRoutes, access: undefined, clock: systemClock, logger: silentLogger });
    const server = createServer((socket) => front.accept(socket)).listen(join(folder, 'peer'));
    await once(server, 'listening');
    cleanups.push(() => Promise.all([server.close(), front.close(0)]));
    expect((await remote().members([`unix://${join(folder, 'peer')}`], MS)).members).toHaveLength(2);
  });

  it.each([
    ['not JSON', { 'X-Etcd-Cluster-ID': 'cdf818194e3a8c32' }, '[', 'REMOTE_MALFORMED'],
    ['no list', { 'X-Etcd-Cluster-ID': 'cdf818194e3a8c32' }, '{}', 'REMOTE_MALFORMED'],
    ['no id', { 'X-Etcd-Cluster-ID': 'cdf818194e3a8c32' }, '[{"name":"a"}]', 'REMOTE_MALFORMED'],
    ['null', { 'X-Etcd-Cluster-ID': 'cdf818194e3a8c32' }, '[null]', 'REMOTE_MALFORMED'],
    ['no cluster', {}, '[]', 'REMOTE_MALFORMED'],
    ['no end', { 'X-Etcd-Cluster-ID': 'cdf818194e3a8c32' }, 'x'.repeat(17 * 2 ** 20), 'REMOTE_TOO_LARGE'],
  ])('that are %s are refused', async (_, headers, body, code) => {
    const url = await stranger((_request, response) => response.writeHead(200, headers).end(body));
    await expect(remote().members([url], MS)).rejects.toMatchObject({ name: 'RemoteError', code });
  });

  it('that break off are refused', async () => {
    const url = await stranger((_, response) => {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('[', () => response.destroy());
    });
    await expect(remote().members([url], MS)).rejects.toMatchObject({ code: 'REMOTE_UNREACHABLE' });
  });
});

describe('the version', () => {
  it('is that of the program and that of the cluster', async () => {
    const versions = { clusterVersion: () => undefined, storageVersion: () => undefined };
    const url = await member(new Map([['/version', versionHandler(versions)]]));
    expect(await remote().version([url], MS)).toEqual({ server: '3.6.14', cluster: 'not_decided' });
    const odd = await stranger((_, response) => response.end('{"etcdserver":36}'));
    await expect(remote().version([odd], MS)).rejects.toMatchObject({ code: 'REMOTE_MALFORMED' });
  });
});

describe('a lease', () => {
  const ports: LeasePorts = {
    async renew(id) {
      if (id === -5n) return 60;
      if (id === 1n) throw new ServerError('TimeoutWaitAppliedIndex');
      if (id === 2n) throw new LeaseError('NOT_PRIMARY', 'only the primary counts time');
      if (id === 3n) throw new LeaseError('NOT_FOUND', 'no such lease');
      return 0;
    },
    async timeToLive(id, keys) {
      if (id === 1n) throw new ServerError('TimeoutWaitAppliedIndex');
      return id === -5n ? { TTL: 9, grantedTTL: 60, keys: keys ? [Uint8Array.of(0, 255)] : [] } : undefined;
    },
  };

  it('is renewed by the leader', async () => {
    const url = await member(leaseHandlers(ports));
    const asks = remote();
    expect(await asks.renewLease([url], -5n, MS)).toBe(60);
    expect(await asks.renewLease([url], 77n, MS)).toBe(0);
    expect(await asks.renewLease([url], 3n, MS)).toBe(0);
    await expect(asks.renewLease([url], 1n, MS)).rejects.toMatchObject({ condition: 'TimeoutWaitAppliedIndex' });
    // That one leads no more: another may answer.
    await expect(asks.renewLease([url], 2n, MS)).rejects.toMatchObject({ code: 'REMOTE_REFUSED' });
  });

  it('is not gone because a server knows nothing of leases', async () => {
    const url = await member(new Map());
    await expect(remote().renewLease([url], 7n, MS)).rejects.toMatchObject({ code: 'REMOTE_REFUSED' });
    await expect(remote().leaseTimeToLive([url], { id: 7n, keys: false }, MS)).rejects.toMatchObject({
      code: 'REMOTE_REFUSED',
    });
  });

  it('that nobody waits for any more is not waited for at the other side either', async () => {
    let arrived!: (signal: AbortSignal) => void;
    const asked = new Promise<AbortSignal>((resolve) => {
      arrived = resolve;
    });
    const url = await member(
      leaseHandlers({
        ...ports,
        renew: (_, signal) => {
          arrived(signal);
          return new Promise(() => {});
        },
      }),
    );
    const given = new AbortController();
    const renewal = remote().renewLease([url], 7n, MS, given.signal);
    const abandoned = expect(renewal).rejects.toMatchObject({ code: 'REMOTE_ABORTED' });
    const signal = await asked;
    given.abort();
    await abandoned;
    if (!signal.aborted) await once(signal, 'abort');
    const before = remote().renewLease([url], 7n, MS, given.signal);
    await expect(before).rejects.toMatchObject({ code: 'REMOTE_ABORTED' });
  });

  it('has so much left, and such keys', async () => {
    const url = await member(leaseHandlers(ports));
    const asks = remote();
    const left = { ID: -5n, TTL: 9, grantedTTL: 60 };
    expect(await asks.leaseTimeToLive([url], { id: -5n, keys: true }, MS)).toEqual({
      ...left,
      keys: [Uint8Array.of(0, 255)],
    });
    expect(await asks.leaseTimeToLive([url], { id: -5n, keys: false }, MS)).toEqual({ ...left, keys: [] });
    expect(await asks.leaseTimeToLive([url], { id: 77n, keys: false }, MS)).toBeUndefined();
    await expect(asks.leaseTimeToLive([url], { id: 1n, keys: false }, MS)).rejects.toMatchObject({
      condition: 'TimeoutWaitAppliedIndex',
    });
  });

  it('is asked about with bytes that are no message', async () => {
    const url = await member(leaseHandlers(ports));
    for (const path of ['/leases', '/leases/internal']) {
      const refused = await fetch(url + path, { method: 'POST', body: Uint8Array.of(255, 255, 255) });
      expect([refused.status, await refused.text()]).toEqual([400, 'error unmarshalling request\n']);
      const wrong = await fetch(url + path);
      expect([wrong.status, await wrong.text(), wrong.headers.get('allow')]).toEqual([
        405,
        'Method Not Allowed\n',
        null,
      ]);
    }
    const about = await stranger((_, response) => response.end(Uint8Array.of(0x10, 1, 0x18, 5)));
    await expect(remote().renewLease([about], 2n, MS)).rejects.toMatchObject({ code: 'REMOTE_MALFORMED' });
    await expect(remote().leaseTimeToLive([about], { id: 2n, keys: false }, MS)).rejects.toMatchObject({
      code: 'REMOTE_MALFORMED',
    });
  });

  it('survives a kept connection that has just been closed', async () => {
    const requests = new Map<Socket, number>();
    const url = await stranger((request, response) => {
      const nth = (requests.get(request.socket) ?? 0) + 1;
      requests.set(request.socket, nth);
      if (nth > 1) request.socket.resetAndDestroy();
      else response.end(Uint8Array.of(0x10, 7, 0x18, 5));
    });
    const asks = remote();
    for (let i = 0; i < 4; i++) expect(await asks.renewLease([url], 7n, MS)).toBe(5);
    expect(requests.size).toBe(4);
  });
});

describe('a promotion', () => {
  const refuse = (condition: ConstructorParameters<typeof ServerError>[0]): PromotePorts => ({
    clusterId: CLUSTER,
    promote: async () => {
      throw new ServerError(condition);
    },
  });
  const at = (ports: PromotePorts): Promise<string> => member(new Map([[PROMOTE_PATH, promoteHandler(ports)]]));

  it('ends in the members as they are then', async () => {
    const promoted: bigint[] = [];
    const url = await at({
      clusterId: CLUSTER,
      promote: async (id) => {
        promoted.push(id);
        return MEMBERS;
      },
    });
    expect(await remote().promote([url], 2n ** 64n - 1n, MS)).toEqual(MEMBERS);
    expect(promoted).toEqual([2n ** 64n - 1n]);
  });

  it.each(['MemberNotFound', 'MemberNotLearner', 'LearnerNotReady', 'MemberNotEnoughStarted', 'Timeout'] as const)(
    'that fails with %s says so to whoever asked',
    async (condition) => {
      await expect(remote().promote([await at(refuse(condition))], 7n, MS)).rejects.toMatchObject({ condition });
    },
  );

  it('asked of a member that does not lead has no answer', async () => {
    await expect(remote().promote([await at(refuse('NotLeader'))], 7n, MS)).rejects.toMatchObject({
      code: 'REMOTE_REFUSED',
    });
  });

  it.each([
    [404, 'membership: ID not found\n', 'MemberNotFound'],
    [404, 'member x not found in cluster\n', 'MemberNotFound'],
    [412, 'membership: can only promote a learner member\n', 'MemberNotLearner'],
    [412, 'etcdserver: can only promote a learner member which is in sync with leader\n', 'LearnerNotReady'],
  ])('is understood in etcd’s words: %i %s', async (status, body, condition) => {
    const url = await stranger((_, response) => response.writeHead(status).end(body));
    await expect(remote().promote([url], 7n, MS)).rejects.toMatchObject({ condition });
  });

  it('is not asked for twice', async () => {
    let asked = 0;
    const broken = await stranger((request) => {
      asked++;
      request.socket.destroy();
    });
    const fine = await stranger((_, response) => {
      asked++;
      response.end('[]');
    });
    await expect(remote().promote([broken, fine], 7n, MS)).rejects.toMatchObject({ code: 'REMOTE_UNREACHABLE' });
    expect(asked).toBe(1);
    expect(await remote().promote([await nobody(), fine], 7n, MS)).toEqual([]);
    await expect(remote().promote([await stranger(() => {}), fine], 7n, 100)).rejects.toMatchObject({
      code: 'REMOTE_TIMEOUT',
    });
    expect(asked).toBe(2);
  });

  it.each(['x', '', '1/2', '18446744073709551616', '-1', '0x1'])('of %j is of nobody', async (text) => {
    const url = await at(refuse('Stopped'));
    const response = await fetch(`${url}/members/promote/${text}`, { method: 'POST' });
    expect([response.status, await response.text()]).toEqual([404, `member ${text} not found in cluster\n`]);
    expect(response.headers.get('x-etcd-cluster-id')).toBe('cdf818194e3a8c32');
  });

  it('is posted', async () => {
    const response = await fetch(`${await at(refuse('Stopped'))}/members/promote/1`);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });
});

describe('a hash', () => {
  const ports: HashKvPorts = {
    clusterId: CLUSTER,
    async hash(revision) {
      if (revision === 3) throw new MvccError('COMPACTED', 'compacted');
      if (revision === 99) throw new MvccError('FUTURE_REVISION', 'future');
      return { hash: 4_294_967_295, compactRevision: -1, hashRevision: revision === 0 ? 12 : revision };
    },
    revision: () => 12,
  };
  const at = (given: HashKvPorts = ports): Promise<string> =>
    member(new Map([['/members/hashkv', hashKvHandler(given)]]));

  it('is of the revision that was asked for', async () => {
    const url = await at();
    const hash = { hash: 4_294_967_295, compactRevision: -1, revision: 12 };
    expect(await remote().hashKv([url], 5, MS)).toEqual({ ...hash, hashRevision: 5 });
    expect(await remote().hashKv([url], 0, MS)).toEqual({ ...hash, hashRevision: 12 });
    await expect(remote().hashKv([url], 3, MS)).rejects.toMatchObject({ condition: 'Compacted' });
    await expect(remote().hashKv([url], 99, MS)).rejects.toMatchObject({ condition: 'FutureRev' });
  });

  it('may be that of an etcd, which leaves out what is zero', async () => {
    const ours = { 'X-Etcd-Cluster-Id': 'cdf818194e3a8c32' };
    const url = await stranger((_, response) => response.writeHead(200, ours).end('{"header":{"revision":6}}'));
    expect(await remote().hashKv([url], 5, MS)).toEqual({ hash: 0, compactRevision: 0, hashRevision: 0, revision: 6 });
    const odd = await stranger((_, response) => response.writeHead(200, ours).end('{"hash":"x"}'));
    await expect(remote().hashKv([odd], 5, MS)).rejects.toMatchObject({ code: 'REMOTE_MALFORMED' });
    const zero = await at({ ...ports, hash: async () => ({ hash: 0, compactRevision: 0, hashRevision: 0 }) });
    expect(await remote().hashKv([zero], 5, MS)).toMatchObject({ hash: 0, compactRevision: 0, hashRevision: 0 });
  });

  it('is for members of our cluster', async () => {
    await expect(remote(5n).hashKv([await at()], 5, MS)).rejects.toMatchObject({ code: 'REMOTE_OTHER_CLUSTER' });
    const silent = await stranger((_, response) => response.end('{"header":{"revision":6}}'));
    await expect(remote().hashKv([silent], 5, MS)).rejects.toMatchObject({ code: 'REMOTE_OTHER_CLUSTER' });
    const lost = new Remote({ clock: systemClock, logger: silentLogger });
    await expect(lost.hashKv([await at()], 5, MS)).rejects.toMatchObject({ code: 'REMOTE_OTHER_CLUSTER' });
  });

  it.each([
    ['', 400],
    ['zz', 400],
    ['null', 400],
    ['[]', 400],
    ['{"revision":"3"}', 400],
    ['{"revision":1.5}', 400],
    ['{}', 200],
  ])('asked for with %j gets %i', async (body, status) => {
    const headers = { 'Content-Length': String(body.length) };
    const asked = request(`${await at()}/members/hashkv`, { method: 'GET', agent: false, headers });
    asked.end(body);
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(status);
  });

  it('is got', async () => {
    const response = await fetch(`${await at()}/members/hashkv`, { method: 'POST', body: '{}' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET']);
  });
});

it('keeps no connection when it is closed', async () => {
  const front = await member(membersRoutes);
  let open = 0;
  const server = createServer((socket) => {
    open++;
    socket.once('close', () => open--);
    socket.on('error', () => {});
    socket.once('data', () => {
      const body = '[]\n';
      socket.write(`HTTP/1.1 200 OK\r\nX-Etcd-Cluster-ID: 1\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  const asks = new Remote({ clock: systemClock, logger: silentLogger });
  await asks.members([`http://127.0.0.1:${(server.address() as AddressInfo).port}`], MS);
  await asks.members([front], MS);
  expect(open).toBe(1);
  asks.close();
  while (open > 0) await new Promise(setImmediate);
});
