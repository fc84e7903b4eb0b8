import { type AddressInfo, createServer } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { rpc } from '@kontiki/proto';
import { silentLogger } from '@kontiki/std';
import { afterEach, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import type { RpcMetrics } from './interceptors.js';
import { createRpcServer } from './server.js';
import { type Service, service } from './service.js';
import { SlowCalls } from './slow-calls.js';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const step of cleanups.splice(0).reverse()) step();
});

interface Running {
  readonly client: grpc.Client;
  readonly clock: ManualClock;
  /** What was counted, in order. */
  readonly counted: string[];
  readonly logged: Readonly<Record<string, unknown>>[];
}

async function serve(services: readonly Service[], maxReceiveBytes = 1000): Promise<Running> {
  const counted: string[] = [];
  const logged: Readonly<Record<string, unknown>>[] = [];
  const clock = new ManualClock();
  const metrics: RpcMetrics = {
    started: () => {},
    received: () => {},
    sent: () => {},
    handled: (_, method, code) => counted.push(`${method.name} ended with ${code}`),
    clientRequest: () => {},
    streamFailed: (kind, method) => counted.push(`${kind} failed: ${method.name}`),
    receivedBytes: { add: (amount) => counted.push(`received ${amount}`) },
    sentBytes: { add: (amount) => counted.push(`sent ${amount}`) },
  };
  const server = createRpcServer({
    services,
    interceptors: [],
    metrics,
    slowCalls: new SlowCalls({
      thresholdMs: 300,
      clock,
      logger: { ...silentLogger, warn: (_, fields = {}) => logged.push(fields) },
    }),
    maxReceiveBytes,
    maxConcurrentStreams: 100,
    keepalive: undefined,
    minPingIntervalMs: 5000,
    clock,
    logger: silentLogger,
  });
  const listener = createServer((socket) => server.accept(socket));
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  cleanups.push(
    () => listener.close(),
    () => void server.drain(0),
    () => client.close(),
  );
  return { client, clock, counted, logged };
}

const same = (bytes: Buffer): Buffer => bytes;

function unary(client: grpc.Client, path: string, message: Uint8Array): Promise<{ code: number; body?: Buffer }> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, same, same, Buffer.from(message), (error, body) => {
      resolve(error === null ? { code: 0, body: body! } : { code: error.code });
    });
  });
}

/** Sends the messages and half-closes. */
function stream(client: grpc.Client, path: string, messages: readonly Uint8Array[]): Promise<number> {
  return new Promise((resolve) => {
    const call = client.makeBidiStreamRequest(path, same, same);
    call.on('error', () => {});
    call.on('status', ({ code }: grpc.StatusObject) => resolve(code));
    call.resume();
    for (const message of messages) call.write(Buffer.from(message));
    call.end();
  });
}

it('counts the bytes of messages, those it cannot read too, but not those it refuses to', async () => {
  const compact = service(rpc.KVDefinition, {
    compact: ({ revision }) => ({ header: { clusterId: 0n, memberId: 0n, revision, raftTerm: 0 } }),
  });
  const { client, counted } = await serve([compact]);
  const path = rpc.KVDefinition.methods.compact.path;
  expect((await unary(client, path, Uint8Array.of(0x08, 7))).code).toBe(0);
  expect((await unary(client, path, Uint8Array.of(0x0a, 0xff))).code).toBe(grpc.status.INTERNAL);
  expect((await unary(client, path, new Uint8Array(1001))).code).toBe(grpc.status.RESOURCE_EXHAUSTED);
  expect(counted).toEqual([
    'received 2',
    'sent 4',
    'Compact ended with 0',
    'received 2',
    `Compact ended with ${grpc.status.INTERNAL}`,
  ]);
});

it('counts a stream that breaks on a message, whichever way it went', async () => {
  const renew = rpc.LeaseDefinition.methods.leaseKeepAlive;
  const lease = service(rpc.LeaseDefinition, {
    async leaseKeepAlive(call) {
      for await (const { ID } of call.requests) {
        // 9 asks for an answer that cannot be encoded.
        call.write({ header: undefined, ID, TTL: ID === 9n ? ('nonsense' as never) : 5 });
      }
    },
  });
  const { client, counted } = await serve([lease]);
  const failures = (): string[] => counted.filter((line) => line.includes('failed'));
  expect(await stream(client, renew.path, [Uint8Array.of(0x08, 1)])).toBe(grpc.status.OK);
  expect(failures()).toEqual([]);
  expect(await stream(client, renew.path, [Uint8Array.of(0x08, 1), Uint8Array.of(0x0a, 0xff)])).toBe(
    grpc.status.INTERNAL,
  );
  expect(failures()).toEqual(['receive failed: LeaseKeepAlive']);
  expect(await stream(client, renew.path, [Uint8Array.of(0x08, 9)])).toBe(grpc.status.INTERNAL);
  expect(failures()).toEqual(['receive failed: LeaseKeepAlive', 'send failed: LeaseKeepAlive']);
});

it('tells of unary calls that took longer than the threshold, and of no others', async () => {
  const waits: (() => void)[] = [];
  const kv = service(rpc.KVDefinition, {
    async range({ key }) {
      await new Promise<void>((resolve) => waits.push(resolve));
      if (key.length > 1) throw new Error('no');
      return { header: undefined, kvs: [], more: false, count: 3 };
    },
  });
  const { client, clock, logged } = await serve([kv]);
  const call = async (key: string, tookMs: number): Promise<number> => {
    const message = rpc.RangeRequest.encode(rpc.RangeRequest.fromPartial({ key: Buffer.from(key) })).finish();
    const answer = unary(client, rpc.KVDefinition.methods.range.path, message);
    await expect.poll(() => waits.length, { interval: 1 }).toBe(1);
    await clock.advance(tookMs);
    waits.pop()!();
    return (await answer).code;
  };
  expect(await call('a', 300)).toBe(0);
  expect(logged).toEqual([]);
  expect(await call('a', 301)).toBe(0);
  expect(await call('bb', 5000)).toBe(grpc.status.UNKNOWN);
  const remote = expect.stringMatching(/^127\.0\.0\.1:\d+$/);
  expect(logged).toMatchObject([
    { remote, 'time spent': '301ms', 'response count': 3, 'request content': 'key:"a" ' },
    { remote, 'time spent': '5s', 'response count': 0, 'request content': 'key:"bb" ' },
  ]);
});
