import type { Message } from '@kontiki/raft';
import { concat, silentCounter } from '@kontiki/std';
import { expect, it } from 'vitest';
import { MessageDecoder, MessageEncoder } from './message-stream.js';
import { StreamWriter } from './stream-writer.js';
import { FakeResponse, type TestContext, testContext } from './testing/context.js';

const heartbeat = (commit: number): Message => ({
  type: 'heartbeat',
  from: 1n,
  to: 2n,
  term: 1,
  commit,
  context: new Uint8Array(0),
});
const large = (bytes: number): Message => ({
  type: 'propose',
  from: 1n,
  to: 2n,
  term: 0,
  entries: [{ kind: 'normal', data: new Uint8Array(bytes) }],
});

function writer(context: TestContext): { writer: StreamWriter<Message>; downs: string[] } {
  const downs: string[] = [];
  const traffic = {
    sentBytes: silentCounter,
    receivedBytes: silentCounter,
    sentFailures: silentCounter,
    receivedFailures: silentCounter,
  };
  const created = new StreamWriter<Message>(
    {
      kind: 'message',
      peer: 2n,
      traffic,
      createEncoder: () => new MessageEncoder(),
      onUp: () => {},
      onDown: (reason) => downs.push(reason),
    },
    context,
  );
  return { writer: created, downs };
}

function read(response: FakeResponse): (Message | undefined)[] {
  const found: (Message | undefined)[] = [];
  new MessageDecoder(2 ** 30).push(concat(response.written), (message) => found.push(message));
  return found;
}

const turn = (): Promise<void> => new Promise(setImmediate);

it('writes what is sent in one go in one piece', async () => {
  const { writer: one } = writer(testContext());
  const response = new FakeResponse();
  one.attach(response.asResponse);
  for (let i = 0; i < 100; i++) expect(one.send(heartbeat(i))).toBe(true);
  expect(response.written).toEqual([]);
  await turn();
  expect(response.written.length).toBe(1);
  expect(read(response)).toEqual(Array.from({ length: 100 }, (_, i) => heartbeat(i)));
});

it('writes a large message in pieces, each when there is room for it', async () => {
  const { writer: one } = writer(testContext());
  const response = new FakeResponse();
  one.attach(response.asResponse);
  response.full = true;
  one.send(large(200_000));
  one.send(heartbeat(1));
  for (let pieces = 1; pieces <= 4; pieces++) {
    await turn();
    expect(response.written.length).toBe(pieces);
    response.emit('drain');
  }
  await turn();
  expect(Math.max(...response.written.map(({ length }) => length))).toBe(64 * 1024);
  expect(read(response).map((message) => message?.type)).toEqual(['propose', 'heartbeat']);
});

it('says so when it takes no more: so many messages, so many bytes', async () => {
  const { writer: one } = writer(testContext({ streamMessages: 5, streamBytes: 10_000 }));
  expect(one.send(heartbeat(0))).toBe(false);
  const response = new FakeResponse();
  response.full = true;
  one.attach(response.asResponse);
  // The first is on its way; the socket has enough now.
  one.send(heartbeat(0));
  await turn();
  expect(Array.from({ length: 7 }, (_, i) => one.send(heartbeat(i)))).toEqual([
    ...[true, true, true, true, true],
    ...[false, false],
  ]);
  response.full = false;
  response.emit('drain');
  await turn();
  expect([one.send(large(9_000)), one.send(large(9_000)), one.send(heartbeat(1))]).toEqual([true, false, true]);
  await turn();
  // More than there is ever room for may go alone.
  expect([one.send(large(90_000)), one.send(heartbeat(1))]).toEqual([true, false]);
});

it('says that it is there when there is nothing to say, and only then', async () => {
  const context = testContext({ readMs: 3000 });
  const { writer: one } = writer(context);
  const response = new FakeResponse();
  one.attach(response.asResponse);
  await context.clock.advance(1000);
  expect(response.written).toEqual([new MessageEncoder().linkHeartbeat()]);
  for (let i = 0; i < 4; i++) {
    one.send(heartbeat(i));
    await context.clock.advance(1000);
  }
  expect(response.written.length).toBe(5);
  await context.clock.advance(2000);
  expect(response.written.length).toBe(7);
});

it('gives up a connection that takes nothing, not one that is slow', async () => {
  const context = testContext({ writeMs: 1000 });
  const { writer: one, downs } = writer(context);
  const response = new FakeResponse();
  response.full = true;
  one.attach(response.asResponse);
  one.send(large(1_000_000));
  for (let i = 0; i < 10; i++) {
    await context.clock.advance(900);
    response.emit('drain');
  }
  expect(downs).toEqual([]);
  await context.clock.advance(1000);
  expect(downs).toEqual(['the peer takes no bytes']);
  expect([response.destroyed, one.isUp, context.unreachable]).toEqual([true, false, [2n]]);
  expect(context.clock.pending).toBe(0);
});

it('forgets what waited for a connection that ended', async () => {
  const context = testContext();
  const { writer: one, downs } = writer(context);
  const older = new FakeResponse();
  older.full = true;
  one.attach(older.asResponse);
  one.send(heartbeat(1));
  await turn();
  one.send(heartbeat(2));
  const newer = new FakeResponse();
  one.attach(newer.asResponse);
  await turn();
  one.send(heartbeat(3));
  await turn();
  expect([read(older), read(newer), older.destroyed]).toEqual([[heartbeat(1)], [heartbeat(3)], true]);
  expect([downs, context.unreachable]).toEqual([['replaced by a newer connection'], [2n]]);
  // What the older one still has to say is nobody's business.
  older.emit('drain');
  older.emit('close');
  expect(one.isUp).toBe(true);
  one.detach('stopped');
  expect(context.clock.pending).toBe(0);
});
