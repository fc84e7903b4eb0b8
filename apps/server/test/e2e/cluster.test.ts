import { rpc } from '@kontiki/proto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client, findEtcdctl } from '../../../../tools/harness/src/index.js';
import { TestCluster } from '../compat/test-cluster.js';

/** Three built servers as processes: what they do for clients because they are three. Names are learned by etcdctl. */
const UNAVAILABLE = 14;

const text = (value: string): Uint8Array => Buffer.from(value);

async function ok<T>(
  reply: Promise<{ ok: true; response: T } | { ok: false; code: number; details: string }>,
): Promise<T> {
  const settled = await reply;
  if (!settled.ok) throw new Error(`${settled.code}: ${settled.details}`);
  return settled.response;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; !(await holds()); i++) {
    if (i > 200) throw new Error('it did not come to hold');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe.skipIf(findEtcdctl() === undefined)('three members', () => {
  let cluster: TestCluster;
  const clients = new Map<string, Client>();
  const client = (name: string): Client => {
    const known = clients.get(name) ?? new Client(cluster.server(name).endpoint);
    clients.set(name, known);
    return known;
  };
  const others = (name: string): readonly string[] => ['m1', 'm2', 'm3'].filter((other) => other !== name);

  beforeAll(async () => {
    cluster = await TestCluster.found({ kinds: ['kontiki', 'kontiki', 'kontiki'] });
  });
  afterAll(async () => {
    for (const one of clients.values()) one.close();
    await cluster?.dispose();
  });

  it('a leader that is told to stop hands over first: nobody waits for an election', async () => {
    const leader = await cluster.leader('m1', 'm2', 'm3');
    const [one] = others(leader);
    const before = await ok(client(one!).maintenance.status({}));
    await cluster.server(leader).stop();
    expect(cluster.server(leader).log()).toMatch(/leadership transfer before stopping.*handed over/);
    const after = await ok(client(one!).kv.put({ key: text('a'), value: text('1') }));
    // One election and no failed one; and the next leader was asked to stand.
    expect(after.header?.raftTerm).toBe(before.raftTerm + 1);
    await cluster.server(leader).startAgain();
    clients.get(leader)?.close();
    clients.delete(leader);
  });

  it('what goes on between members shows in the metrics of each', async () => {
    for (const name of ['m1', 'm2', 'm3']) {
      const scrape = async (): Promise<Map<string, number[]>> => {
        const text = await (await fetch(`${cluster.server(name).clientUrl}/metrics`)).text();
        const shown = new Map<string, number[]>();
        for (const [, metric, value] of text.matchAll(/^(etcd_network_\w+?)(?:\{.*\})? (\S+)$/gm)) {
          shown.set(metric!, [...(shown.get(metric!) ?? []), Number(value)]);
        }
        return shown;
      };
      await until(async () => (await scrape()).get('etcd_network_active_peers')?.join() === '1,1');
      const shown = await scrape();
      expect(shown.get('etcd_network_known_peers')).toEqual([1, 1]);
      for (const way of ['sent', 'received']) {
        // Two followers have little to say to each other.
        const bytes = shown.get(`etcd_network_peer_${way}_bytes_total`) ?? [];
        expect(bytes.some((count) => count > 0)).toBe(true);
      }
    }
  });

  it('leases are renewed and told of by any member, and expire on all', async () => {
    const leader = await cluster.leader('m1', 'm2', 'm3');
    const [one, two] = others(leader) as [string, string];
    const { ID } = await ok(client(one).lease.leaseGrant({ TTL: 2 }));
    await ok(client(two).kv.put({ key: text('leased'), value: text('x'), lease: ID }));
    for (const name of [one, two, leader]) {
      const left = await ok(client(name).lease.leaseTimeToLive({ ID, keys: true }));
      expect(left).toMatchObject({ ID, grantedTTL: 2, keys: [new Uint8Array(text('leased'))] });
      const renewed: rpc.LeaseKeepAliveResponse[] = [];
      const stream = client(name).raw.duplex('/etcdserverpb.Lease/LeaseKeepAlive', (bytes) =>
        renewed.push(rpc.LeaseKeepAliveResponse.decode(bytes)),
      );
      stream.send(rpc.LeaseKeepAliveRequest.encode({ ID }).finish());
      await until(() => renewed.length === 1);
      expect(renewed[0]).toMatchObject({ ID, TTL: 2 });
      stream.cancel();
    }
    for (const name of [one, two, leader]) {
      await until(
        async () => (await ok(client(name).kv.range({ key: text('leased'), serializable: true }))).kvs.length === 0,
      );
    }
    expect((await ok(client(one).lease.leaseTimeToLive({ ID }))).TTL).toBe(-1);
  });

  it('a lease outlives the leader that counted its time', async () => {
    const leader = await cluster.leader('m1', 'm2', 'm3');
    const [one] = others(leader) as [string, string];
    const { ID } = await ok(client(one).lease.leaseGrant({ TTL: 600 }));
    await cluster.server(leader).kill();
    await until(async () => (await client(one).lease.leaseTimeToLive({ ID })).ok);
    const left = await ok(client(one).lease.leaseTimeToLive({ ID }));
    // What the dead leader had counted is forgotten, and an election timeout comes on top: a TTL is a minimum.
    expect(left.TTL).toBeGreaterThanOrEqual(599);
    await cluster.server(leader).startAgain();
    clients.get(leader)?.close();
    clients.delete(leader);
  });

  it('without a majority a member says so, to everybody who asks', async () => {
    const leader = await cluster.leader('m1', 'm2', 'm3');
    const [one, two] = others(leader) as [string, string];
    const metadata = { hasleader: 'true' };
    const events: rpc.WatchResponse[] = [];
    const patient = client(one).watch((response) => events.push(response));
    patient.send({ requestUnion: { $case: 'createRequest', value: { key: text('w') } } });
    const strict = client(one).raw.duplex('/etcdserverpb.Watch/Watch', () => {}, { metadata });
    const create = rpc.WatchRequest.fromPartial({
      requestUnion: { $case: 'createRequest', value: { key: text('w') } },
    });
    strict.send(rpc.WatchRequest.encode(create).finish());
    await until(() => events.length === 1);

    await Promise.all([cluster.server(leader).kill(), cluster.server(two).kill()]);
    // Whoever requires a leader is sent away, streams too; whoever does not is kept.
    expect(await strict.ended).toMatchObject({ code: UNAVAILABLE, details: 'etcdserver: no leader' });
    const refused = await client(one).kv.put({ key: text('a'), value: text('2') }, { metadata });
    expect(refused).toMatchObject({ ok: false, code: UNAVAILABLE, details: 'etcdserver: no leader' });
    const stale = await ok(client(one).kv.range({ key: text('a'), serializable: true }));
    expect(Buffer.from(stale.kvs[0]!.value).toString()).toBe('1');
    expect((await ok(client(one).maintenance.status({}))).errors).toEqual(['etcdserver: no leader']);
    const ready = await fetch(`${cluster.server(one).clientUrl}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain('[-]linearizable_read failed');
    expect((await fetch(`${cluster.server(one).clientUrl}/livez`)).status).toBe(200);
    const health = await fetch(`${cluster.server(one).clientUrl}/health`);
    expect([health.status, await health.json()]).toEqual([503, { health: 'false', reason: 'RAFT NO LEADER' }]);

    await Promise.all([cluster.server(leader).startAgain(), cluster.server(two).startAgain()]);
    await until(async () => (await client(one).kv.put({ key: text('w'), value: text('3') })).ok);
    await until(() => events.some(({ events: got }) => got.length > 0));
    patient.cancel();
  });
});
