#!/usr/bin/env node
// Writes etcd.txt: messages as a real etcd and etcdctl write them, caught between the two and read from the log on disk.
// Needs both; tests need only the file.
//
//   node test/golden/capture.mjs <folder with etcd and etcdctl>
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as grpc from '@grpc/grpc-js';
import protobuf from 'protobufjs';

const bin = process.argv[2];
const folder = fileURLToPath(new URL('../../proto', import.meta.url));
const root = new protobuf.Root();
root.resolvePath = (_, target) => join(folder, basename(target));
root.loadSync(readdirSync(folder), { keepCase: true }).resolveAll();

/** Longer messages, snapshots above all, say nothing that shorter ones do not. */
const MAX_BYTES = 2000;
const caught = new Set();
function caughtMessage(type, bytes) {
  if (bytes.length <= MAX_BYTES) caught.add(`${type} ${Buffer.from(bytes).toString('hex')}`);
}

const work = mkdtempSync(join(tmpdir(), 'kontiki-capture-'));
const [clientPort, peerPort, proxyPort] = await Promise.all([freePort(), freePort(), freePort()]);
const peerUrl = `http://127.0.0.1:${peerPort}`;
const etcd = spawn(
  join(bin, 'etcd'),
  [
    ['--name', 'fram'],
    ['--data-dir', join(work, 'data')],
    ['--listen-client-urls', `http://127.0.0.1:${clientPort}`],
    ['--advertise-client-urls', `http://127.0.0.1:${clientPort}`],
    ['--listen-peer-urls', peerUrl],
    ['--initial-advertise-peer-urls', peerUrl],
    ['--initial-cluster', `fram=${peerUrl}`],
    ['--experimental-watch-progress-notify-interval', '200ms'],
  ].flat(),
  { stdio: 'ignore' },
);
const upstream = new grpc.Client(`127.0.0.1:${clientPort}`, grpc.credentials.createInsecure());
const proxy = new grpc.Server();
for (const service of servicesIn(root)) proxy.addService(...passedOn(service));
await promisify(proxy.bindAsync.bind(proxy))(`127.0.0.1:${proxyPort}`, grpc.ServerCredentials.createInsecure());

try {
  await promisify(upstream.waitForReady.bind(upstream))(Date.now() + 10_000);
  await useEverything();
} finally {
  proxy.forceShutdown();
  upstream.close();
  const ended = new Promise((resolve) => etcd.once('exit', resolve));
  etcd.kill('SIGTERM');
  await ended;
  readLog(join(work, 'data', 'member', 'wal'));
  rmSync(work, { recursive: true, force: true });
}
writeFileSync(new URL('etcd.txt', import.meta.url), `${[...caught].sort().join('\n')}\n`);
console.log(`${caught.size} messages of ${new Set([...caught].map((line) => line.split(' ')[0])).size} types`);

async function useEverything() {
  const ctl = (input, ...args) => etcdctl(input, args);
  await ctl('', 'put', 'raft', 'balsa');
  await ctl('', 'put', 'raft', 'sail', '--prev-kv');
  await ctl('', 'put', 'raft', '--ignore-value');
  await ctl('', 'get', 'raft');
  await ctl('', 'get', 'r', 's', '--limit=1', '--order=DESCEND', '--sort-by=MODIFY', '--rev=2');
  await ctl('', 'get', '', '--prefix', '--keys-only', '--consistency=s');
  await ctl('', 'get', '', '--from-key', '--count-only', '--write-out=fields');
  const lease = /lease (\w+)/.exec(await ctl('', 'lease', 'grant', '100'))[1];
  await ctl('', 'put', 'crew', 'six', `--lease=${lease}`);
  await ctl('', 'lease', 'timetolive', lease, '--keys');
  await ctl('', 'lease', 'keep-alive', '--once', lease);
  await ctl('', 'lease', 'list');
  await ctl(
    'value("raft") = "sail"\nmod("raft") > "1"\nver("crew") < "9"\ncreate("nothing") = "0"\n\nput a 1\nget raft\ndel crew\n\nget a\n\n',
    ...['txn', '--interactive'],
  );
  await ctl('value("raft") = "none"\n\nput b 1\n\nget a\n\n', 'txn', '--interactive');
  const watches = [
    ['watch', '', '--prefix', '--rev=1', '--prev-kv'],
    ['watch', 'a', '--progress-notify'],
  ].map((args) => etcdctl('', args, 1500));
  await delay(500);
  await ctl('', 'put', 'a', '2');
  await ctl('', 'del', 'a', '--prev-kv');
  await Promise.all(watches);
  await ctl('progress\n', 'watch', '--interactive');
  await ctl('', 'lease', 'revoke', lease);
  await ctl('', 'compact', '5', '--physical');
  await etcdctl('', ['watch', 'raft', '--rev=2'], 1500).catch(() => undefined);
  await ctl('', 'endpoint', 'status');
  await ctl('', 'endpoint', 'hashkv');
  await ctl('', 'alarm', 'list');
  await ctl('', 'alarm', 'disarm');
  await ctl('', 'defrag');
  await ctl('', 'snapshot', 'save', join(work, 'snapshot'));
  const members = await ctl('', 'member', 'list');
  await ctl('', 'member', 'update', members.split(',')[0], `--peer-urls=${peerUrl}`);
  const added = await ctl('', 'member', 'add', 'tangaroa', '--learner', '--peer-urls=http://127.0.0.1:1');
  const learner = /Member (\w+) added/.exec(added)[1];
  await ctl('', 'member', 'promote', learner).catch(() => undefined);
  await ctl('', 'member', 'remove', learner);
  await ctl('', 'move-leader', members.split(',')[0]).catch(() => undefined);
  await ctl('', 'downgrade', 'validate', '3.4').catch(() => undefined);
  await locksAndElections();
  await ctl('', 'role', 'add', 'crew');
  await ctl('', 'role', 'grant-permission', 'crew', '--prefix=true', 'readwrite', 'log/');
  await ctl('', 'role', 'get', 'crew');
  await ctl('', 'role', 'list');
  await ctl('', 'role', 'revoke-permission', 'crew', '--prefix=true', 'log/');
  for (const user of ['thor', 'root']) await ctl('', 'user', 'add', `${user}:balsa`);
  await ctl('', 'user', 'add', 'parrot', '--no-password');
  await ctl('', 'user', 'grant-role', 'thor', 'crew');
  await ctl('', 'user', 'grant-role', 'root', 'root');
  await ctl('', 'user', 'get', 'thor');
  await ctl('', 'user', 'list');
  await ctl('sail', 'user', 'passwd', 'thor', '--interactive=false');
  await ctl('', 'user', 'revoke-role', 'thor', 'crew');
  await ctl('', 'auth', 'enable');
  const asRoot = ['--user', 'root:balsa'];
  await ctl('', 'auth', 'status', ...asRoot);
  await ctl('', 'put', 'raft', 'home', ...asRoot);
  await ctl('', 'user', 'delete', 'thor', ...asRoot);
  await ctl('', 'role', 'delete', 'crew', ...asRoot);
  await ctl('', 'auth', 'disable', ...asRoot);
}

/** etcdctl keeps its locks itself, so these are asked for directly. */
async function locksAndElections() {
  const client = new grpc.Client(`127.0.0.1:${proxyPort}`, grpc.credentials.createInsecure());
  const ask = async (service, method, fields) => {
    const { path, requestType, responseType } = methodOf(root.lookupService(service), method);
    const bytes = requestType.encode(requestType.fromObject(fields)).finish();
    const call = client.makeUnaryRequest.bind(client, path, Buffer.from, (answer) => answer, bytes);
    return responseType.decode(await promisify(call)());
  };
  const name = Buffer.from('mast');
  const { key } = await ask('v3lockpb.Lock', 'Lock', { name });
  await ask('v3lockpb.Lock', 'Unlock', { key });
  const { ID } = await ask('etcdserverpb.Lease', 'LeaseGrant', { TTL: 60 });
  const { leader } = await ask('v3electionpb.Election', 'Campaign', { name, lease: ID, value: Buffer.from('thor') });
  await ask('v3electionpb.Election', 'Proclaim', { leader, value: Buffer.from('bengt') });
  await ask('v3electionpb.Election', 'Leader', { name });
  await ask('v3electionpb.Election', 'Resign', { leader });
  await ask('grpc.health.v1.Health', 'Check', {});
  await ask('etcdserverpb.Maintenance', 'Hash', {});
  client.close();
}

/** Every record of every segment, and what is inside by the record's type. */
function readLog(directory) {
  for (const file of readdirSync(directory).filter((name) => name.endsWith('.wal'))) {
    const bytes = readFileSync(join(directory, file));
    for (let at = 0; at + 8 <= bytes.length && bytes.readBigUInt64LE(at) !== 0n; ) {
      const length = bytes.readUIntLE(at, 6);
      const padding = bytes[at + 7] & 0x80 ? bytes[at + 7] & 7 : 0;
      const record = bytes.subarray(at + 8, at + 8 + length);
      at += 8 + length + padding;
      caughtMessage('walpb.Record', record);
      const { type, data } = root.lookupType('walpb.Record').decode(record);
      const inside = { 1: 'etcdserverpb.Metadata', 2: 'raftpb.Entry', 3: 'raftpb.HardState', 5: 'walpb.Snapshot' };
      if (inside[type]) caughtMessage(inside[type], data);
      if (Number(type) !== 2) continue;
      const entry = root.lookupType('raftpb.Entry').decode(data);
      if (entry.Data.length === 0) continue;
      caughtMessage(entry.Type === 0 ? requestIn(entry.Data) : 'raftpb.ConfChange', entry.Data);
    }
  }
}

/** The first entries of a log hold a bare request of the second API; it is known by not being one of the third. */
function requestIn(data) {
  try {
    root.lookupType('etcdserverpb.InternalRaftRequest').decode(data);
    return 'etcdserverpb.InternalRaftRequest';
  } catch {
    return 'etcdserverpb.Request';
  }
}

async function etcdctl(input, args, timeout = 10_000) {
  const running = promisify(execFile)(join(bin, 'etcdctl'), args, {
    timeout,
    env: { ...process.env, ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: `127.0.0.1:${proxyPort}` },
  });
  running.child.stdin.end(input);
  return running.then(
    ({ stdout }) => stdout,
    (error) => {
      if (args[0] === 'watch') return '';
      throw error;
    },
  );
}

/** A service that hands every call on to etcd, byte for byte, and keeps a copy. */
function passedOn(service) {
  const definition = {};
  const handlers = {};
  for (const { name } of service.methodsArray) {
    const method = methodOf(service, name);
    const copy = (type) => (bytes) => {
      caughtMessage(type.fullName.slice(1), bytes);
      return bytes;
    };
    definition[name] = {
      path: method.path,
      requestStream: true,
      responseStream: true,
      requestSerialize: (bytes) => bytes,
      requestDeserialize: copy(method.requestType),
      responseSerialize: (bytes) => bytes,
      responseDeserialize: (bytes) => bytes,
    };
    handlers[name] = (call) => {
      const metadata = new grpc.Metadata();
      for (const key of ['token', 'authorization'])
        for (const value of call.metadata.get(key)) metadata.set(key, value);
      const onward = upstream.makeBidiStreamRequest(method.path, (x) => x, copy(method.responseType), metadata);
      call.on('data', (bytes) => onward.write(bytes));
      call.on('end', () => onward.end());
      call.on('cancelled', () => onward.cancel());
      onward.on('data', (bytes) => call.write(bytes));
      onward.on('end', () => call.end());
      onward.on('error', (error) => call.emit('error', { code: error.code, details: error.details }));
    };
  }
  return [definition, handlers];
}

function methodOf(service, name) {
  const { requestType, responseType } = service.methods[name];
  return {
    path: `/${service.fullName.slice(1)}/${name}`,
    requestType: service.parent.lookupType(requestType),
    responseType: service.parent.lookupType(responseType),
  };
}

function servicesIn(namespace) {
  return namespace.nestedArray.flatMap((nested) => [
    ...(nested instanceof protobuf.Service ? [nested] : []),
    ...(nested instanceof protobuf.Namespace ? servicesIn(nested) : []),
  ]);
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
