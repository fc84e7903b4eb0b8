import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { AppendMessage, Message } from '@kontiki/raft';
import type { Clock, Timer } from '@kontiki/std';
import { systemClock } from '@kontiki/std/node';
import { afterEach, describe, expect, it } from 'vitest';
import { MessageEncoder } from './message-stream.js';
import { connected, introduce, LoopbackMember, until } from './testing/loopback.js';
import { Wire } from './testing/wire.js';
import type { PeerTransportOptions } from './transport.js';

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

async function start(id: bigint, options: Partial<PeerTransportOptions> = {}): Promise<LoopbackMember> {
  const member = await LoopbackMember.start(id, options);
  running.push(member);
  return member;
}

/** Two members and a wire each way. */
async function wired(
  options: Partial<PeerTransportOptions> = {},
): Promise<{ one: LoopbackMember; two: LoopbackMember; toOne: Wire; toTwo: Wire }> {
  const one = await start(1n, options);
  const two = await start(2n, options);
  const [toOne, toTwo] = [await Wire.start(one.url), await Wire.start(two.url)];
  running.push(toOne, toTwo);
  one.transport.addPeer(2n, [toTwo.url]);
  two.transport.addPeer(1n, [toOne.url]);
  await connected([one, two]);
  return { one, two, toOne, toTwo };
}

const heartbeat = (commit: number): Message => ({
  type: 'heartbeat',
  from: 1n,
  to: 2n,
  term: 1,
  commit,
  context: new Uint8Array(0),
});
const append = (prevIndex: number, bytes: number): AppendMessage => ({
  type: 'append',
  from: 1n,
  to: 2n,
  term: 1,
  prevIndex,
  prevTerm: 1,
  entries: [{ index: prevIndex + 1, term: 1, kind: 'normal', data: new Uint8Array(bytes) }],
  commit: 0,
});
const propose = (id: number): Message => ({
  type: 'propose',
  from: 1n,
  to: 2n,
  term: 0,
  entries: [{ kind: 'normal', data: Uint8Array.of(id >> 8, id & 255) }],
});
const commits = (member: LoopbackMember): number[] =>
  member.received.flatMap((message) => (message.type === 'heartbeat' ? [message.commit] : []));

it('keeps the order of a stream', async () => {
  const { one, two } = await wired();
  for (let turn = 0; turn < 50; turn++) {
    one.transport.send(Array.from({ length: 20 }, (_, i) => heartbeat(turn * 20 + i)));
    one.transport.send([append(turn, 3000)]);
    if (turn % 7 === 0) await new Promise(setImmediate);
  }
  await until(() => two.received.length === 1050);
  expect(commits(two)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  const indexes = two.received.flatMap((message) => (message.type === 'append' ? [message.prevIndex] : []));
  expect(indexes).toEqual(Array.from({ length: 50 }, (_, i) => i));
});

it('comes back after every cut, and sends no proposal twice', async () => {
  const { one, two, toOne, toTwo } = await wired({ limits: { retryMs: 5, retryMaxMs: 10 } });
  let sent = 0;
  for (let round = 0; round < 12; round++) {
    for (let i = 0; i < 40; i++) {
      one.transport.send([propose(sent++)]);
      if (i === 20) (round % 2 === 0 ? toOne : toTwo).cut();
      if (i % 9 === 0) await new Promise(setImmediate);
    }
    await new Promise((resolve) => setTimeout(resolve, round % 3 === 0 ? 20 : 1));
  }
  await connected([one, two]);
  one.transport.send([heartbeat(7)]);
  await until(() => commits(two).includes(7));
  const ids = two.received.flatMap((message) =>
    message.type === 'propose' ? message.entries.map(({ data }) => data[0]! * 256 + data[1]!) : [],
  );
  expect(ids.length).toBeGreaterThan(0);
  expect(ids.length).toBe(new Set(ids).size);
});

it('finds out that the other side is gone without a word, and comes back when it does', async () => {
  const { one, two, toOne, toTwo } = await wired({ limits: { dialMs: 200, readMs: 120, retryMs: 5, retryMaxMs: 10 } });
  toOne.frozen = true;
  toTwo.frozen = true;
  await until(() => one.transport.activeSince(2n) === undefined && two.transport.activeSince(1n) === undefined);
  // What is sent now goes nowhere, and that is said.
  one.transport.send([heartbeat(1)]);
  await until(() => one.unreachable.length > 0);
  toOne.frozen = false;
  toTwo.frozen = false;
  // Whatever still hangs in the wires is gone.
  toOne.cut();
  toTwo.cut();
  await connected([one, two]);
  one.transport.send([heartbeat(2)]);
  await until(() => commits(two).includes(2));
});

it('says so, once, when the process of the other side has ended, and not when only the network cut', async () => {
  const one = await start(1n);
  const two = await LoopbackMember.start(2n);
  one.transport.addPeer(2n, [two.url]);
  two.transport.addPeer(1n, [one.url]);
  await connected([one, two]);
  two.cut();
  one.cut();
  await until(() => one.transport.activeSince(2n) === undefined);
  await connected([one, two]);
  expect(one.gone).toEqual([]);
  await two.stop();
  await until(() => one.gone.length > 0);
  const port = Number(new URL(two.url).port);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const again = await LoopbackMember.start(2n, {}, port);
  running.push(again);
  again.transport.addPeer(1n, [one.url]);
  await connected([one, again]);
  expect(one.gone).toEqual([2n]);
});

it('keeps an idle stream alive', async () => {
  const { one, two } = await wired({ limits: { readMs: 60 } });
  const since = [one.transport.activeSince(2n), two.transport.activeSince(1n)];
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect([one.transport.activeSince(2n), two.transport.activeSince(1n)]).toEqual(since);
  expect([one.received, two.received]).toEqual([[], []]);
});

describe('a peer that does not read', () => {
  const GOOD = {
    'X-Server-From': '2',
    'X-Server-Version': '3.5.30',
    'X-Min-Cluster-Version': '3.0.0',
    'X-Etcd-Cluster-ID': 'c1',
    'X-Raft-To': '1',
  };

  /** Opens a stream as member 2 and never reads it. */
  async function deaf(member: LoopbackMember, kind: 'message' | 'msgapp'): Promise<() => Promise<void>> {
    const { port } = new URL(member.url);
    const socket = connect(Number(port), '127.0.0.1');
    await once(socket, 'connect');
    socket.pause();
    const lines = Object.entries({ Host: 'x', ...GOOD }).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET /raft/stream/${kind}/2 HTTP/1.1\r\n${lines.join('')}\r\n`);
    const gone = new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.on('error', () => {});
    });
    running.push({
      stop: async () => {
        socket.destroy();
      },
    });
    return () => {
      socket.resume();
      return gone;
    };
  }

  it('costs a bounded queue, is reported, and loses its connection in the end', async () => {
    const one = await start(1n, { limits: { writeMs: 200, streamMessages: 50, streamBytes: 2 ** 20 } });
    one.transport.addPeer(2n, ['http://127.0.0.1:1']);
    const gone = await deaf(one, 'msgapp');
    await until(() => one.sockets.size > 0);
    // The stream stands once an append does not go the other way, which leads nowhere.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = process.memoryUsage().arrayBuffers;
    const data = append(0, 512 * 1024);
    for (let i = 0; i < 400; i++) {
      one.transport.send([data]);
      if (i % 10 === 0) await new Promise(setImmediate);
    }
    expect(one.unreachable.length).toBeGreaterThan(300);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 2 ** 20);
    await until(() => one.sockets.size === 0, 'the end of the connection');
    await gone();
  });

  it('on one stream does not hold up the other', async () => {
    const one = await start(1n);
    const two = await start(2n);
    introduce([one, two]);
    await connected([one, two]);
    await deaf(one, 'msgapp');
    await until(() => one.sockets.size >= 3);
    for (let i = 0; i < 100; i++) one.transport.send([append(i, 100_000), heartbeat(i)]);
    await until(() => commits(two).length === 100);
  });
});

it('lets a newer connection of a kind replace the older', async () => {
  const one = await start(1n);
  one.transport.addPeer(2n, ['http://127.0.0.1:1']);
  const open = async (): Promise<{ ended: () => boolean; bytes: () => number }> => {
    const sent = request(`${one.url}/raft/stream/message/2`, {
      agent: false,
      headers: {
        'X-Server-Version': '3.5.30',
        'X-Min-Cluster-Version': '3.0.0',
        'X-Etcd-Cluster-ID': 'c1',
        'X-Raft-To': '1',
      },
    });
    sent.on('error', () => {});
    sent.end();
    const [response] = await once(sent, 'response');
    let [bytes, ended] = [0, false];
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    response.on('error', () => {});
    response.once('close', () => {
      ended = true;
    });
    running.push({ stop: async () => void sent.destroy() });
    return { ended: () => ended, bytes: () => bytes };
  };
  const older = await open();
  const newer = await open();
  await until(older.ended);
  one.transport.send([heartbeat(1)]);
  await until(() => newer.bytes() > 0);
  expect([older.bytes(), newer.ended()]).toEqual([0, false]);
});

it('ends a stream that sends what is no frame, asks again, and lives', async () => {
  let asked = 0;
  const rogue = createServer((_request, response) => {
    asked++;
    response.writeHead(200, { 'X-Etcd-Cluster-ID': 'c1', 'X-Server-Version': '3.6.14' });
    response.write(Buffer.alloc(64, asked));
  });
  rogue.listen(0, '127.0.0.1');
  await once(rogue, 'listening');
  running.push({
    stop: async () => {
      rogue.close();
      rogue.closeAllConnections();
    },
  });
  const one = await start(1n, { limits: { retryMs: 5, retryMaxMs: 10 } });
  one.transport.addPeer(2n, [`http://127.0.0.1:${(rogue.address() as AddressInfo).port}`]);
  await until(() => asked > 6);
  expect(one.received).toEqual([]);
});

it('takes no stream of what is no member of the cluster, and no word that it was removed', async () => {
  let asked = 0;
  const other = createServer((request, response) => {
    asked++;
    const message = request.url?.includes('message') === true;
    response.writeHead(message ? 200 : 410);
    response.end(message ? new MessageEncoder().encode({ type: 'timeoutNow', from: 2n, to: 1n, term: 1 }) : 'removed');
  });
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  running.push({
    stop: async () => {
      other.close();
      other.closeAllConnections();
    },
  });
  const one = await start(1n, { limits: { retryMs: 5, retryMaxMs: 10 } });
  one.transport.addPeer(2n, [`http://127.0.0.1:${(other.address() as AddressInfo).port}`]);
  await until(() => asked > 6);
  expect([one.removals, one.received]).toEqual([0, []]);
});

it('does not believe one peer that speaks in the name of another', async () => {
  const { one, two } = await wired();
  one.transport.send([{ ...heartbeat(1), from: 3n }, { ...propose(1), from: 3n }, heartbeat(2)]);
  await until(() => commits(two).length > 0 && two.received.length >= 2);
  expect(two.received.map(({ type, from }) => [type, from])).toEqual([
    ['propose', 3n],
    ['heartbeat', 1n],
  ]);
});

it('tries the next address when one does not answer', async () => {
  const one = await start(1n, { limits: { retryMs: 5, retryMaxMs: 10 } });
  const two = await start(2n, { limits: { retryMs: 5, retryMaxMs: 10 } });
  one.transport.addPeer(2n, ['http://127.0.0.1:1', 'nonsense', two.url]);
  two.transport.addPeer(1n, [one.url]);
  await connected([one, two]);
});

it('asks a peer that shows life at once, however long it was gone', async () => {
  const two = await start(2n);
  const { port } = new URL(two.url);
  await two.stop();
  const one = await start(1n, { limits: { retryMs: 600_000, retryMaxMs: 600_000 } });
  one.transport.addPeer(2n, [two.url]);
  one.transport.send([heartbeat(1)]);
  // Nobody is there; by now the streams have found that out, too.
  await until(() => one.unreachable.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const again = await LoopbackMember.start(2n, {}, Number(port));
  running.push(again);
  again.transport.addPeer(1n, [one.url]);
  await connected([one, again]);
});

it('bounds what waits for a peer without streams', async () => {
  const two = await start(2n);
  const wire = await Wire.start(two.url);
  running.push(wire);
  wire.frozen = true;
  const one = await start(1n, { limits: { pipelineMessages: 10 } });
  one.transport.addPeer(2n, [wire.url]);
  one.transport.send(Array.from({ length: 100 }, (_, i) => heartbeat(i)));
  // Two are under way.
  expect(one.unreachable.length).toBe(88);
  const large = Array.from({ length: 5 }, (_, i) => append(i, 6 * 2 ** 20));
  one.transport.send(large);
  // One is under way, two have room to wait.
  expect(one.unreachable.length).toBe(90);
});

it('follows a peer to its new address', async () => {
  const one = await start(1n);
  const two = await start(2n);
  two.transport.addPeer(1n, [one.url]);
  one.transport.addPeer(2n, ['http://127.0.0.1:1']);
  one.transport.updatePeer(2n, [two.url]);
  await connected([one, two]);
});

it('answers a member it was not told of', async () => {
  const leader = await start(1n);
  const behind = await start(2n);
  // It joined, and leads, while the other one was away.
  leader.transport.addPeer(2n, [behind.url]);
  leader.transport.send([append(0, 10)]);
  await until(() => behind.received.length > 0);
  behind.transport.send([
    { type: 'appendReply', from: 2n, to: 1n, term: 1, index: 1, reject: false, hintIndex: 0, hintTerm: 0 },
  ]);
  await until(() => leader.received.length > 0);
  expect(leader.received[0]).toMatchObject({ type: 'appendReply', from: 2n });
  // Told of it, it gets streams like any other.
  behind.transport.addPeer(1n, [leader.url]);
  await connected([leader, behind]);
});

it('knows a bounded number of strangers', async () => {
  const one = await start(1n, { limits: { strangers: 3 } });
  for (let id = 10; id < 30; id++) {
    const sent = request(`${one.url}/raft/stream/message/${id.toString(16)}`, {
      agent: false,
      headers: {
        'X-Server-From': id.toString(16),
        'X-PeerURLs': 'http://127.0.0.1:1',
        'X-Etcd-Cluster-ID': 'c1',
        'X-Server-Version': '3.5.30',
        'X-Min-Cluster-Version': '3.0.0',
        'X-Raft-To': '1',
      },
    });
    sent.end();
    const [response] = await once(sent, 'response');
    response.resume();
  }
  for (let id = 10n; id < 30n; id++) one.transport.send([{ type: 'timeoutNow', from: 1n, to: id, term: 1 }]);
  await until(() => one.unreachable.length >= 3);
  expect(one.unreachable.toSorted()).toEqual([27n, 28n, 29n]);
});

it('has nothing to do with a peer that was removed', async () => {
  const { one, two, toOne, toTwo } = await wired();
  one.removed.add(2n);
  one.transport.removePeer(2n);
  await until(() => two.removals > 0);
  two.transport.removePeer(1n);
  await until(() => toOne.connections === 0 && toTwo.connections === 0);
  one.transport.send([heartbeat(1)]);
  expect(one.transport.activeSince(2n)).toBeUndefined();
});

it('leaves no timer and no connection behind', async () => {
  const timers = new Set<object>();
  const counted = (start: (callback: () => void) => Timer, once: boolean, callback: () => void): Timer => {
    const key = {};
    timers.add(key);
    const timer = start(() => {
      if (once) timers.delete(key);
      callback();
    });
    return {
      cancel: () => {
        timers.delete(key);
        timer.cancel();
      },
    };
  };
  const clock: Clock = {
    now: () => systemClock.now(),
    monotonic: () => systemClock.monotonic(),
    after: (delayMs, callback) => counted((run) => systemClock.after(delayMs, run), true, callback),
    every: (periodMs, callback) => counted((run) => systemClock.every(periodMs, run), false, callback),
  };
  const { one, two, toOne, toTwo } = await wired({ clock, limits: { readMs: 50 } });
  one.transport.addPeer(3n, ['http://127.0.0.1:1']);
  one.transport.send([append(0, 100_000), heartbeat(1), { ...heartbeat(2), to: 3n }]);
  // Probes are under way, too.
  await new Promise((resolve) => setTimeout(resolve, 100));
  await Promise.all([one.transport.stop(), two.transport.stop()]);
  await until(() => toOne.connections === 0 && toTwo.connections === 0);
  expect(timers.size).toBe(0);
  one.transport.send([heartbeat(3)]);
  one.transport.addPeer(4n, ['http://127.0.0.1:1']);
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect([timers.size, toTwo.connections]).toEqual([0, 0]);
  await one.transport.stop();
});
