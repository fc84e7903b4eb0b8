import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Client, findKontiki, freePorts, RawClient, ServerProcess } from '../../../../tools/harness/src/index.js';

/** The built server as a process: how it starts, refuses, stops and comes back. */
const servers: ServerProcess[] = [];
const folders: string[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.dispose()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function start(flags: readonly string[] = []): Promise<ServerProcess> {
  const server = await ServerProcess.start({ kind: 'kontiki', flags });
  servers.push(server);
  return server;
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the server until it ends by itself. */
async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const cwd = mkdtempSync(join(tmpdir(), 'kontiki-e2e-'));
  folders.push(cwd);
  const child = spawn(process.execPath, [findKontiki()!, ...args], { cwd, env: { PATH: process.env['PATH'], ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return { code, stdout, stderr };
}

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();
const bytes = (value: string): Uint8Array => Buffer.from(value);

async function ok<T>(
  reply: Promise<{ ok: true; response: T } | { ok: false; code: number; details: string }>,
): Promise<T> {
  const settled = await reply;
  if (!settled.ok) throw new Error(`${settled.code}: ${settled.details}`);
  return settled.response;
}

describe('starting', () => {
  it('prints its version in the shape of etcd, with its own behind', async () => {
    const { code, stdout } = await run(['--version']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^etcd Version: 3\.6\.\d+\n/);
    expect(stdout).toMatch(/Kontiki/i);
  });

  it.each([
    [['--no-such-flag'], /no-such-flag/],
    [['--nam=x'], /did you mean --name/],
    [['--heartbeat-interval=often'], /heartbeat-interval/],
    [
      ['--listen-client-urls=http://example.com:2379', '--advertise-client-urls=http://example.com:2379'],
      /expected IP/,
    ],
    [['--listen-client-urls=http://127.0.0.1:2379'], /advertise-client-urls/],
    [['--cert-file=/x.pem'], /cert-file/],
    [
      [
        '--initial-cluster=a=http://127.0.0.1:1,b=http://127.0.0.1:1',
        '--name=a',
        '--initial-advertise-peer-urls=http://127.0.0.1:1',
      ],
      /duplicate url/,
    ],
    [['leftover'], /leftover/],
  ])('says in one line what is wrong with %j, and exits 2', async (args, reason) => {
    const { code, stdout, stderr } = await run(args);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(reason);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('takes flags from the environment and from a file', async () => {
    const [client, peer] = await freePorts(2);
    const folder = mkdtempSync(join(tmpdir(), 'kontiki-e2e-'));
    folders.push(folder);
    const file = join(folder, 'kontiki.yaml');
    const peerUrl = `http://127.0.0.1:${peer}`;
    writeFileSync(
      file,
      [
        'name: from-file',
        `data-dir: ${join(folder, 'data')}`,
        `listen-client-urls: http://127.0.0.1:${client}`,
        `advertise-client-urls: http://127.0.0.1:${client}`,
        `listen-peer-urls: ${peerUrl}`,
        `initial-advertise-peer-urls: ${peerUrl}`,
        `initial-cluster: from-file=${peerUrl}`,
      ].join('\n'),
    );
    const child = spawn(process.execPath, [findKontiki()!], {
      cwd: folder,
      env: { PATH: process.env['PATH'], KONTIKI_CONFIG_FILE: file },
      stdio: 'ignore',
    });
    try {
      const calls = new Client(`127.0.0.1:${client}`);
      await expect
        .poll(async () => (await calls.cluster.memberList({}, { timeoutMs: 1000 })).ok, { timeout: 20_000 })
        .toBe(true);
      const { members } = await ok(calls.cluster.memberList({}));
      expect(members.map(({ name }) => name)).toEqual(['from-file']);
      calls.close();
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('writes its log as JSON lines in the shape of etcd, and says when it serves', async () => {
    const server = await start();
    const lines = server
      .log(1 << 20)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const line of lines) {
      expect(line['level']).toMatch(/^(info|warn|debug)$/);
      expect(line['ts']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}/);
      expect(line['msg']).toBeTypeOf('string');
    }
    expect(lines.some(({ msg }) => msg === 'ready to serve client requests')).toBe(true);
  });

  it('keeps its data to itself', async () => {
    const server = await start();
    expect(statSync(server.dataDirectory).mode & 0o777).toBe(0o700);
    const wal = join(server.dataDirectory, 'member', 'wal');
    for (const name of readdirSync(wal)) expect(statSync(join(wal, name)).mode & 0o077).toBe(0);
  });

  it('refuses a data directory that another process has', async () => {
    const server = await start();
    const [client, peer] = await freePorts(2);
    const { code, stderr } = await run([
      `--data-dir=${server.dataDirectory}`,
      `--listen-client-urls=http://127.0.0.1:${client}`,
      `--advertise-client-urls=http://127.0.0.1:${client}`,
      `--listen-peer-urls=http://127.0.0.1:${peer}`,
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain(server.dataDirectory);
    expect(stderr).toMatch(/in use by process \d+/);
    await server.stop();
  });

  it('refuses a port that is taken, and says which', async () => {
    const server = await start();
    const { code, stderr } = await run([
      `--listen-client-urls=${server.clientUrl}`,
      `--advertise-client-urls=${server.clientUrl}`,
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain(String(server.clientPort));
  });
});

describe('connections', () => {
  it('are as many as there are file descriptors for, over all addresses together', async () => {
    const [client, peer] = await freePorts(2);
    const folder = mkdtempSync(join(tmpdir(), 'kontiki-e2e-'));
    folders.push(folder);
    // 150 are for everything else.
    const command = `ulimit -n 200; exec "$0" "$@"`;
    const child = spawn(
      'sh',
      [
        '-c',
        command,
        process.execPath,
        findKontiki()!,
        `--listen-client-urls=http://127.0.0.1:${client}`,
        `--advertise-client-urls=http://127.0.0.1:${client}`,
        `--listen-peer-urls=http://127.0.0.1:${peer}`,
        `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
        `--initial-cluster=default=http://127.0.0.1:${peer}`,
      ],
      { cwd: folder, env: { PATH: process.env['PATH'] }, stdio: 'ignore' },
    );
    const sockets: Socket[] = [];
    try {
      const health = async (): Promise<number> =>
        (await fetch(`http://127.0.0.1:${client}/health`, { headers: { Connection: 'close' } })).status;
      await expect.poll(() => health().catch(() => 0), { timeout: 20_000 }).toBe(200);
      let closed = 0;
      for (let i = 0; i < 80; i++) {
        const socket = connect(i % 2 === 0 ? client! : peer!, '127.0.0.1');
        sockets.push(socket);
        socket.on('error', () => {});
        socket.once('close', () => closed++);
      }
      await expect.poll(() => closed, { timeout: 10_000 }).toBe(30);
      await expect(health()).rejects.toThrow();
      for (const socket of sockets) socket.destroy();
      await expect.poll(() => health().catch(() => 0), { timeout: 10_000 }).toBe(200);
    } finally {
      for (const socket of sockets) socket.destroy();
      child.kill('SIGKILL');
    }
  });
});

describe('stopping and coming back', () => {
  it('ends on SIGTERM by that signal and keeps everything', async () => {
    const server = await start();
    const client = new Client(server.endpoint);
    const put = await ok(client.kv.put({ key: bytes('a'), value: bytes('1') }));
    client.close();
    expect(await server.stop()).toEqual({ code: null, signal: 'SIGTERM' });
    await server.startAgain();
    const again = new Client(server.endpoint);
    const { kvs, header } = await ok(again.kv.range({ key: bytes('a') }));
    expect(text(kvs[0]?.value)).toBe('1');
    expect(header?.revision).toBe(put.header?.revision);
    expect(header?.memberId).toBe(put.header?.memberId);
    again.close();
  });

  it('keeps everything acknowledged through kill -9: keys, history, leases, compaction, alarms', async () => {
    const server = await start();
    const client = new Client(server.endpoint);
    await ok(client.lease.leaseGrant({ ID: 77n, TTL: 600 }));
    for (let i = 0; i < 50; i++)
      await ok(client.kv.put({ key: bytes(`k${i % 10}`), value: bytes(`${i}`), lease: 77n }));
    await ok(client.kv.compact({ revision: 20 }));
    await ok(client.maintenance.alarm({ action: 1, memberID: 5n, alarm: 2 }));
    await ok(client.maintenance.alarm({ action: 2, memberID: 5n, alarm: 2 }));
    await ok(client.maintenance.alarm({ action: 1, memberID: 5n, alarm: 1 }));
    const before = await ok(client.maintenance.hashKV({ revision: 0 }));
    client.close();
    await server.kill();
    await server.startAgain();
    const again = new Client(server.endpoint);
    expect((await ok(again.kv.range({ key: bytes('k3') }))).kvs.map(({ value }) => text(value))).toEqual(['43']);
    expect(text((await ok(again.kv.range({ key: bytes('k3'), revision: 30 }))).kvs[0]?.value)).toBe('23');
    expect(await again.kv.range({ key: bytes('k3'), revision: 19 })).toMatchObject({ ok: false, code: 11 });
    const lease = await ok(again.lease.leaseTimeToLive({ ID: 77n, keys: true }));
    expect(lease.keys.map(text).sort()).toEqual(Array.from({ length: 10 }, (_, i) => `k${i}`));
    const alarms = (await ok(again.maintenance.alarm({ action: 0 }))).alarms;
    expect(alarms).toEqual([{ memberID: 5n, alarm: 1 }]);
    const after = await ok(again.maintenance.hashKV({ revision: 0 }));
    expect([after.hash, after.compactRevision, after.hashRevision]).toEqual([
      before.hash,
      before.compactRevision,
      before.hashRevision,
    ]);
    again.close();
  });

  it('names the file and the remedy when the log is damaged, and touches nothing', async () => {
    const server = await start();
    const client = new Client(server.endpoint);
    for (let i = 0; i < 20; i++) await ok(client.kv.put({ key: bytes('a'), value: bytes(`${i}`) }));
    client.close();
    await server.stop();
    const wal = join(server.dataDirectory, 'member', 'wal');
    const file = join(wal, readdirSync(wal).find((name) => name.endsWith('.wal'))!);
    const content = readFileSync(file);
    content[200]! ^= 1;
    writeFileSync(file, content);
    await expect(server.startAgain()).rejects.toThrow(/ended before it served/);
    expect(server.log()).toContain(file);
    expect(server.log()).toMatch(/offset \d+/);
    expect(server.log()).toMatch(/backup/);
    expect(readFileSync(file).equals(content)).toBe(true);
    expect(existsSync(`${file}.broken`)).toBe(false);
  });

  it('refuses a database without its log', async () => {
    const server = await start(['--snapshot-count=10']);
    const client = new Client(server.endpoint);
    for (let i = 0; i < 20; i++) await ok(client.kv.put({ key: bytes('a'), value: bytes(`${i}`) }));
    client.close();
    await server.stop();
    rmSync(join(server.dataDirectory, 'member', 'wal'), { recursive: true });
    await expect(server.startAgain()).rejects.toThrow(/ended before it served/);
    expect(server.log()).toMatch(/holds no log/);
  });
});

describe('bad input gets an answer and harms nobody', () => {
  it('malformed, oversize and unknown', async () => {
    const server = await start();
    const raw = new RawClient(server.endpoint);
    const answers = {
      malformed: await raw.unary('/etcdserverpb.KV/Put', Uint8Array.of(0x0a, 0xff)),
      wrongWireType: await raw.unary('/etcdserverpb.KV/Put', Uint8Array.of(0x08, 0x01)),
      deeplyNested: await raw.unary('/etcdserverpb.KV/Txn', nestedTxn(20_000)),
      oversize: await raw.unary('/etcdserverpb.KV/Put', put(new Uint8Array(2_200_000))),
      tooLarge: await raw.unary('/etcdserverpb.KV/Put', put(new Uint8Array(1_700_000))),
      unknownMethod: await raw.unary('/etcdserverpb.KV/Nothing', new Uint8Array()),
      unknownService: await raw.unary('/no.Such/Thing', new Uint8Array()),
      malformedPath: await raw.unary('/nothing', new Uint8Array()),
      later: await raw.unary('/etcdserverpb.Maintenance/Downgrade', new Uint8Array()),
    };
    raw.close();
    expect(answers.malformed.code).toBe(13);
    expect(answers.malformed.details).toMatch(/^grpc: error unmarshalling request: /);
    expect(answers.wrongWireType.code).toBe(13);
    expect([3, 13]).toContain(answers.deeplyNested.code);
    expect(answers.oversize).toMatchObject({
      code: 8,
      details: 'grpc: received message larger than max (2200008 vs. 2097152)',
    });
    expect(answers.tooLarge).toMatchObject({ code: 3, details: 'etcdserver: request is too large' });
    expect(answers.unknownMethod).toMatchObject({
      code: 12,
      details: 'unknown method Nothing for service etcdserverpb.KV',
    });
    expect(answers.unknownService).toMatchObject({ code: 12, details: 'unknown service no.Such' });
    expect(answers.malformedPath).toMatchObject({ code: 12, details: 'malformed method name: "/nothing"' });
    expect(answers.later.code).toBe(12);
    const client = new Client(server.endpoint);
    const { header, kvs } = await ok(client.kv.range({ key: bytes('\0'), rangeEnd: bytes('\0') }));
    expect([header?.revision, kvs.length]).toEqual([1, 0]);
    client.close();
  });
});

/** A PutRequest { key: "k", value } by hand. */
function put(value: Uint8Array): Uint8Array {
  const length: number[] = [];
  for (let rest = value.length; ; rest >>>= 7) {
    length.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 0x7f) break;
  }
  return Buffer.concat([Buffer.from([0x0a, 1, 0x6b, 0x12, ...length]), value]);
}

/** TxnRequest { success: [RequestOp { txn: TxnRequest { … } }] }, so many levels deep. */
function nestedTxn(levels: number): Uint8Array {
  const varint = (value: number): number[] =>
    value > 0x7f ? [(value & 0x7f) | 0x80, ...varint(value >>> 7)] : [value];
  const parts: Buffer[] = [];
  let size = 0;
  for (let i = 0; i < levels; i++) {
    const op = Buffer.from([0x22, ...varint(size)]);
    const success = Buffer.from([0x12, ...varint(op.length + size)]);
    parts.push(op, success);
    size += op.length + success.length;
  }
  return Buffer.concat(parts.reverse());
}

describe('space', () => {
  it('a full database raises NOSPACE, refuses growth, and serves again after compaction, defragmentation and disarm', async () => {
    const server = await start(['--quota-backend-bytes=2000000', '--backend-batch-interval=20ms']);
    const client = new Client(server.endpoint);
    const value = new Uint8Array(100_000);
    let refused: { code: number; details: string } | undefined;
    for (let i = 0; i < 200 && refused === undefined; i++) {
      crypto.getRandomValues(value.subarray(0, 65_536));
      const reply = await client.kv.put({ key: bytes(`k${i}`), value });
      if (!reply.ok) refused = reply;
    }
    expect(refused).toMatchObject({ code: 8, details: 'etcdserver: mvcc: database space exceeded' });
    await expect
      .poll(async () => (await ok(client.maintenance.alarm({ action: 0 }))).alarms.length, { timeout: 10_000 })
      .toBe(1);
    expect(await client.kv.put({ key: bytes('small'), value: bytes('x') })).toMatchObject({ ok: false, code: 8 });
    expect(await client.lease.leaseGrant({ TTL: 60 })).toMatchObject({ ok: false, code: 8 });
    const { header } = await ok(client.kv.deleteRange({ key: bytes('k'), rangeEnd: bytes('l') }));
    await ok(client.kv.compact({ revision: header!.revision, physical: true }));
    // The database gives files back when it has finished with them, which may be a moment after it was asked.
    const sizeAfterDefragment = async (): Promise<number> => {
      await ok(client.maintenance.defragment({}));
      return (await ok(client.maintenance.status({}))).dbSize;
    };
    await expect.poll(sizeAfterDefragment, { timeout: 20_000 }).toBeLessThan(1_000_000);
    expect((await ok(client.maintenance.status({}))).errors).toHaveLength(1);
    const [alarm] = (await ok(client.maintenance.alarm({ action: 0 }))).alarms;
    await ok(client.maintenance.alarm({ action: 2, memberID: alarm!.memberID, alarm: alarm!.alarm }));
    await ok(client.kv.put({ key: bytes('small'), value: bytes('x') }));
    client.close();
  });
});
