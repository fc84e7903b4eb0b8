import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client, freePorts, ServerProcess } from '../../../../tools/harness/src/index.js';
import { missingUtl, type Printed, runEtcdctl, runEtcdutl, warnIfMissing } from './etcdctl.js';
import { exact, TestCluster } from './test-cluster.js';
import { wait } from './waiting.js';

/**
 * What `etcdctl snapshot save` gets from Kontiki, `etcdutl` accepts and restores, and a real etcd serves: the same keys
 * with the same revisions, and the same leases.
 */
warnIfMissing(missingUtl);

interface Status {
  readonly hash: number;
  readonly revision: number;
  readonly totalKey: number;
  readonly totalSize: number;
}

describe.skipIf(missingUtl)('a snapshot of Kontiki is one to etcd', () => {
  let cluster: TestCluster;
  let folder = '';
  const started: ServerProcess[] = [];
  let lease = '';
  let files = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kontiki-snapshots-'));
    cluster = await TestCluster.found({ kinds: ['kontiki', 'kontiki', 'kontiki'] });
    await cluster.lead('m1');
    await history(cluster);
  });

  afterAll(async () => {
    await Promise.all(started.map((server) => server.dispose()));
    await cluster?.dispose();
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  /** Puts, deletes, a key that came back, big values, leases, compactions. */
  async function history(c: TestCluster): Promise<void> {
    const client = new Client(c.server('m1').endpoint);
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    try {
      const put = async (key: string, value: Uint8Array, leaseId = 0n): Promise<void> => {
        expect(await client.kv.put({ key: bytes(key), value, lease: leaseId })).toMatchObject({ ok: true });
      };
      const granted = await client.lease.leaseGrant({ TTL: 3000, ID: 0x7001n });
      expect(granted).toMatchObject({ ok: true });
      lease = '7001';
      await client.lease.leaseGrant({ TTL: 4000, ID: 0x7002n });
      for (let i = 0; i < 200; i++) await put(`key/${i % 60}`, bytes(`value ${i}`));
      await put('big', new Uint8Array(300_000).fill(7));
      await put('leased/a', bytes('a'), 0x7001n);
      await put('leased/b', bytes('b'), 0x7001n);
      for (let i = 0; i < 20; i++) await client.kv.deleteRange({ key: bytes(`key/${i}`) });
      await client.kv.compact({ revision: 150, physical: true });
      await put('key/1', bytes('came back'));
      await client.kv.txn({
        success: [
          { request: { $case: 'requestPut', value: { key: bytes('txn/1'), value: bytes('1') } } },
          { request: { $case: 'requestPut', value: { key: bytes('txn/2'), value: bytes('2') } } },
        ],
      });
    } finally {
      client.close();
    }
  }

  async function save(member: string): Promise<string> {
    const path = join(folder, `${++files}.db`);
    const printed = await cluster.ctl(member, 'snapshot', 'save', path);
    expect(printed).toMatchObject({ code: 0 });
    expect(printed.stdout).toContain('Snapshot saved at');
    return path;
  }

  async function statusOf(path: string): Promise<Status> {
    const printed = await runEtcdutl(['snapshot', 'status', path, '-w', 'json']);
    expect(printed).toMatchObject({ code: 0 });
    return JSON.parse(printed.stdout) as Status;
  }

  /** A real etcd on what etcdutl makes of a snapshot. */
  async function restored(path: string): Promise<ServerProcess> {
    const directory = mkdtempSync(join(folder, 'restored-'));
    const [clientPort, peerPort] = (await freePorts(2)) as [number, number];
    const peerUrl = `http://127.0.0.1:${peerPort}`;
    const printed = await runEtcdutl([
      ...['snapshot', 'restore', path, '--data-dir', join(directory, 'data'), '--name=r1'],
      ...[`--initial-cluster=r1=${peerUrl}`, `--initial-advertise-peer-urls=${peerUrl}`],
    ]);
    expect(printed).toMatchObject({ code: 0 });
    const server = ServerProcess.ofMember({
      kind: 'etcd',
      member: {
        name: 'r1',
        clientPort,
        peerPort,
        advertisedPeerUrl: peerUrl,
        initialCluster: () => `r1=${peerUrl}`,
        initialClusterState: () => 'new',
        directory,
      },
    });
    started.push(server);
    await server.startAgain();
    return server;
  }

  const everything = async (endpoint: string): Promise<unknown> => {
    const { stdout } = await runEtcdctl(endpoint, ['get', '', '--prefix', '-w', 'json']);
    return (JSON.parse(exact(stdout)) as { kvs: unknown }).kvs;
  };
  const hashOf = async (endpoint: string, revision: number): Promise<string> => {
    const { stdout } = await runEtcdctl(endpoint, ['endpoint', 'hashkv', `--rev=${revision}`]);
    return stdout.trim().split(', ')[1] ?? '';
  };
  const leftBehind = (member: string): readonly string[] =>
    readdirSync(join(cluster.server(member).dataDirectory, 'member', 'snap')).filter((name) => name.includes('.snap'));

  for (const member of ['m1', 'm2']) {
    it(`of the ${member === 'm1' ? 'leader' : 'follower'}: etcdutl finds it whole`, async () => {
      const client = new Client(cluster.server(member).endpoint);
      const current = await client.kv.range({ key: Uint8Array.of(0), rangeEnd: Uint8Array.of(0), countOnly: true });
      client.close();
      if (!current.ok) throw new Error(current.details);
      const path = await save(member);
      const status = await statusOf(path);
      expect(status.revision).toBe(current.response.header?.revision);
      expect(status.totalKey).toBeGreaterThan(current.response.count);
      expect(status.totalSize).toBe(readFileSync(path).length - 32);
      expect(leftBehind(member)).toEqual([]);
    });
  }

  it('what is restored from it, a real etcd serves: keys, revisions, leases, alarms, and the hash at each revision', async () => {
    const client = new Client(cluster.server('m1').endpoint);
    const alarm = { memberID: 0x77n, alarm: 1 } as const;
    await client.maintenance.alarm({ ...alarm, action: 1 });
    await client.kv.range({ key: Uint8Array.of(0) });
    const path = await save('m1');
    await client.maintenance.alarm({ ...alarm, action: 2 });
    client.close();
    const { revision } = await statusOf(path);
    const server = await restored(path);
    expect((await runEtcdctl(server.endpoint, ['alarm', 'disarm'])).stdout).toBe('memberID:119 alarm:NOSPACE \n');
    expect(await everything(server.endpoint)).toEqual(await everything(cluster.server('m1').endpoint));
    for (const at of [151, 200, revision]) {
      expect(await hashOf(server.endpoint, at)).toBe(await hashOf(cluster.server('m1').endpoint, at));
    }
    // Compacted there as here.
    const old = ['get', 'key/30', '--rev=149'];
    const [there, here] = await Promise.all([runEtcdctl(server.endpoint, old), cluster.ctl('m1', ...old)]);
    expect(there.stderr.split('\n').slice(-2)).toEqual(here.stderr.split('\n').slice(-2));
    expect(there.stderr).toContain('required revision has been compacted');

    const listed = await runEtcdctl(server.endpoint, ['lease', 'list']);
    expect(listed.stdout).toBe((await cluster.ctl('m3', 'lease', 'list')).stdout);
    const kept = await runEtcdctl(server.endpoint, ['lease', 'timetolive', lease, '--keys']);
    expect(kept.stdout).toMatch(
      /granted with TTL\(3000s\), remaining\(\d+s\), attached keys\(\[leased\/[ab] leased\/[ab]\]\)/,
    );
    expect((await runEtcdctl(server.endpoint, ['lease', 'revoke', lease])).code).toBe(0);
    expect((await runEtcdctl(server.endpoint, ['get', 'leased/', '--prefix'])).stdout).toBe('');
    // The members of the cluster it was taken from are not there any more.
    const members = await runEtcdctl(server.endpoint, ['member', 'list']);
    expect(members.stdout.trim().split('\n').length).toBe(1);
    expect(members.stdout).toContain(', started, r1, ');
    // And it can be written, and started again.
    expect((await runEtcdctl(server.endpoint, ['put', 'new', 'value'])).code).toBe(0);
    await server.stop();
    await server.startAgain();
    expect((await runEtcdctl(server.endpoint, ['get', 'new'])).stdout).toBe('new\nvalue\n');
  });

  it('taken while writes go on, it is the state of one revision', async () => {
    const client = new Client(cluster.server('m1').endpoint);
    let writing = true;
    let written = 0;
    const writer = (async () => {
      // Pairs that are only ever written together.
      for (let i = 0; writing; i++, written++) {
        const value = new TextEncoder().encode(String(i));
        const puts = ['pair/a', 'pair/b', `many/${i}`].map((key) => ({
          request: { $case: 'requestPut' as const, value: { key: new TextEncoder().encode(key), value } },
        }));
        const reply = await client.kv.txn({ success: puts });
        if (!reply.ok) throw new Error(reply.details);
      }
    })();
    while (written < 10) await wait(5);
    const path = await save('m1');
    writing = false;
    await writer;
    client.close();
    const { revision } = await statusOf(path);
    const server = await restored(path);
    expect(await hashOf(server.endpoint, revision)).toBe(await hashOf(cluster.server('m1').endpoint, revision));
    const pair = await runEtcdctl(server.endpoint, ['get', 'pair/', '--prefix', '--print-value-only']);
    const [a, b] = pair.stdout.trim().split('\n');
    expect(a).toBe(b);
    const many = await runEtcdctl(server.endpoint, ['get', 'many/', '--prefix', '--keys-only']);
    expect(many.stdout.match(/many/g)?.length).toBe(Number(a) + 1);
    expect(written).toBeGreaterThan(Number(a));
  });

  it('damaged or cut, it is refused by the tool', async () => {
    const path = await save('m3');
    const whole = readFileSync(path);
    const broken = join(folder, 'broken.db');
    const restore = (): Promise<Printed> =>
      runEtcdutl(['snapshot', 'restore', broken, '--data-dir', join(folder, `never-${++files}`)]);

    copyFileSync(path, broken);
    const bytes = Buffer.from(whole);
    bytes[whole.length - 5000] = (bytes[whole.length - 5000] ?? 0) ^ 1;
    writeFileSync(broken, bytes);
    expect((await restore()).stderr).toContain('expected sha256');

    copyFileSync(path, broken);
    truncateSync(broken, whole.length - 4096);
    expect((await restore()).stderr).toContain('expected sha256');

    // The hash alone cut off: there is nothing to check it by.
    truncateSync(broken, whole.length - 32);
    expect((await restore()).stderr).toContain('missing hash');
    // Cut anywhere else.
    truncateSync(broken, whole.length - 1000);
    expect((await restore()).stderr).toContain('missing hash');
  });

  it('a stream that breaks off leaves the tool without a snapshot', async () => {
    // Stands between, and closes after so many bytes.
    const proxy = createServer((client) => {
      const server = connect(cluster.server('m2').clientPort, '127.0.0.1');
      let bytes = 0;
      client.pipe(server);
      server.on('data', (chunk) => {
        bytes += chunk.length;
        client.write(chunk);
        if (bytes > 100_000) client.destroy();
      });
      client.once('close', () => server.destroy());
      for (const socket of [client, server]) socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    const path = join(folder, 'cut.db');
    const printed = await runEtcdctl(`127.0.0.1:${port}`, ['snapshot', 'save', path]);
    proxy.close();
    expect(printed.code).not.toBe(0);
    expect(existsSync(path)).toBe(false);
    for (let attempt = 0; leftBehind('m2').length > 0 && attempt < 50; attempt++) await wait(100);
    expect(leftBehind('m2')).toEqual([]);
  });

  it('a client that leaves midway leaves no file', async () => {
    const client = new Client(cluster.server('m2').endpoint);
    let pieces = 0;
    const stream = client.raw.duplex('/etcdserverpb.Maintenance/Snapshot', () => {
      if (++pieces === 1) stream.cancel();
    });
    stream.send(new Uint8Array(0));
    stream.end();
    await stream.ended;
    client.close();
    expect(pieces).toBeGreaterThan(0);
    for (let attempt = 0; leftBehind('m2').length > 0 && attempt < 50; attempt++) await wait(100);
    expect(leftBehind('m2')).toEqual([]);
  });

  it('of a learner, too', async () => {
    const { peerUrl } = await cluster.member('m4', 'kontiki', 'existing');
    const deadline = Date.now() + 15_000;
    let added = await cluster.ctl('m1', 'member', 'add', 'm4', '--learner', `--peer-urls=${peerUrl}`);
    while (added.code !== 0 && Date.now() < deadline) {
      await wait(200);
      added = await cluster.ctl('m1', 'member', 'add', 'm4', '--learner', `--peer-urls=${peerUrl}`);
    }
    expect(added).toMatchObject({ code: 0 });
    const server = cluster.server('m4');
    server.launch();
    const all = await cluster.ctl('m1', 'get', '', '--prefix', '--keys-only');
    for (;;) {
      const { stdout } = await cluster.ctl('m4', 'get', '', '--prefix', '--keys-only', '--consistency=s');
      if (stdout === all.stdout) break;
      expect(Date.now()).toBeLessThan(deadline);
      await wait(100);
    }
    const [learners, leaders] = [await save('m4'), await save('m1')];
    const [a, b] = [await statusOf(learners), await statusOf(leaders)];
    expect({ revision: a.revision, keys: a.totalKey }).toEqual({ revision: b.revision, keys: b.totalKey });
    const restoredLearner = await restored(learners);
    expect(await hashOf(restoredLearner.endpoint, a.revision)).toBe(
      await hashOf(cluster.server('m1').endpoint, a.revision),
    );
  });
});
