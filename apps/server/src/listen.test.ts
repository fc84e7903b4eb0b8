import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { type Clock, type LogFields, type Logger, silentLogger } from '@kontiki/std';
import { systemClock } from '@kontiki/std/node';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type EndpointUrl, parseUrls } from './config/urls.js';
import { ConnectionLimit } from './connection-limit.js';
import { HttpFront } from './http/server.js';
import { type Listening, type ListenLimits, listen, type Protocols, protocolOf } from './listen.js';

/** Time that passes when a test says so. */
class HandClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();
  now = (): number => this.#nowMs;
  monotonic = (): number => this.#nowMs;
  after(delayMs: number, callback: () => void): { cancel(): void } {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }
  every(): never {
    throw new Error('not used');
  }
  pass(ms: number): void {
    this.#nowMs += ms;
    for (const timer of [...this.#timers]) {
      if (timer.atMs > this.#nowMs) continue;
      this.#timers.delete(timer);
      timer.callback();
    }
  }
  get waiting(): number {
    return this.#timers.size;
  }
}

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const step of cleanups.splice(0).reverse()) await step();
});

function urls(text: string): readonly EndpointUrl[] {
  const parsed = parseUrls(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.value;
}

const echo = {
  say: {
    path: '/test.Echo/Say',
    requestStream: false,
    responseStream: false,
    requestSerialize: (text: string) => Buffer.from(text),
    requestDeserialize: (bytes: Buffer) => bytes.toString(),
    responseSerialize: (text: string) => Buffer.from(text),
    responseDeserialize: (bytes: Buffer) => bytes.toString(),
  },
} as const;

/** A gRPC server and an HTTP server that know no port. */
function backends(): { readonly protocols: Required<Protocols>; drain(): Promise<void> } {
  const server = new grpc.Server();
  server.addService(echo, {
    say: (call: grpc.ServerUnaryCall<string, string>, done: grpc.sendUnaryData<string>) =>
      done(null, `${call.request}!`),
  });
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  const front = new HttpFront({
    routes: new Map([['/hello', () => ({ status: 200, headers: {}, body: 'hello' })]]),
    access: undefined,
    clock: systemClock,
    logger: silentLogger,
  });
  cleanups.push(() => {
    injector.destroy();
    server.forceShutdown();
  });
  return {
    protocols: { grpc: (socket) => injector.injectConnection(socket), http: (socket) => front.accept(socket) },
    async drain() {
      injector.drain(100);
      await front.close(100);
    },
  };
}

async function start(
  protocols: Protocols,
  limits: Partial<ListenLimits> = {},
  at = 'http://127.0.0.1:0',
  {
    logger = silentLogger,
    clock = systemClock,
    connectionLimit = new ConnectionLimit(1000),
  }: { readonly logger?: Logger; readonly clock?: Clock; readonly connectionLimit?: ConnectionLimit } = {},
): Promise<{ readonly listening: Listening; readonly port: number }> {
  const listening = await listen(urls(at), protocols, { clock, logger, limits, connectionLimit });
  cleanups.push(() => listening.close(0));
  return { listening, port: Number(listening.urls[0]!.split(':').at(-1)) };
}

function client(target: string): grpc.Client {
  const made = new grpc.Client(target, grpc.credentials.createInsecure());
  cleanups.push(() => made.close());
  return made;
}

function say(caller: grpc.Client, text: string): Promise<string> {
  const { path, requestSerialize, responseDeserialize } = echo.say;
  return new Promise((resolve, reject) => {
    caller.makeUnaryRequest(path, requestSerialize, responseDeserialize, text, (error, answer) =>
      error === null ? resolve(answer!) : reject(error),
    );
  });
}

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  cleanups.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Resolves however it was closed, by a reset too. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Between us and the server: every byte travels alone. */
async function byteByByte(port: number): Promise<number> {
  const proxy = createServer((near) => {
    const far = connect({ port, host: '127.0.0.1', noDelay: true });
    const queue: number[] = [];
    let busy = false;
    const pump = (): void => {
      const byte = queue.shift();
      busy = byte !== undefined;
      if (byte !== undefined) far.write(Buffer.of(byte), () => setImmediate(pump));
    };
    near.on('data', (chunk) => {
      queue.push(...chunk);
      if (!busy) pump();
    });
    far.pipe(near);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
    cleanups.push(() => near.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  cleanups.push(() => proxy.close());
  return (proxy.address() as { port: number }).port;
}

describe('the first bytes', () => {
  it('say the protocol as soon as it is sure, and never change their mind', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.nat(24).map((n) => PREFACE.slice(0, n)),
        ),
        fc.string(),
        (head, tail) => {
          const bytes = Buffer.from(head + tail, 'latin1');
          const whole = protocolOf(bytes);
          for (let n = 0; n < bytes.length; n++) {
            const part = protocolOf(bytes.subarray(0, n));
            if (part !== undefined) expect(part).toBe(whole);
          }
          expect(whole === 'http2').toBe(bytes.toString('latin1').startsWith(PREFACE));
          expect(whole === undefined).toBe(
            PREFACE.startsWith(bytes.toString('latin1')) && bytes.length < PREFACE.length,
          );
        },
      ),
    );
  });

  it.each([
    ['GET / HTTP/1.1\r\n', 'http1'],
    ['POST ', 'http1'],
    ['PRIDE / HTTP/1.1\r\n', 'http1'],
    ['PRI * HTTP/2.1', 'http1'],
    ['P', undefined],
    ['', undefined],
    ['\x16\x03\x01', 'other'],
    ['\r\n', 'other'],
  ])('%j is %s', (text, protocol) => {
    expect(protocolOf(Buffer.from(text, 'latin1'))).toBe(protocol);
  });
});

describe('one port', () => {
  it('serves gRPC and HTTP, several calls on each connection', async () => {
    const { protocols } = backends();
    const { port } = await start(protocols);
    const caller = client(`127.0.0.1:${port}`);
    const [a, b, hello] = await Promise.all([
      say(caller, 'a'),
      say(caller, 'b'),
      fetch(`http://127.0.0.1:${port}/hello`),
    ]);
    expect([a, b, hello.status, await hello.text()]).toEqual(['a!', 'b!', 200, 'hello']);
    expect(await (await fetch(`http://127.0.0.1:${port}/hello`)).text()).toBe('hello');
    expect(await say(caller, 'x'.repeat(1_000_000))).toHaveLength(1_000_001);
  });

  it('serves both when their bytes come one at a time', async () => {
    const { protocols } = backends();
    const { port } = await start(protocols);
    const slow = await byteByByte(port);
    expect(await say(client(`127.0.0.1:${slow}`), 'slow')).toBe('slow!');
    expect(await (await fetch(`http://127.0.0.1:${slow}/hello`)).text()).toBe('hello');
  });

  it('passes the bytes on whole, however they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(PREFACE, 'GET /x HTTP/1.1\r\n\r\n', 'PRI / HTTP/1.1\r\n\r\n'),
        fc.uint8Array({ maxLength: 100 }),
        fc.array(fc.nat(120), { maxLength: 5 }),
        async (head, rest, cuts) => {
          const bytes = Buffer.concat([Buffer.from(head, 'latin1'), rest]);
          const got = new Promise<readonly [string, Buffer]>((resolve) => {
            const owner = (name: string) => (socket: Socket) => {
              const chunks: Buffer[] = [];
              socket.on('data', (chunk) => chunks.push(chunk));
              socket.on('end', () => {
                socket.end();
                resolve([name, Buffer.concat(chunks)]);
              });
            };
            void start({ grpc: owner('grpc'), http: owner('http') }).then(async ({ port, listening }) => {
              const socket = await dial(port);
              socket.setNoDelay(true);
              let at = 0;
              for (const cut of [...cuts].sort((a, b) => a - b)) {
                socket.write(bytes.subarray(at, Math.max(at, cut)));
                at = Math.max(at, cut);
                await new Promise((next) => setImmediate(next));
              }
              socket.end(bytes.subarray(at));
              await until(() => listening.connections.all === 0);
            });
          });
          expect(await got).toEqual([head === PREFACE ? 'grpc' : 'http', bytes]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('refuses a protocol that nobody takes', async () => {
    const { protocols } = backends();
    const grpcOnly = await start({ grpc: protocols.grpc });
    await expect(fetch(`http://127.0.0.1:${grpcOnly.port}/hello`)).rejects.toThrow();
    expect(await say(client(`127.0.0.1:${grpcOnly.port}`), 'a')).toBe('a!');
    const httpOnly = await start({ http: protocols.http });
    const socket = await dial(httpOnly.port);
    socket.write(PREFACE);
    await closed(socket);
    expect(await (await fetch(`http://127.0.0.1:${httpOnly.port}/hello`)).text()).toBe('hello');
  });

  it('closes at once on what is neither', async () => {
    const { port } = await start(backends().protocols);
    const socket = await dial(port);
    const seen: Buffer[] = [];
    socket.on('data', (chunk) => seen.push(chunk));
    socket.write(Buffer.of(0x16, 0x03, 0x01));
    await closed(socket);
    expect(Buffer.concat(seen)).toHaveLength(0);
  });
});

describe('connections that say nothing', () => {
  it('are closed at the deadline, half a preface or none', async () => {
    const clock = new HandClock();
    const { port, listening } = await start(backends().protocols, { prefaceMs: 50 }, undefined, { clock });
    const silent = await dial(port);
    const half = await dial(port);
    half.write(PREFACE.slice(0, 10));
    await until(() => listening.connections.silent === 2);
    clock.pass(49);
    expect(listening.connections.silent).toBe(2);
    clock.pass(1);
    await Promise.all([closed(silent), closed(half)]);
    await until(() => listening.connections.all === 0);
    expect(listening.connections).toEqual({ all: 0, silent: 0 });
    expect(clock.waiting).toBe(0);
  });

  it('do not keep others out: the oldest goes', async () => {
    const logged: string[] = [];
    const logger: Logger = {
      ...silentLogger,
      warn: (message: string, _fields?: LogFields) => void logged.push(message),
    };
    const { port, listening } = await start(backends().protocols, { silentMax: 3 }, undefined, { logger });
    const first = await dial(port);
    const gone = closed(first);
    for (let i = 0; i < 3; i++) await dial(port);
    await gone;
    await until(() => listening.connections.silent === 3);
    expect(await say(client(`127.0.0.1:${port}`), 'in')).toBe('in!');
    expect(logged).toEqual(['too many connections that say nothing']);
  });

  it('leave nothing behind when they go away by themselves', async () => {
    const { port, listening } = await start(backends().protocols);
    for (const leave of ['end', 'destroy', 'resetAndDestroy'] as const) {
      const socket = await dial(port);
      await until(() => listening.connections.silent === 1);
      socket[leave]();
      await until(() => listening.connections.all === 0);
      expect(listening.connections.silent).toBe(0);
    }
  });

  it('are not counted as silent once they have spoken', async () => {
    const clock = new HandClock();
    const { port, listening } = await start(backends().protocols, {}, undefined, { clock });
    const caller = client(`127.0.0.1:${port}`);
    await say(caller, 'a');
    expect(listening.connections).toEqual({ all: 1, silent: 0 });
    expect(clock.waiting).toBe(0);
    clock.pass(1e9);
    expect(await say(caller, 'b')).toBe('b!');
  });
});

it('takes no more connections than the limit that it shares with others', async () => {
  const connectionLimit = new ConnectionLimit(2);
  const one = await start(backends().protocols, {}, undefined, { connectionLimit });
  const other = await start(backends().protocols, {}, undefined, { connectionLimit });
  const first = await dial(one.port);
  await dial(other.port);
  await until(() => one.listening.connections.all === 1 && other.listening.connections.all === 1);
  await closed(await dial(one.port));
  await closed(await dial(other.port));
  expect([one.listening.connections.all, other.listening.connections.all]).toEqual([1, 1]);
  first.destroy();
  await until(() => one.listening.connections.all === 0);
  await dial(other.port);
  await until(() => other.listening.connections.all === 2);
  await closed(await dial(one.port));
});

describe('closing', () => {
  it('lets owners finish, then closes what is left', async () => {
    const { protocols, drain } = backends();
    const { port, listening } = await start(protocols);
    await say(client(`127.0.0.1:${port}`), 'a');
    await fetch(`http://127.0.0.1:${port}/hello`).then((response) => response.text());
    await dial(port);
    await until(() => listening.connections.all === 3);
    await Promise.all([listening.close(5000), drain()]);
    expect(listening.connections).toEqual({ all: 0, silent: 0 });
    await expect(fetch(`http://127.0.0.1:${port}/hello`)).rejects.toThrow();
  });

  it('does not wait for owners that never finish', async () => {
    const clock = new HandClock();
    const { port, listening } = await start({ http: () => {} }, {}, undefined, { clock });
    const socket = await dial(port);
    socket.write('GET / HTTP/1.1\r\n');
    await until(() => listening.connections.all === 1 && listening.connections.silent === 0);
    const all = Promise.all([listening.close(20), closed(socket), listening.close(30)]);
    clock.pass(19);
    expect(listening.connections.all).toBe(1);
    clock.pass(1);
    await all;
    expect(listening.connections.all).toBe(0);
    expect(clock.waiting).toBe(0);
  });

  it('survives an owner that throws', async () => {
    const { port, listening } = await start({
      http: () => {
        throw new Error('no');
      },
    });
    const socket = await dial(port);
    socket.write('GET / HTTP/1.1\r\n');
    await closed(socket);
    await until(() => listening.connections.all === 0);
  });
});

describe('addresses', () => {
  it('may be many, localhost among them', async () => {
    const { listening } = await start(backends().protocols, {}, 'http://127.0.0.1:0,http://localhost:0');
    expect(listening.urls).toHaveLength(2);
    for (const url of listening.urls) expect(await (await fetch(`${url}/hello`)).text()).toBe('hello');
    expect(listening.urls[1]).toMatch(/^http:\/\/localhost:[1-9]/);
  });

  it('are all given back when one of them is taken', async () => {
    const { port } = await start(backends().protocols);
    const free = await start(backends().protocols);
    await free.listening.close(0);
    const both = `http://127.0.0.1:${free.port},http://127.0.0.1:${port}`;
    const sorted = urls(both);
    await expect(listen(sorted, {}, { clock: systemClock, logger: silentLogger })).rejects.toThrow(
      `cannot listen on http://127.0.0.1:${port}: address already in use`,
    );
    const again = await start(backends().protocols, {}, `http://127.0.0.1:${free.port}`);
    expect(again.listening.urls).toEqual([`http://127.0.0.1:${free.port}`]);
  });

  it('may be socket files; one left by a dead process is taken over, one in use is not', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'kontiki-listen-'));
    cleanups.push(() => rmSync(directory, { recursive: true }));
    const path = join(directory, 'k.sock');
    const at = `unix://${path}`;
    // Killed in the middle: the file stays, nobody answers.
    const { spawnSync } = await import('node:child_process');
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    expect(existsSync(path)).toBe(true);

    const { listening } = await start(backends().protocols, {}, at);
    expect(listening.urls).toEqual([at]);
    expect(await say(client(`unix:${path}`), 'a')).toBe('a!');
    const [response] = (await once(request({ socketPath: path, path: '/hello' }).end(), 'response')) as [
      NodeJS.ReadableStream,
    ];
    response.resume();
    await expect(listen(urls(at), {}, { clock: systemClock, logger: silentLogger })).rejects.toThrow(
      'address already in use',
    );
    await listening.close(0);
    expect(existsSync(path)).toBe(false);

    writeFileSync(path, 'a file of somebody else');
    await expect(listen(urls(at), {}, { clock: systemClock, logger: silentLogger })).rejects.toThrow(
      `cannot listen on ${at}`,
    );
    expect(existsSync(path)).toBe(true);
  });
});
