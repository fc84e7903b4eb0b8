/** Real sockets: what only they show. */

import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import * as tls from 'node:tls';
import { gzipSync } from 'node:zlib';
import { systemClock } from '@kontiki/std/node';
import { afterEach, describe, expect, it } from 'vitest';
import { Flag, FrameType, PREFACE, Setting } from '../src/frame.js';
import { GrpcServer, GrpcServerError, type Method, type UnaryCall } from '../src/index.js';
import {
  call,
  cut,
  data,
  type Frame,
  frame,
  headers,
  describe as lines,
  message,
  request,
  settings,
  windowUpdate,
} from './raw.js';
import { type Serving, serve, unary } from './support.js';

const ECHO = '/t.T/Echo';
const echo: Record<string, Method> = { [ECHO]: unary((each) => each.respond(each.message)) };
const HELLO = Buffer.concat([PREFACE, settings(), frame(FrameType.Settings, Flag.Ack, 0)]);

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function serving(methods: Record<string, Method>, options: Parameters<typeof serve>[1] = {}): Promise<Serving> {
  const one = await serve(methods, options);
  open.push(() => one.close());
  return one;
}

/** A client of bytes. */
class Raw {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Of what is held, how much makes a frame whole. */
  #wanted = 9;

  constructor(port: number) {
    // A client that closes its side only when it wants to.
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.socket.on('error', () => {});
    open.push(() => this.socket.destroy());
  }

  async until(done: (frames: Frame[]) => boolean): Promise<Frame[]> {
    const endMs = performance.now() + 20_000;
    while (!done(this.frames)) {
      if (performance.now() > endMs) {
        throw new Error(`not in time, after ${this.frames.length} frames: ${lines(this.frames.slice(-20)).join(', ')}`);
      }
      await wait(5);
    }
    return this.frames;
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#wanted) return;
    const bytes = Buffer.concat(this.#chunks);
    let at = 0;
    for (;;) {
      this.#wanted = bytes.length - at < 9 ? 9 : 9 + bytes.readUIntBE(at, 3);
      if (bytes.length - at < this.#wanted) break;
      this.frames.push(...cut(bytes.subarray(at, at + this.#wanted)));
      at += this.#wanted;
    }
    this.#chunks = [bytes.subarray(at)];
    this.#bytes = bytes.length - at;
  }
}

const ended =
  (id: number) =>
  (frames: Frame[]): boolean =>
    frames.some((each) => each.id === id && each.type === FrameType.Headers && (each.flags & 1) !== 0);
const goneAway = (frames: Frame[]): boolean => frames.some(({ type }) => type === FrameType.GoAway);

it('takes over a socket of which some was read', async () => {
  const server = new GrpcServer({
    methods: new Map(Object.entries(echo)),
    unknownPath: () => ({ code: 12, details: '' }),
    clock: systemClock,
  });
  const listener = createServer((socket) => {
    socket.once('data', (chunk: Buffer) => {
      socket.pause();
      socket.removeAllListeners('data');
      server.accept(socket, chunk);
    });
  });
  open.push(
    () => listener.close(),
    () => server.drain(0),
  );
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const client = new Raw((listener.address() as { port: number }).port);
  client.socket.write(HELLO);
  client.socket.write(call(1, ECHO));
  await client.until(ended(1));
});

it('serves over TLS and over a unix socket', async () => {
  let peer: string | undefined;
  const server = new GrpcServer({
    methods: new Map([
      [
        ECHO,
        unary((each) => {
          peer = each.peer;
          each.respond(each.message);
        }),
      ],
    ]),
    unknownPath: () => ({ code: 12, details: '' }),
    clock: systemClock,
  });
  const folder = mkdtempSync(join(tmpdir(), 'grpc-'));
  const unix = createServer((socket) => server.accept(socket));
  const secure = tls.createServer({ key: KEY, cert: CERTIFICATE, ALPNProtocols: ['h2'] }, (socket) =>
    server.accept(socket),
  );
  open.push(
    () => rmSync(folder, { recursive: true }),
    () => unix.close(),
    () => secure.close(),
    () => server.drain(0),
  );
  await new Promise<void>((resolve) => unix.listen(join(folder, 's'), resolve));
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
  const { port } = secure.address() as { port: number };
  const large = Buffer.alloc(3_000_000, 'x');
  for (const session of [
    connectHttp2('http://unix', { createConnection: () => connect(join(folder, 's')) }),
    connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false }),
  ]) {
    open.push(() => session.destroy());
    for (const text of ['small', large]) {
      const stream = session.request({
        ':method': 'POST',
        ':path': ECHO,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.end(message(text));
      await new Promise((resolve) => stream.on('end', resolve));
      expect(Buffer.concat(pieces).equals(message(text))).toBe(true);
    }
    session.close();
  }
  expect(peer).toMatch(/^127\.0\.0\.1:\d+$/);
});

it('answers many calls of one turn with one write', async () => {
  const { port } = await serving(echo);
  const client = new Raw(port);
  client.socket.write(HELLO);
  await client.until((frames) => frames.length > 1);
  let chunks = 0;
  client.socket.on('data', () => chunks++);
  client.socket.write(Buffer.concat(Array.from({ length: 100 }, (_, index) => call(2 * index + 1, ECHO))));
  await client.until(ended(199));
  expect(chunks).toBeLessThan(10);
});

it('answers that wait in the socket are not overwritten by later ones', async () => {
  const size = 3000;
  const { port } = await serving(
    { [ECHO]: unary((each) => each.respond(Buffer.alloc(size, each.message[0]!))) },
    { limits: { maxConcurrentStreams: Number.POSITIVE_INFINITY } },
  );
  const client = new Raw(port);
  client.socket.pause();
  client.socket.write(
    Buffer.concat([PREFACE, settings([Setting.InitialWindowSize, 2 ** 30]), frame(FrameType.Settings, Flag.Ack, 0)]),
  );
  client.socket.write(windowUpdate(0, 2 ** 30));
  const count = 4000;
  for (let index = 0; index < count; index++) {
    client.socket.write(call(2 * index + 1, ECHO, String.fromCharCode(index % 120)));
    if (index % 50 === 0) await wait(1);
  }
  await wait(50);
  // It reads in small pieces, and another one is answered meanwhile, out of the same pool of memory.
  const other = new Raw(port);
  other.socket.write(HELLO);
  let id = -1;
  client.socket.on('data', () => {
    client.socket.pause();
    id += 2;
    other.socket.write(call(id, ECHO, 'z'));
    setTimeout(() => client.socket.resume(), 1);
  });
  client.socket.resume();
  const frames = await client.until(ended(2 * count - 1));
  const wrong = frames.filter(
    ({ type, id, payload }) =>
      type === FrameType.Data && !payload.equals(message(Buffer.alloc(size, ((id - 1) / 2) % 120))),
  );
  expect(wrong).toEqual([]);
  expect(frames.filter(({ type }) => type === FrameType.Data).length).toBe(count);
});

describe('a client that never reads', () => {
  it('costs a bounded amount of memory, and others nothing', async () => {
    const size = 1_000_000;
    let asked = 0;
    const one = await serving({
      ...echo,
      '/t.T/Big': unary((each) => {
        asked++;
        each.respond(Buffer.alloc(size));
      }),
    });
    const greedy = connect(one.port, '127.0.0.1');
    greedy.on('error', () => {});
    open.push(() => greedy.destroy());
    greedy.pause();
    greedy.write(
      Buffer.concat([
        PREFACE,
        settings([Setting.InitialWindowSize, 2 ** 31 - 1]),
        frame(FrameType.Settings, Flag.Ack, 0),
        windowUpdate(0, 2 ** 31 - 1 - 65_535),
      ]),
    );
    const before = process.memoryUsage();
    for (let id = 1; id < 1999; id += 2) greedy.write(call(id, '/t.T/Big'));
    await wait(300);
    const after = process.memoryUsage();
    const grown = after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed;
    // Of 1000 answers of a megabyte each.
    expect(asked).toBeGreaterThan(3);
    expect(asked).toBeLessThan(50);
    expect(grown).toBeLessThan(100_000_000);
    const other = new Raw(one.port);
    other.socket.write(Buffer.concat([HELLO, call(1, ECHO)]));
    await other.until(ended(1));
  });

  it('is closed when all together hold too much, and only the one that holds most', async () => {
    const dropped: string[] = [];
    const one = await serving(
      {
        ...echo,
        '/t.T/Big': unary((each) => each.respond(Buffer.alloc(Number(Buffer.from(each.message).toString())))),
      },
      {
        limits: { maxQueuedBytesOfAll: 30_000_000 },
        observe: { guardTripped: (_peer, limit) => dropped.push(limit) },
      },
    );
    const ask = async (bytes: number): Promise<Socket> => {
      const socket = connect(one.port, '127.0.0.1');
      socket.on('error', () => {});
      open.push(() => socket.destroy());
      socket.pause();
      socket.write(Buffer.concat([HELLO, call(1, '/t.T/Big', String(bytes))]));
      await wait(100);
      return socket;
    };
    await ask(20_000_000);
    await ask(9_000_000);
    expect([dropped, one.server.connections]).toEqual([[], 2]);
    await ask(9_000_000);
    expect(dropped).toEqual(['maxQueuedBytesOfAll']);
    for (let i = 0; i < 100 && one.server.connections > 2; i++) await wait(10);
    expect(one.server.connections).toBe(2);
    const other = new Raw(one.port);
    other.socket.write(Buffer.concat([HELLO, call(1, ECHO)]));
    await other.until(ended(1));
    expect(dropped.length).toBe(1);
  });

  it('but sends all the same is not read from any more', async () => {
    const { sockets, port } = await serving(echo, {
      limits: { maxPings: Number.POSITIVE_INFINITY, minPingIntervalMs: 0, permitPingWithoutStream: true },
    });
    const flood = connect(port, '127.0.0.1');
    flood.on('error', () => {});
    open.push(() => flood.destroy());
    flood.pause();
    flood.write(HELLO);
    const pings = Buffer.concat(Array.from({ length: 40_000 }, () => frame(FrameType.Ping, 0, 0, Buffer.alloc(8))));
    // Far more than the buffers of two sockets take.
    for (let i = 0; i < 60; i++) flood.write(pings);
    while (sockets[0] === undefined || !sockets[0].isPaused()) await wait(5);
    await wait(100);
    expect(sockets[0].isPaused()).toBe(true);
    expect(sockets[0].writableLength).toBeLessThan(3_000_000);
    // And again, once it reads.
    flood.on('data', () => {});
    flood.resume();
    while (sockets[0].isPaused()) await wait(5);
  });
});

describe('the end of a connection', () => {
  it('is told why, then closed, even when the client keeps its side open', async () => {
    const { port, server } = await serving(echo, { limits: { closeGraceMs: 100 } });
    const client = new Raw(port);
    client.socket.write(Buffer.concat([HELLO, frame(FrameType.Ping, 0, 1, Buffer.alloc(8))]));
    await client.until(goneAway);
    for (let i = 0; i < 200 && server.connections > 0; i++) await wait(10);
    expect(server.connections).toBe(0);
  });

  it('comes by the handshake deadline when the client says nothing, or half of it', async () => {
    const closed: string[] = [];
    const { port, server } = await serving(echo, {
      limits: { handshakeMs: 100, closeGraceMs: 50 },
      observe: { closed: (_peer, reason) => closed.push(reason) },
    });
    const silent = new Raw(port);
    const half = new Raw(port);
    half.socket.write(PREFACE.subarray(0, 10));
    for (let i = 0; i < 300 && (server.connections > 0 || closed.length < 2); i++) await wait(10);
    expect(closed).toEqual(['limit handshakeMs', 'limit handshakeMs']);
    expect(server.connections).toBe(0);
    expect([silent, half].length).toBe(2);
  });

  it('cancels calls when the client resets the socket', async () => {
    let held: UnaryCall | undefined;
    const { port, server } = await serving({
      [ECHO]: unary((each) => {
        held = each;
      }),
    });
    const client = new Raw(port);
    client.socket.write(Buffer.concat([HELLO, call(1, ECHO)]));
    while (held === undefined) await wait(5);
    client.socket.resetAndDestroy();
    await new Promise<void>((resolve) => held!.onCancel(resolve));
    for (let i = 0; i < 100 && server.connections > 0; i++) await wait(10);
    expect(server.connections).toBe(0);
    held.respond(Buffer.from('to nobody'));
  });

  it('a deadline passes without anything else happening', async () => {
    const { port } = await serving({ [ECHO]: unary(() => {}) });
    const client = new Raw(port);
    client.socket.write(
      Buffer.concat([HELLO, headers(1, request(ECHO, [['grpc-timeout', '80m']])), data(1, message('x'))]),
    );
    const startMs = performance.now();
    await client.until(ended(1));
    expect(performance.now() - startMs).toBeGreaterThan(70);
  });
});

describe('drain', () => {
  it('tells clients first, takes calls that are on their way, and ends when they have', async () => {
    const held: UnaryCall[] = [];
    const { port, server } = await serving({ [ECHO]: unary((each) => void held.push(each)) });
    const client = new Raw(port);
    client.socket.write(Buffer.concat([HELLO, call(1, ECHO)]));
    while (held.length < 1) await wait(5);
    const drained = server.drain(5000);
    const first = (await client.until(goneAway)).find(({ type }) => type === FrameType.GoAway)!;
    expect(first.payload.readUInt32BE(0)).toBe(2 ** 31 - 1);
    client.socket.write(call(3, ECHO));
    while (held.length < 2) await wait(5);
    const ping = client.frames.find(({ type, flags }) => type === FrameType.Ping && flags === 0)!;
    client.socket.write(frame(FrameType.Ping, Flag.Ack, 0, ping.payload));
    const goAways = (
      await client.until((frames) => frames.filter(({ type }) => type === FrameType.GoAway).length === 2)
    ).filter(({ type }) => type === FrameType.GoAway);
    expect(goAways[1]!.payload.readUInt32BE(0)).toBe(3);
    client.socket.write(call(5, ECHO));
    for (const each of held) each.respond(each.message);
    await drained;
    expect(held.length).toBe(2);
    expect(ended(1)(client.frames) && ended(3)(client.frames)).toBe(true);
    expect(ended(5)(client.frames)).toBe(false);
  });

  it('ends by force what does not end by itself', async () => {
    let held: UnaryCall | undefined;
    const { port, server } = await serving(
      {
        [ECHO]: unary((each) => {
          held = each;
        }),
      },
      { limits: { closeGraceMs: 50 } },
    );
    const client = new Raw(port);
    client.socket.write(Buffer.concat([HELLO, call(1, ECHO)]));
    while (held === undefined) await wait(5);
    await server.drain(50);
    expect(held.cancelled).toBe(true);
    expect(server.connections).toBe(0);
  });

  it('closes what comes afterwards, and is asked twice without harm', async () => {
    const { port, server } = await serving(echo);
    await Promise.all([server.drain(10), server.drain(10)]);
    const late = new Raw(port);
    await new Promise((resolve) => late.socket.once('end', resolve));
    expect(server.connections).toBe(0);
  });
});

it('a bomb is refused, and the connection lives', async () => {
  const { port } = await serving(echo);
  const client = new Raw(port);
  client.socket.write(HELLO);
  client.socket.write(
    Buffer.concat([
      headers(1, request(ECHO, [['grpc-encoding', 'gzip']])),
      data(1, message(gzipSync(Buffer.alloc(10_000_000)), 1)),
      call(3, ECHO),
    ]),
  );
  const frames = await client.until(ended(3));
  expect(frames.filter(({ id, type }) => id === 1 && type === FrameType.Data)).toEqual([]);
});

it.each([
  { maxReceiveBytes: -1 },
  { maxPings: Number.NaN },
  { streamWindowBytes: 2 ** 31 },
  { streamWindowBytes: 10 },
  { connectionWindowBytes: 1000 },
  { connectionWindowBytes: 70_000.5 },
])('limits of %o are refused', (limits) => {
  const make = (): GrpcServer =>
    new GrpcServer({ methods: new Map(), unknownPath: () => ({ code: 12, details: '' }), clock: systemClock, limits });
  expect(make).toThrow(GrpcServerError);
  expect(make).toThrow(expect.objectContaining({ code: 'GRPC_BAD_OPTION' }));
});

const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJbqk4nq90/Wyslxu
CCfWH1F80lr6vZJ0zOMgls3WpwihRANCAATAtYElAFlEyfglq6woZWA7AW8+pK+p
0a9g+95xoGZxTb2uor05AFSqu3InyhvBrWbea9/XiotI79KcyAZV34hv
-----END PRIVATE KEY-----
`;
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIULtKvFQwMav7qYIbQtdO2x/YLpG0wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNTA0MTI0NFoYDzIxMjYxMTAx
MDQxMjQ0WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATAtYElAFlEyfglq6woZWA7AW8+pK+p0a9g+95xoGZxTb2uor05AFSq
u3InyhvBrWbea9/XiotI79KcyAZV34hvo1MwUTAdBgNVHQ4EFgQUVBGMR5uWgzHz
rcCY8aEFns+NTUwwHwYDVR0jBBgwFoAUVBGMR5uWgzHzrcCY8aEFns+NTUwwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAd76yroHdqPNlC3Hran6wm
Py8bKkly6p7cJbWZN/8TigIhAPOMEH8gQJYYo8b5DZLldOfMu9T7wmIrnRt/YmXR
HeTA
-----END CERTIFICATE-----
`;
