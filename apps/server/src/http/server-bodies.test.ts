import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { silentLogger } from '@kontiki/std';
import { systemClock } from '@kontiki/std/node';
import { afterEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { type HttpHandler, type Routes, readingBody } from './answer.js';
import { HttpFront, type HttpOptions } from './server.js';

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const step of cleanups.splice(0).reverse()) await step();
});

async function serve(routes: Routes, options: Partial<HttpOptions> = {}): Promise<number> {
  const front = new HttpFront({ routes, access: undefined, clock: systemClock, logger: silentLogger, ...options });
  const server = createServer((socket) => front.accept(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => {
    server.close();
    await front.close(0);
  });
  return (server.address() as AddressInfo).port;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** @param parts of the body, sent one after another, each when the one before asks for it */
async function post(
  port: number,
  path: string,
  parts: readonly string[],
  between: () => Promise<unknown> = async () => {},
): Promise<Answer> {
  const request = httpRequest({ host: '127.0.0.1', port, path, method: 'POST', agent: false });
  const answered = new Promise<Answer>((resolve, reject) => {
    request.on('error', reject);
    request.once('response', (response: IncomingMessage) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
  });
  request.flushHeaders();
  for (const part of parts) {
    request.write(part);
    await between();
  }
  request.end();
  return answered;
}

const echo: HttpHandler = readingBody(({ body, path }) => ({
  status: 200,
  headers: {},
  body: `${path} ${body.length} ${new TextDecoder().decode(body)}`,
}));

describe('a body', () => {
  it('is given whole to a handler that reads it, however it came', async () => {
    const port = await serve(new Map([['/echo', echo]]));
    expect(await post(port, '/echo', ['one ', 'two ', 'three'])).toEqual({
      status: 200,
      body: '/echo 13 one two three',
    });
    expect(await post(port, '/echo', [])).toEqual({ status: 200, body: '/echo 0 ' });
    expect((await post(port, '/echo', ['x'.repeat(65_536)])).body).toHaveLength('/echo 65536 '.length + 65_536);
  });

  it('is not shown to one that does not', async () => {
    const blind: HttpHandler = ({ body }) => ({ status: 200, headers: {}, body: String(body.length) });
    expect(await post(await serve(new Map([['/blind', blind]])), '/blind', ['abc'])).toEqual({
      status: 200,
      body: '0',
    });
  });

  it('too large is refused, whether it says so or only turns out to be', async () => {
    const port = await serve(new Map([['/echo', echo]]));
    const socket = connect(port, '127.0.0.1');
    socket.end('POST /echo HTTP/1.1\r\nHost: k\r\nContent-Length: 65537\r\n\r\n');
    let seen = '';
    socket.on('data', (chunk) => {
      seen += chunk.toString();
    });
    await once(socket, 'close');
    expect(seen).toMatch(/^HTTP\/1\.1 413 /);
    const whole = await post(port, '/echo', ['x'.repeat(65_536), 'y']).catch((error: unknown) => error);
    // The connection ends under whoever still sends: either the answer or its end arrives.
    expect(whole).toSatisfy(
      (answer) => (answer as Answer).status === 413 || /reset|socket hang up|EPIPE/i.test(String(answer)),
    );
  });

  it('that dawdles is not waited for', async () => {
    const clock = new ManualClock();
    const port = await serve(new Map([['/echo', echo]]), { clock, limits: { requestMs: 5000 } });
    const heard = async (): Promise<void> => {
      while (clock.pending === 0) await new Promise(setImmediate);
    };
    const dawdling = post(port, '/echo', ['a'], async () => {
      await heard();
      await clock.advance(5000);
    });
    expect(await dawdling).toEqual({ status: 408, body: 'Request Timeout\n' });
    const slow = post(port, '/echo', ['a'], async () => {
      await heard();
      await clock.advance(4999);
    });
    expect(await slow).toMatchObject({ status: 200 });
    expect(clock.pending).toBe(0);
  });
});

describe('a handler', () => {
  it('is told when nobody waits for its answer any more', async () => {
    let asked!: (signal: AbortSignal) => void;
    const seen = new Promise<AbortSignal>((resolve) => {
      asked = resolve;
    });
    const routes: Routes = new Map<string, HttpHandler>([
      [
        '/wait',
        readingBody(({ signal }) => {
          asked(signal);
          return new Promise(() => {});
        }),
      ],
    ]);
    const socket = connect(await serve(routes), '127.0.0.1');
    socket.write('POST /wait HTTP/1.1\r\nHost: k\r\nContent-Length: 1\r\n\r\nx');
    const signal = await seen;
    expect(signal.aborted).toBe(false);
    socket.destroy();
    if (!signal.aborted) await once(signal, 'abort');
    expect(signal.aborted).toBe(true);
  });

  it('of a folder answers for all below it, but what has one of its own', async () => {
    const named =
      (name: string): HttpHandler =>
      (request) => ({ status: 200, headers: {}, body: `${name} ${request.path}` });
    const port = await serve(
      new Map([
        ['/a/', named('folder')],
        ['/a/b', named('exact')],
        ['/a/deep/', named('deeper')],
        ['/plain', named('plain')],
      ]),
    );
    const bodies: Record<string, string> = {};
    for (const path of ['/a/', '/a/7', '/a/b', '/a/b/c', '/a/deep/x/y', '/a', '/plain/x', '/']) {
      const { status, body } = await post(port, path, []);
      bodies[path] = status === 200 ? body : String(status);
    }
    expect(bodies).toEqual({
      '/a/': 'folder /a/',
      '/a/7': 'folder /a/7',
      '/a/b': 'exact /a/b',
      '/a/b/c': 'folder /a/b/c',
      '/a/deep/x/y': 'deeper /a/deep/x/y',
      '/a': '404',
      '/plain/x': '404',
      '/': '404',
    });
  });
});

describe('a request that is taken first', () => {
  const limits = { headersMs: 30, requestMs: 40, checkMs: 5, bodyBytes: 8 };

  /** Takes what is below /stream and answers with what it was sent. */
  function take(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.url !== '/stream') return false;
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.once('end', () => response.end(body));
    return true;
  }

  it('has no limit in time or size, while others keep theirs', async () => {
    const port = await serve(new Map([['/echo', echo]]), { takeFirst: take, limits });
    const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60));
    const long = ['one ', 'two ', 'three ', 'four'];
    expect(await post(port, '/stream', long, pause)).toEqual({ status: 200, body: 'one two three four' });
    const cut = await post(port, '/echo', ['1', '2', '3'], pause).catch((error: unknown) => error);
    expect(cut).toSatisfy((answer) => (answer as Answer).status === 408 || cut instanceof Error);
    expect(await post(port, '/echo', ['12'])).toMatchObject({ status: 200 });
  });

  it('may be answered for ever', async () => {
    let response: ServerResponse | undefined;
    const port = await serve(new Map(), {
      limits,
      takeFirst: (_, taken) => {
        response = taken;
        taken.write('begin ');
        return true;
      },
    });
    const socket = connect(port, '127.0.0.1');
    let seen = '';
    socket.on('data', (chunk) => {
      seen += chunk.toString();
    });
    socket.write('GET /stream HTTP/1.1\r\nHost: k\r\n\r\n');
    await once(socket, 'data');
    await new Promise((resolve) => setTimeout(resolve, 150));
    response!.write('still here');
    while (!seen.includes('still here')) await once(socket, 'data');
    socket.destroy();
  });

  it('and breaks, costs its connection alone', async () => {
    const port = await serve(new Map([['/echo', echo]]), {
      takeFirst: (request) => {
        if (request.url === '/broken') throw new Error('broken');
        return false;
      },
    });
    await expect(post(port, '/broken', [])).rejects.toThrow(/hang up|reset/i);
    expect(await post(port, '/echo', ['x'])).toMatchObject({ status: 200 });
  });
});
