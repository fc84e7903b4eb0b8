import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { MvccError } from '@kontiki/mvcc';
import { lease, rpc } from '@kontiki/proto';
import { silentLogger } from '@kontiki/std';
import { systemClock } from '@kontiki/std/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client, findEtcd, type Reply, ServerProcess } from '../../../../tools/harness/src/index.js';
import { ServerError } from '../../src/errors.js';
import { HttpFront } from '../../src/http/server.js';
import { downgradeHandler } from '../../src/http/version.js';
import { hashKvHandler } from '../../src/peers/hashkv.js';
import { leaseHandlers } from '../../src/peers/lease-requests.js';
import { membersHandler } from '../../src/peers/members.js';
import { PROMOTE_PATH, promoteHandler } from '../../src/peers/promote.js';
import { Remote } from '../../src/peers/remote.js';

/**
 * Both sides of what members ask each other over plain HTTP: our questions to a real etcd's peer port, and the same
 * bytes to it and to handlers of ours that know the same.
 */
const missing = findEtcd() === undefined;
if (missing) console.warn('skipped: no etcd here (tools/setup/install-etcd.sh brings one)');

const MS = 5000;
/** An id beyond what a signed number holds. */
const NOBODY = 2n ** 64n - 3n;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

async function ask(
  url: string,
  method: string,
  path: string,
  body: Uint8Array = new Uint8Array(0),
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const request = httpRequest(url + path, {
    method,
    agent: false,
    headers: { ...headers, 'Content-Length': String(body.length) },
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const named = ['content-type', 'allow', 'x-content-type-options', 'x-etcd-cluster-id', 'content-length'] as const;
  return {
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(named.map((name) => [name, response.headers[name] as string | undefined])),
    body: Buffer.concat(chunks),
  };
}

function sure<T>(reply: Reply<T>): T {
  if (!reply.ok) throw new Error(reply.details);
  return reply.response;
}

describe.skipIf(missing)('between members', () => {
  let clusterId: bigint | undefined;
  const remote = new Remote({ clock: systemClock, logger: silentLogger, clusterId: () => clusterId });
  let etcd: ServerProcess;
  let client: Client;
  let memberId: bigint;
  let learnerId: bigint;
  let leaseId: bigint;
  let ours: string;
  let revision: number;
  let close: () => Promise<unknown>;

  beforeAll(async () => {
    etcd = await ServerProcess.start({ kind: 'etcd' });
    client = new Client(etcd.endpoint);
    const key = new TextEncoder().encode('k');
    for (const value of ['1', '2', '3']) {
      sure(await client.kv.put({ key, value: new TextEncoder().encode(value) }));
    }
    leaseId = sure(await client.lease.leaseGrant({ ID: 0n, TTL: 1000 })).ID;
    const put = sure(await client.kv.put({ key: Uint8Array.of(0xff, 1), value: key, lease: leaseId }));
    sure(await client.kv.compact({ revision: 3, physical: true }));
    const added = sure(await client.cluster.memberAdd({ peerURLs: ['http://127.0.0.1:1'], isLearner: true }));
    clusterId = added.header!.clusterId;
    memberId = added.header!.memberId;
    learnerId = added.member!.ID;
    revision = put.header!.revision;
    [ours, close] = await twin(clusterId);
  });

  afterAll(async () => {
    client?.close();
    remote.close();
    await close?.();
    await etcd?.dispose();
  });

  /** Our handlers, over what that etcd knows. */
  async function twin(clusterId: bigint): Promise<[string, () => Promise<unknown>]> {
    const { members } = await remote.members([etcd.peerUrl], MS);
    const routes = new Map([
      ['/members', membersHandler({ clusterId, membership: { list: () => members } })],
      ['/downgrade/enabled', downgradeHandler(clusterId)],
      [
        PROMOTE_PATH,
        promoteHandler({
          clusterId,
          promote: async (id) => {
            throw new ServerError(
              id === memberId ? 'MemberNotLearner' : id === learnerId ? 'LearnerNotReady' : 'MemberNotFound',
            );
          },
        }),
      ],
      [
        '/members/hashkv',
        hashKvHandler({
          clusterId,
          revision: () => revision,
          hash: async (asked) => {
            if (asked > revision) throw new MvccError('FUTURE_REVISION', '');
            if (asked > 0 && asked < 3) throw new MvccError('COMPACTED', '');
            const { hash, compactRevision } = sure(await client.maintenance.hashKV({ revision: asked }));
            return { hash, compactRevision, hashRevision: 0 };
          },
        }),
      ],
      ...leaseHandlers({
        renew: async (id) => (id === leaseId ? 1000 : 0),
        timeToLive: (id, keys) => remote.leaseTimeToLive([etcd.peerUrl], { id, keys }, MS),
      }),
    ]);
    const front = new HttpFront({ routes, access: undefined, clock: systemClock, logger: silentLogger });
    const server = createServer((socket) => front.accept(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return [url, () => Promise.all([server.close(), front.close(0)])];
  }

  it('we learn its members and its version', async () => {
    const { clusterId: heard, members } = await remote.members([etcd.peerUrl], MS);
    expect(heard).toBe(clusterId);
    const listed = sure(await client.cluster.memberList({})).members;
    expect(members).toEqual(
      listed.map(({ ID, name, peerURLs, clientURLs, isLearner }) => ({
        id: ID,
        name,
        peerUrls: peerURLs,
        clientUrls: clientURLs,
        isLearner,
      })),
    );
    expect(members).toHaveLength(2);
    const { server, cluster } = await remote.version([etcd.peerUrl], MS);
    expect(server).toMatch(/^3\.\d+\.\d+/);
    expect(cluster).toMatch(/^3\.\d+\.0$/);
  });

  it('we have it renew a lease, and tell what is left of it', async () => {
    expect(await remote.renewLease([etcd.peerUrl], leaseId, MS)).toBe(1000);
    expect(await remote.renewLease([etcd.peerUrl], NOBODY - 2n ** 64n, MS)).toBe(0);
    const left = await remote.leaseTimeToLive([etcd.peerUrl], { id: leaseId, keys: true }, MS);
    expect(left).toMatchObject({ ID: leaseId, grantedTTL: 1000, keys: [Uint8Array.of(0xff, 1)] });
    expect(left!.TTL).toBeGreaterThan(900);
    expect(await remote.leaseTimeToLive([etcd.peerUrl], { id: 77n, keys: false }, MS)).toBeUndefined();
  });

  it('we hear why a member cannot be promoted', async () => {
    for (const [id, condition] of [
      [NOBODY, 'MemberNotFound'],
      [memberId, 'MemberNotLearner'],
      [learnerId, 'LearnerNotReady'],
    ] as const) {
      await expect(remote.promote([etcd.peerUrl], id, MS)).rejects.toMatchObject({ condition });
    }
  });

  it('we compare hashes with it', async () => {
    const { hash, compactRevision } = sure(await client.maintenance.hashKV({ revision: 0 }));
    expect(await remote.hashKv([etcd.peerUrl], 0, MS)).toMatchObject({ hash, compactRevision, revision });
    await expect(remote.hashKv([etcd.peerUrl], 2, MS)).rejects.toMatchObject({ condition: 'Compacted' });
    await expect(remote.hashKv([etcd.peerUrl], 99, MS)).rejects.toMatchObject({ condition: 'FutureRev' });
    const strange = new Remote({ clock: systemClock, logger: silentLogger, clusterId: () => 5n });
    await expect(strange.hashKv([etcd.peerUrl], 0, MS)).rejects.toMatchObject({ code: 'REMOTE_OTHER_CLUSTER' });
    await expect(strange.members([etcd.peerUrl], MS)).rejects.toMatchObject({ code: 'REMOTE_OTHER_CLUSTER' });
    strange.close();
  });

  const text = (value: string): Uint8Array => new TextEncoder().encode(value);

  it.each<[string, string, Uint8Array?, Record<string, string>?]>([
    ['GET', '/members'],
    ['POST', '/members'],
    ['GET', '/members/x'],
    ['GET', '/downgrade/enabled'],
    ['POST', '/downgrade/enabled'],
    ['GET', '/members/hashkv'],
    ['POST', '/members/hashkv', text('{}')],
    ['GET', '/members/hashkv', text('{}')],
    ['GET', '/members/hashkv', text('{"revision":4}')],
    ['GET', '/members/hashkv', text('{"revision":2}')],
    ['GET', '/members/hashkv', text('{"revision":99}')],
    ['GET', '/members/hashkv', text('{"revision":"4"}')],
    ['GET', '/members/hashkv', text('[]')],
    ['GET', '/members/hashkv', text('{}'), { 'X-Etcd-Cluster-ID': 'abc' }],
    ['GET', '/leases'],
    ['POST', '/leases'],
    ['POST', '/leases', Uint8Array.of(0xff, 0xff, 0xff)],
    ['POST', '/leases', Uint8Array.of(0x08, 77)],
    ['POST', '/leases/'],
    ['GET', '/leases/internal'],
    ['POST', '/leases/internal', Uint8Array.of(0xff, 0xff, 0xff)],
    ['POST', '/leases/internal', Uint8Array.of(0x0a, 2, 0x08, 77)],
    ['GET', '/members/promote/1'],
    ['POST', '/members/promote/1'],
    ['POST', '/members/promote/x'],
    ['POST', '/members/promote/'],
    ['POST', '/members/promote/18446744073709551616'],
  ])('our answer to %s %s %s is its own', async (method, path, body, headers) => {
    const [wanted, got] = await Promise.all([etcd.peerUrl, ours].map((url) => ask(url, method, path, body, headers)));
    expect(shown(got!)).toEqual(shown(wanted!));
  });

  it('our answers about what there is are its own', async () => {
    const keepAlive = rpc.LeaseKeepAliveRequest.encode({ ID: leaseId }).finish();
    const [wanted, got] = await Promise.all([etcd.peerUrl, ours].map((url) => ask(url, 'POST', '/leases', keepAlive)));
    expect(shown(got!)).toEqual(shown(wanted!));
    for (const id of [memberId, learnerId]) {
      const path = `/members/promote/${id}`;
      const [says, said] = await Promise.all([etcd.peerUrl, ours].map((url) => ask(url, 'POST', path)));
      expect(shown(said!)).toEqual(shown(says!));
    }
    for (const keys of [true, false]) {
      const asked = lease.LeaseInternalRequest.encode({ LeaseTimeToLiveRequest: { ID: leaseId, keys } }).finish();
      const both = await Promise.all([etcd.peerUrl, ours].map((url) => ask(url, 'POST', '/leases/internal', asked)));
      const [theirs, own] = both.map(({ body, ...rest }) => {
        // A second may pass between the two.
        const { LeaseTimeToLiveResponse: left } = lease.LeaseInternalResponse.decode(body);
        return { ...rest, left: { ...left, TTL: 0 } };
      });
      expect(own).toEqual(theirs);
    }
  });

  function shown({ status, headers, body }: Answer): unknown {
    return { status, headers, body: body.toString('latin1') };
  }
});
