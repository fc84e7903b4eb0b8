import { EventEmitter } from 'node:events';
import type { ClientRequest, RequestOptions } from 'node:http';
import { silentCounter } from '@kontiki/std';
import { expect, it } from 'vitest';
import { type Dialer, peerUrls, plainDialer, UrlPicker } from './dial.js';
import { MessageDecoder, MessageEncoder } from './message-stream.js';
import { StreamReader } from './stream-reader.js';
import { type TestContext, testContext } from './testing/context.js';

/** A request whose fate the test decides. */
class FakeRequest extends EventEmitter {
  readonly options: RequestOptions;
  readonly socket = Object.assign(new EventEmitter(), { connecting: true, setNoDelay: () => {} });
  readonly response = Object.assign(new EventEmitter(), {
    statusCode: 200,
    headers: { 'x-etcd-cluster-id': 'c1' } as Record<string, string>,
    setEncoding: () => {},
  });
  destroyed = false;

  constructor(options: RequestOptions) {
    super();
    this.options = options;
  }

  connect(): void {
    this.emit('socket', this.socket);
    this.socket.emit('connect');
  }

  answer(statusCode: number, headers: Record<string, string> = { 'x-etcd-cluster-id': 'c1' }): void {
    this.response.statusCode = statusCode;
    this.response.headers = headers;
    this.emit('response', this.response);
  }

  end(): void {}

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }
}

function setUp(urls: readonly string[] = ['http://a:1', 'http://b:2'], limits = {}) {
  const base = testContext(limits);
  const requests: FakeRequest[] = [];
  const dialer: Dialer = {
    ...plainDialer,
    request(options) {
      const request = new FakeRequest(options);
      requests.push(request);
      return request as unknown as ClientRequest;
    },
  };
  const context: TestContext = { ...base, dialer };
  const news: string[] = [];
  const reader = new StreamReader(
    {
      kind: 'message',
      peer: 2n,
      picker: new UrlPicker(peerUrls(urls)),
      traffic: {
        sentBytes: silentCounter,
        receivedBytes: silentCounter,
        sentFailures: silentCounter,
        receivedFailures: silentCounter,
      },
      createDecoder: () => new MessageDecoder(1000),
      onUp: () => news.push('up'),
      onDown: (reason, silent) => news.push(silent ? `silent: ${reason}` : reason),
    },
    context,
  );
  return { reader, requests, news, context, clock: context.clock };
}

it('asks for the stream in the name of this member', () => {
  const { reader, requests } = setUp();
  reader.wake();
  expect(requests[0]!.options).toEqual({
    protocol: 'http:',
    hostname: 'a',
    port: 1,
    path: '/raft/stream/message/1',
    agent: false,
    headers: {
      'X-Server-From': '1',
      'X-Server-Version': '3.6.14',
      'X-Min-Cluster-Version': '3.0.0',
      'X-Etcd-Cluster-ID': 'c1',
      'X-PeerURLs': 'http://127.0.0.1:2380',
      'X-Raft-To': '2',
    },
  });
});

it('asks again, at every address, ever more rarely, and at once when the peer shows life', async () => {
  const { reader, requests, clock } = setUp();
  reader.wake();
  const askedMs: number[] = [];
  for (let i = 0; i < 8; i++) {
    askedMs.push(clock.monotonic());
    requests.at(-1)!.emit('error', new Error('refused'));
    while (requests.length === askedMs.length) await clock.advance(1);
  }
  const pausesMs = askedMs.slice(1).map((ms, i) => ms - askedMs[i]!);
  pausesMs.forEach((ms, i) => {
    const longest = Math.min(100 * 2 ** i, 1000);
    expect(ms).toBeGreaterThanOrEqual(longest / 2);
    expect(ms).toBeLessThanOrEqual(longest);
  });
  expect(requests.map(({ options }) => options.hostname)).toEqual(['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b', 'a']);
  requests.at(-1)!.emit('error', new Error('refused'));
  reader.wake();
  expect(requests.length).toBe(10);
  // One at a time.
  reader.wake();
  expect(requests.length).toBe(10);
  reader.stop();
  expect([requests.at(-1)!.destroyed, clock.pending]).toEqual([true, 0]);
});

it('gives up a dial that takes too long, and an answer that does not come', async () => {
  const { reader, requests, news, clock } = setUp(['http://a:1'], { dialMs: 2000, readMs: 5000 });
  reader.wake();
  await clock.advance(2000);
  expect([requests[0]!.destroyed, news]).toEqual([true, ['dialling took too long']]);
  await clock.advance(100);
  requests[1]!.connect();
  await clock.advance(4999);
  expect(requests[1]!.destroyed).toBe(false);
  await clock.advance(1);
  expect([requests[1]!.destroyed, news[1]]).toEqual([true, 'silent: no byte for too long']);
  reader.stop();
});

it('reads until nothing comes for too long', async () => {
  const { reader, requests, news, clock, context } = setUp(['http://a:1'], { readMs: 5000 });
  reader.wake();
  const [request] = requests as [FakeRequest];
  request.connect();
  request.answer(200);
  const encoder = new MessageEncoder();
  for (let i = 0; i < 4; i++) {
    await clock.advance(4000);
    request.response.emit('data', encoder.linkHeartbeat());
  }
  request.response.emit('data', encoder.encode({ type: 'timeoutNow', from: 2n, to: 1n, term: 3 }));
  expect([news, context.received.length]).toEqual([['up'], 1]);
  await clock.advance(5000);
  expect([news, request.destroyed]).toEqual([['up', 'silent: no byte for too long'], true]);
  // Late bytes of a stream that was given up are not heard.
  request.response.emit('data', encoder.encode({ type: 'timeoutNow', from: 2n, to: 1n, term: 3 }));
  expect(context.received.length).toBe(1);
  reader.stop();
});

it.each([
  [404, 'error sender not found', 'status 404, error sender not found'],
  [412, 'cluster ID mismatch\n', 'cluster ID mismatch: it is in c1'],
  [410, 'removed member\n', 'this member was removed'],
])('takes %i for a refusal and asks again', async (status, body, reason) => {
  const { reader, requests, news, clock } = setUp();
  reader.wake();
  const [request] = requests as [FakeRequest];
  request.connect();
  request.answer(status);
  request.response.emit('data', body);
  request.response.emit('end');
  expect(news).toEqual([reason]);
  await clock.advance(100);
  expect(requests.length).toBe(2);
  reader.stop();
  expect(clock.pending).toBe(0);
});

it('without an address waits for one', async () => {
  const { reader, requests, clock } = setUp([]);
  reader.wake();
  await clock.advance(5000);
  expect(requests).toEqual([]);
  reader.stop();
  expect(clock.pending).toBe(0);
});
