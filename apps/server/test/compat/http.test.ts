import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client, findEtcd, type ServerKind, ServerProcess } from '../../../../tools/harness/src/index.js';

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

  it('/metrics misses none of the names a real etcd has', async () => {
    const names = async (server: ServerProcess): Promise<Set<string>> => {
      const { body } = await ask(server, '/metrics');
      return new Set([...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!));
    };
    const [wanted, got] = await Promise.all([names(servers.etcd), names(servers.kontiki)]);
    const absent = [...wanted].filter((name) => /^(etcd_|grpc_|process_|os_)/.test(name) && !got.has(name)).sort();
    expect(absent).toEqual(LEFT_OUT);
  });
});
