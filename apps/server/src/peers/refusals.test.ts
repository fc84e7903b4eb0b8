import { once } from 'node:events';
import { type IncomingHttpHeaders, type RequestOptions, request } from 'node:http';
import { raft } from '@kontiki/proto';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeMessage } from './codec.js';
import { framed } from './message-stream.js';
import { introduce, LoopbackMember, until } from './testing/loopback.js';
import type { PeerTransportOptions } from './transport.js';

const running: LoopbackMember[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((member) => member.stop()));
});

async function start(id: bigint, options: Partial<PeerTransportOptions> = {}): Promise<LoopbackMember> {
  const member = await LoopbackMember.start(id, options);
  running.push(member);
  return member;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const GOOD = {
  'X-Server-From': '2',
  'X-Server-Version': '3.5.30',
  'X-Min-Cluster-Version': '3.0.0',
  'X-Etcd-Cluster-ID': 'c1',
  'X-Raft-To': '1',
};

/** Asks member 1; of an answer without end the first bytes. */
async function ask(
  member: LoopbackMember,
  path: string,
  { headers = {}, body, ...options }: RequestOptions & { body?: Uint8Array } = {},
): Promise<Answer> {
  const sent = request(`${member.url}${path}`, { agent: false, headers: { ...GOOD, ...headers }, ...options });
  sent.end(body);
  const [response] = await once(sent, 'response');
  const chunks: Buffer[] = [];
  const answer = (): Answer => ({
    status: response.statusCode,
    headers: response.headers,
    body: Buffer.concat(chunks).toString(),
  });
  response.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (response.statusCode === 200 && path.startsWith('/raft/stream/')) {
    sent.on('error', () => {});
    sent.destroy();
    return answer();
  }
  await once(response, 'end');
  return answer();
}

const post = (body: Uint8Array, headers: RequestOptions['headers'] = {}): RequestOptions & { body: Uint8Array } => ({
  method: 'POST',
  body,
  headers,
});
const heartbeat = encodeMessage({
  type: 'heartbeat',
  from: 2n,
  to: 1n,
  term: 3,
  commit: 0,
  context: new Uint8Array(0),
});

describe('a stream', () => {
  const one = async (): Promise<LoopbackMember> => {
    const member = await start(1n);
    member.transport.addPeer(2n, ['http://127.0.0.1:1']);
    member.removed.add(3n);
    return member;
  };

  it.each<[string, string, RequestOptions, number, string]>([
    ['another cluster', '/message/2', { headers: { 'X-Etcd-Cluster-ID': 'c2' } }, 412, 'cluster ID mismatch\n'],
    ['an old version', '/message/2', { headers: { 'X-Server-Version': '2.3.0' } }, 412, 'incompatible version\n'],
    [
      'too new a cluster',
      '/msgapp/2',
      { headers: { 'X-Min-Cluster-Version': '9.0.0' } },
      412,
      'incompatible version\n',
    ],
    ['who was removed', '/message/3', {}, 410, 'removed member\n'],
    ['who is unknown', '/message/4', {}, 404, 'error sender not found\n'],
    ['who means another', '/message/2', { headers: { 'X-Raft-To': '9' } }, 412, 'to field mismatch\n'],
    ['no id', '/message/xyz', {}, 404, 'invalid from\n'],
    ['another kind', '/snapshots/2', {}, 404, 'invalid path\n'],
    ['another method', '/message/2', { method: 'POST' }, 405, 'Method Not Allowed\n'],
  ])('is refused to %s', async (_, path, options, status, body) => {
    const member = await one();
    const answer = await ask(member, `/raft/stream${path}`, options);
    expect(answer).toMatchObject({
      status,
      body,
      headers: { 'x-etcd-cluster-id': 'c1', 'x-server-version': '3.6.14', 'content-type': 'text/plain; charset=utf-8' },
    });
  });

  it('is given to a member', async () => {
    const answer = await ask(await one(), '/raft/stream/message/2');
    expect(answer).toMatchObject({ status: 200, headers: { 'x-etcd-cluster-id': 'c1', 'x-server-version': '3.6.14' } });
  });
});

describe('a message', () => {
  it.each<[string, Uint8Array, RequestOptions['headers'], number, string]>([
    ['of another cluster', heartbeat, { 'X-Etcd-Cluster-ID': 'c2' }, 412, 'cluster ID mismatch\n'],
    ['of an old version', heartbeat, { 'X-Server-Version': '2.3.0' }, 412, 'incompatible version\n'],
    [
      'for another',
      encodeMessage({ type: 'timeoutNow', from: 2n, to: 5n, term: 3 }),
      {},
      403,
      '{"message":"cannot process message to mismatch member"}',
    ],
    [
      'of who was removed',
      encodeMessage({ type: 'timeoutNow', from: 3n, to: 1n, term: 3 }),
      {},
      403,
      '{"message":"cannot process message from removed member"}',
    ],
    ['that is none', Uint8Array.of(255, 255), {}, 400, 'error unmarshalling raft message\n'],
  ])('%s never reaches raft', async (_, body, headers, status, words) => {
    const member = await start(1n);
    member.removed.add(3n);
    const answer = await ask(member, '/raft', post(body, headers));
    expect(answer).toMatchObject({ status, body: words, headers: { 'x-etcd-cluster-id': 'c1' } });
    expect(member.received).toEqual([]);
  });

  it('does, when all is well', async () => {
    const member = await start(1n);
    expect(await ask(member, '/raft', post(heartbeat))).toMatchObject({ status: 204, body: '' });
    expect(member.received.map(({ type }) => type)).toEqual(['heartbeat']);
  });

  it('of a kind not known yet is passed over', async () => {
    const member = await start(1n);
    const bytes = raft.Message.encode(raft.Message.fromPartial({ type: 99 as 0, from: 2n, to: 1n, term: 1 })).finish();
    expect(await ask(member, '/raft', post(bytes))).toMatchObject({ status: 204 });
    expect(member.received).toEqual([]);
  });

  it('that is too long ends its connection', async () => {
    const member = await start(1n, { limits: { frameBytes: 100 } });
    const context = new Uint8Array(1_000_000);
    const long = encodeMessage({ type: 'heartbeat', from: 2n, to: 1n, term: 3, commit: 0, context });
    await expect(ask(member, '/raft', post(long))).resolves.toMatchObject({ status: 400 });
    expect(member.received).toEqual([]);
    expect(await ask(member, '/raft', post(heartbeat))).toMatchObject({ status: 204 });
  });

  it('that does not come is not waited for', async () => {
    const member = await start(1n, { limits: { readMs: 30 } });
    const sent = request(`${member.url}/raft`, {
      method: 'POST',
      agent: false,
      headers: { ...GOOD, 'Content-Length': 9 },
    });
    sent.write('123');
    const [error] = await once(sent, 'error');
    expect(error).toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('a snapshot', () => {
  it.each<[string, Uint8Array, RequestOptions['headers'], number]>([
    ['of another cluster', framed(heartbeat), { 'X-Etcd-Cluster-ID': 'c2' }, 412],
    ['that is another message', framed(heartbeat), {}, 400],
    ['without an end of its head', framed(heartbeat).subarray(0, 12), {}, 400],
    ['with a head that is too long', new Uint8Array(8).fill(1), {}, 400],
    ['with a hash that is none', framed(heartbeat), { 'X-Kontiki-Snapshot-Sha256': 'no' }, 400],
  ])('%s is refused', async (_, body, headers, status) => {
    const member = await start(1n);
    expect(await ask(member, '/raft/snapshot', post(body, headers))).toMatchObject({ status });
    expect(member.received).toEqual([]);
  });
});

describe('too many at once', () => {
  it.each([
    ['messages', '/raft', { postsIn: 2 }],
    ['snapshots', '/raft/snapshot', { snapshotsIn: 2 }],
  ])('%s are refused, until one of them is through', async (_, path, limits) => {
    const member = await start(1n, { limits });
    const open = Array.from({ length: 2 }, () => {
      const sent = request(`${member.url}${path}`, {
        method: 'POST',
        agent: false,
        headers: { ...GOOD, 'Content-Length': 99 },
      });
      sent.on('error', () => {});
      sent.write('12');
      return sent;
    });
    await until(() => member.sockets.size === 2);
    const good = path === '/raft' ? 204 : 400;
    const body = path === '/raft' ? heartbeat : framed(heartbeat);
    const status = async (): Promise<number> => (await ask(member, path, post(body))).status;
    // The two are being read once a third is refused.
    let last = await status();
    for (let i = 0; i < 100 && last !== 503; i++) last = await status();
    expect(last).toBe(503);
    for (const sent of open) sent.destroy();
    await until(() => member.sockets.size === 0);
    expect(await status()).toBe(good);
  });
});

it('who was removed is not answered by requests either', async () => {
  const member = await start(1n);
  member.removed.add(3n);
  for (const id of ['3', '4']) {
    await ask(member, '/raft', post(heartbeat, { 'X-Server-From': id, 'X-PeerURLs': 'http://127.0.0.1:1' }));
  }
  for (const to of [3n, 4n]) member.transport.send([{ type: 'timeoutNow', from: 1n, to, term: 1 }]);
  await until(() => member.unreachable.length > 0);
  expect(member.unreachable).toEqual([4n]);
});

describe('anything else', () => {
  it('under /raft is not there, and elsewhere is not ours', async () => {
    const member = await start(1n);
    expect(await ask(member, '/raft/other')).toMatchObject({ status: 404, body: '404 page not found\n' });
    expect(await ask(member, '/raft', { method: 'PUT' })).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    // The listener's own answer.
    expect(await ask(member, '/raftery')).toMatchObject({ status: 404, body: '' });
  });

  it('asking for the time is answered to anybody', async () => {
    const member = await start(1n);
    const { status, body } = await ask(member, '/raft/probing', { headers: { 'X-Etcd-Cluster-ID': 'c2' } });
    expect([status, body]).toEqual([200, expect.stringMatching(/^\{"OK":true,"Now":"\d{4}-.*Z"\}\n$/)]);
  });
});

it('a member that was removed learns it from the streams it asks for, once each time', async () => {
  const one = await start(1n);
  const two = await start(2n);
  two.removed.add(1n);
  introduce([one, two]);
  await until(() => one.removals > 0);
  expect(two.removals).toBe(0);
});

it('a member that was removed learns it from a message it sends', async () => {
  const one = await start(1n);
  const two = await start(2n);
  two.removed.add(1n);
  // What grants no stream: the address leads to somebody who does not know it.
  one.transport.addPeer(2n, [two.url]);
  one.transport.send([{ type: 'timeoutNow', from: 1n, to: 2n, term: 1 }]);
  await until(() => one.removals > 0);
  expect(two.received).toEqual([]);
});

it('a member of another cluster is told, and neither hears the other', async () => {
  const one = await start(1n);
  const two = await start(2n, { clusterId: 0xc2n });
  introduce([one, two]);
  one.transport.send([{ type: 'timeoutNow', from: 1n, to: 2n, term: 1 }]);
  await until(() => one.unreachable.length > 0);
  expect([two.received, one.removals, one.transport.activeSince(2n)]).toEqual([[], 0, undefined]);
});
