import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePorts } from '../../harness/src/index.js';
import { Links } from './link.js';
import { PeerProxy } from './proxy.js';

let target: Server;
let proxy: PeerProxy;
let links: Links;
let port: number;
let accepted: Socket[];
let heard: string[];
const sockets = new Set<Socket>();

beforeEach(async () => {
  accepted = [];
  heard = [];
  links = new Links();
  const [proxyPort, targetPort] = await freePorts(2);
  port = proxyPort!;
  target = createServer((socket) => {
    const number = accepted.push(socket) - 1;
    heard[number] = '';
    socket.on('data', (bytes) => {
      heard[number] += bytes.toString('latin1');
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => target.listen(targetPort, '127.0.0.1', resolve));
  const nameOf = (id: string): string | undefined => ({ a1: 'm1', b2: 'm2' })[id];
  proxy = await PeerProxy.listen({ port: proxyPort!, targetPort: targetPort!, name: 'm3', links, nameOf });
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await proxy.close();
  for (const socket of accepted) socket.destroy();
  await new Promise<void>((resolve) => target.close(() => resolve()));
});

interface Dialled {
  readonly socket: Socket;
  readonly got: () => string;
  readonly closed: Promise<boolean>;
  readonly isClosed: () => boolean;
}

async function dial(head: string): Promise<Dialled> {
  const socket = connect(port, '127.0.0.1');
  sockets.add(socket);
  let got = '';
  let isClosed = false;
  socket.on('data', (bytes) => {
    got += bytes.toString('latin1');
  });
  let broken = false;
  socket.on('error', () => {
    broken = true;
  });
  const closed = new Promise<boolean>((resolve) =>
    socket.on('close', () => {
      isClosed = true;
      resolve(broken);
    }),
  );
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  socket.write(head);
  return { socket, got: () => got, closed, isClosed: () => isClosed };
}

const from = (id: string): string => `GET /raft HTTP/1.1\r\nHost: x\r\nX-Server-From: ${id}\r\n\r\n`;

/** Until it holds; the test's own timeout ends it when it never does. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}
/** Long enough for what should not happen to have happened on loopback. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60));

describe('PeerProxy', () => {
  it('carries bytes both ways and learns who dialled, however the head is cut', async () => {
    const one = await dial(from('a1').slice(0, 35));
    await until(() => heard[0]?.length === 35);
    expect(proxy.dialled).toEqual([undefined]);
    one.socket.write(from('a1').slice(35));
    await until(() => heard[0] === from('a1'));
    expect(proxy.dialled).toEqual(['m1']);
    accepted[0]!.write('answer');
    await until(() => one.got() === 'answer');
  });

  it('learns from a later request on the same connection', async () => {
    const probe = 'GET /raft/probing HTTP/1.1\r\nHost: x\r\n\r\n';
    const one = await dial(probe);
    await until(() => heard[0] === probe);
    one.socket.write(from('b2'));
    await until(() => proxy.dialled[0] === 'm2');
  });

  it('cuts one direction of one pair and nothing else', async () => {
    const one = await dial(from('a1'));
    const two = await dial(from('b2'));
    await until(() => proxy.dialled.includes('m1') && proxy.dialled.includes('m2') && heard.length === 2);
    const [first, second] = heard[0] === from('a1') ? [0, 1] : [1, 0];
    links.set('m1', 'm3', { cut: 'hold' });
    one.socket.write('held');
    two.socket.write('through');
    await until(() => heard[second]!.endsWith('through'));
    accepted[first]!.write('back');
    await until(() => one.got() === 'back');
    await settle();
    expect(heard[first]).toBe(from('a1'));
    links.heal();
    await until(() => heard[first]!.endsWith('held'));
  });

  it('half-open: bytes vanish, no end is told, and healing resets', async () => {
    const one = await dial(from('a1'));
    await until(() => heard[0] === from('a1'));
    links.setBoth('m1', 'm3', { cut: 'vanish' });
    one.socket.write('lost');
    accepted[0]!.destroy();
    await settle();
    expect(one.isClosed()).toBe(false);
    links.heal();
    await one.closed;
    expect(heard[0]).toBe(from('a1'));
    const again = await dial(from('a1'));
    await until(() => heard[1] === from('a1'));
    expect(again.isClosed()).toBe(false);
  });

  it('half-open: not even a reset crosses a cut link', async () => {
    const one = await dial(from('a1'));
    await until(() => heard[0] === from('a1'));
    links.setBoth('m1', 'm3', { cut: 'hold' });
    accepted[0]!.resetAndDestroy();
    await settle();
    expect(one.isClosed()).toBe(false);
    links.heal();
    expect(await one.closed).toBe(true);
  });

  it('resets on demand, by who dialled', async () => {
    const one = await dial(from('a1'));
    const two = await dial(from('b2'));
    await until(() => proxy.dialled.includes('m1') && proxy.dialled.includes('m2'));
    proxy.reset('m1');
    expect(await one.closed).toBe(true);
    await settle();
    expect(two.isClosed()).toBe(false);
    expect(proxy.dialled).toEqual(['m2']);
  });

  it('passes on an end', async () => {
    const one = await dial(from('a1'));
    await until(() => heard[0] === from('a1'));
    accepted[0]!.end('last');
    await until(() => one.isClosed() || one.socket.readableEnded);
    expect(one.got()).toBe('last');
  });

  it('ends what was dialled when nobody listens behind it', async () => {
    await new Promise<void>((resolve) => target.close(() => resolve()));
    const one = await dial(from('a1'));
    await one.closed;
    target = createServer().listen(0);
  });
});
