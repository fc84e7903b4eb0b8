import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client, findEtcd, type ServerKind, ServerProcess } from '../../../../tools/harness/src/index.js';
import { readExposition } from '../exposition.js';

/** The HTTP endpoints beside gRPC answer as those of a real etcd do: status, headers that matter, body. */
const missing = findEtcd() === undefined;
if (missing) console.warn('skipped: no etcd here (tools/setup/install-etcd.sh brings one)');

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | null>>;
  readonly body: string;
}

async function ask(server: ServerProcess, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${server.clientUrl}${path}`, init);
  const names = [
    'content-type',
    'allow',
    'access-control-allow-origin',
    'access-control-allow-methods',
    'x-content-type-options',
  ];
  return {
    status: response.status,
    headers: Object.fromEntries(names.map((name) => [name, response.headers.get(name)])),
    body: await response.text(),
  };
}

describe.skipIf(missing)('HTTP on the client port', () => {
  const servers = {} as Record<ServerKind, ServerProcess>;

  beforeAll(async () => {
    [servers.etcd, servers.kontiki] = await Promise.all([
      ServerProcess.start({ kind: 'etcd' }),
      ServerProcess.start({ kind: 'kontiki' }),
    ]);
  });

  afterAll(async () => {
    await Promise.all(Object.values(servers).map((server) => server.dispose()));
  });

  const both = (path: string, init?: RequestInit): Promise<[Answer, Answer]> =>
    Promise.all([ask(servers.etcd, path, init), ask(servers.kontiki, path, init)]);
  /** Verbose checks come in no fixed order from etcd. */
  const sorted = (answer: Answer): Answer => ({ ...answer, body: answer.body.split('\n').sort().join('\n') });

  for (const path of [
    '/health',
    '/health?serializable=true',
    '/health?exclude=NOSPACE',
    '/livez',
    '/livez?verbose',
    '/livez/serializable_read',
    '/livez/nothing',
    '/readyz',
    '/readyz?exclude=linearizable_read',
    '/readyz/linearizable_read?verbose',
    '/nothing',
    '/v2/keys',
  ]) {
    it(`GET ${path}`, async () => {
      const [wanted, got] = await both(path);
      expect(sorted(got)).toEqual(sorted(wanted));
    });
  }

  it.each(['/health', '/version'])('POST %s is refused', async (path) => {
    const [wanted, got] = await both(path, { method: 'POST' });
    expect(got).toEqual(wanted);
  });

  it('OPTIONS is answered for browsers', async () => {
    const [wanted, got] = await both('/version', { method: 'OPTIONS', headers: { Origin: 'http://somewhere' } });
    expect(got).toEqual(wanted);
  });

  it('/version has the fields of 3.6 and our own', async () => {
    const { status, headers, body } = await ask(servers.kontiki, '/version');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json');
    const { kontiki, ...rest } = JSON.parse(body) as Record<string, string>;
    expect(rest).toEqual({ etcdserver: '3.6.14', etcdcluster: '3.6.0', storage: '3.6.0' });
    expect(kontiki).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('/metrics counts what happened under the names of etcd', async () => {
    const client = new Client(servers.kontiki.endpoint);
    for (let i = 0; i < 3; i++) await client.kv.put({ key: Buffer.from(`m${i}`), value: Buffer.from('v') });
    await client.kv.deleteRange({ key: Buffer.from('m0') });
    await client.lease.leaseGrant({ TTL: 60 });
    client.close();
    const { body } = await ask(servers.kontiki, '/metrics');
    const value = (line: string): number =>
      Number(
        body
          .split('\n')
          .find((each) => each.startsWith(`${line} `))
          ?.split(' ')[1],
      );
    expect(value('etcd_debugging_mvcc_keys_total')).toBe(2);
    expect(value('etcd_mvcc_put_total')).toBe(3);
    expect(value('etcd_mvcc_delete_total')).toBe(1);
    expect(value('etcd_debugging_lease_granted_total')).toBe(1);
    expect(value('etcd_server_has_leader')).toBe(1);
    expect(value('etcd_server_is_leader')).toBe(1);
    expect(value('etcd_server_version{server_version="3.6.14"}')).toBe(1);
    expect(value('etcd_cluster_version{cluster_version="3.6"}')).toBe(1);
    expect(value('etcd_server_proposals_applied_total')).toBeGreaterThan(5);
    expect(value('etcd_disk_wal_fsync_duration_seconds_count')).toBeGreaterThan(3);
    expect(
      value(
        'grpc_server_handled_total{grpc_code="OK",grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"}',
      ),
    ).toBe(3);
    expect(value('etcd_server_quota_backend_bytes')).toBe(2 * 1024 ** 3);
  });

  /** Names of etcd 3.5 that are not offered, each for a reason. */
  const LEFT_OUT = [
    // Gone in 3.6.
    'etcd_debugging_mvcc_range_total',
    // Of the store of etcd's second API, which is not there.
    'etcd_debugging_store_reads_total',
    'etcd_debugging_store_writes_total',
    // Of the whole machine, not of the process.
    'process_network_receive_bytes_total',
    'process_network_transmit_bytes_total',
  ];

  /** Names that came after etcd 3.5. */
  const ADDED = [
    // With 3.6.
    'etcd_server_feature_enabled',
    'etcd_server_range_duration_seconds',
  ];

  const ADDED_BY_USE = [
    // With 3.6.
    'etcd_debugging_server_alarms',
    // etcd takes a stream that broke on a message for one that its client gave up, and does not count it.
    'etcd_network_server_stream_failures_total',
  ];

  /** Series that name what the two are, or what one of them does by itself. */
  const OF_ITS_OWN = new RegExp(
    [
      '^etcd_(cluster_version|server_version|server_go_version|server_id)\\{',
      // What etcd 3.5 knows as a request of its second API is one of the third in 3.6; a question about auth it does not name.
      '^etcd_server_apply_.*(version="v2"|op="(unknown|AuthStatus|ClusterMemberAttrSet|ClusterVersionSet)")',
      // A method of a newer version of the health protocol.
      'grpc_method="List",grpc_service="grpc.health.v1.Health"',
    ].join('|'),
  );

  describe('/metrics', () => {
    const ours = (name: string): boolean => /^(etcd_|grpc_|process_|os_|promhttp_)/.test(name);
    type Exposition = ReturnType<typeof readExposition>;
    const scrape = async (
      flags: readonly string[],
      use: (client: Client) => Promise<unknown>,
    ): Promise<[Exposition, Exposition]> => {
      const fresh = (kind: ServerKind): Promise<ServerProcess> => ServerProcess.start({ kind, flags });
      const started = await Promise.all([fresh('etcd'), fresh('kontiki')]);
      try {
        const [etcd, kontiki] = await Promise.all(
          started.map(async (server) => {
            const client = new Client(server.endpoint);
            await use(client);
            client.close();
            await ask(server, '/metrics');
            return readExposition((await ask(server, '/metrics')).body);
          }),
        );
        return [etcd!, kontiki!];
      } finally {
        await Promise.all(started.map((server) => server.dispose()));
      }
    };

    /** A little of everything whose metrics have labels. */
    async function use(client: Client): Promise<void> {
      const key = Buffer.from('k');
      await client.kv.put({ key, value: key });
      await client.kv.range({ key });
      await client.kv.range({ key, revision: 1000 });
      await client.kv.deleteRange({ key });
      await client.kv.txn({ success: [{ request: { $case: 'requestPut', value: { key, value: key } } }] });
      await client.kv.compact({ revision: 2 });
      await client.kv.compact({ revision: 2 });
      await client.lease.leaseGrant({ ID: 9n, TTL: 60 });
      await client.lease.leaseRevoke({ ID: 9n });
      await client.lease.leaseRevoke({ ID: 9n });
      await client.maintenance.alarm({ action: 1, memberID: 5n, alarm: 1 });
      await client.kv.put({ key, value: key });
      await client.maintenance.alarm({ action: 2, memberID: 5n, alarm: 1 });
      await client.auth.authStatus({});
      for (const path of ['/etcdserverpb.Watch/Watch', '/etcdserverpb.Lease/LeaseKeepAlive']) {
        const broken = client.raw.duplex(path, () => {});
        broken.send(Uint8Array.of(0x0a, 0xff));
        await broken.ended;
      }
    }

    /** Names that one has and the other has not. */
    function compareNames([wanted, got]: readonly [Exposition, Exposition]): { absent: string[]; added: string[] } {
      const names = (shown: Exposition): string[] => [...shown.keys()].filter(ours).sort();
      return {
        absent: names(wanted).filter((name) => !got.has(name)),
        added: names(got).filter((name) => !wanted.has(name)),
      };
    }

    /** What the two have both, as each shows it: type, labels, bounds. */
    function compareForms([wanted, got]: readonly [Exposition, Exposition]): void {
      const form = (shown: Exposition, name: string): unknown => {
        const { type, labels, bounds } = shown.get(name)!;
        return { name, type, labels, bounds };
      };
      const both = [...wanted.keys()].filter((name) => ours(name) && got.has(name));
      expect(both.length).toBeGreaterThan(80);
      expect(both.map((name) => form(got, name))).toEqual(both.map((name) => form(wanted, name)));
    }

    it('has the names, types, labels and buckets of a real etcd before anything happened', async () => {
      const shown = await scrape(['--metrics=extensive'], async () => {});
      expect(compareNames(shown)).toEqual({ absent: LEFT_OUT, added: ADDED });
      compareForms(shown);
    });

    it('has the same series after the same use', async () => {
      const shown = await scrape(['--metrics=extensive'], use);
      expect(compareNames(shown)).toEqual({ absent: LEFT_OUT, added: [...ADDED_BY_USE, ...ADDED] });
      compareForms(shown);
      const series = (which: Exposition): string[] =>
        [...which]
          .filter(([name]) => shown[0].has(name) && shown[1].has(name) && ours(name))
          .flatMap(([name, { series }]) => [...series.keys()].map((labels) => `${name}${labels}`))
          .filter((text) => !OF_ITS_OWN.test(text))
          .sort();
      expect(series(shown[1])).toEqual(series(shown[0]));
    });
  });
});
