/** An unmodified gRPC client against the engine. */
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StreamCall, UnaryCall } from '../src/index.js';
import { type Serving, serve, stream, unary } from './support.js';

const bytes = (value: Uint8Array): Buffer => Buffer.from(value.buffer, value.byteOffset, value.byteLength);
const same = (value: Buffer): Buffer => value;
const MAX_BYTES = 20 * 1024 * 1024;

let serving: Serving;
let client: grpc.Client;
let lastStream: StreamCall | undefined;
let lastUnary: UnaryCall | undefined;

beforeAll(async () => {
  serving = await serve(
    {
      '/t.T/Echo': unary((call) => call.respond(call.message)),
      '/t.T/Parts': unary((call) => call.respond(bytes(call.message).subarray(0, 3), bytes(call.message).subarray(3))),
      '/t.T/Fail': unary((call) => call.fail(9, bytes(call.message).toString())),
      '/t.T/Throw': unary(() => {
        throw new Error('a bug');
      }),
      '/t.T/Later': unary((call) => setTimeout(() => call.respond(call.message), 20)),
      '/t.T/Never': unary((call) => {
        lastUnary = call;
      }),
      '/t.T/Meta': unary((call) =>
        call.respond(Buffer.from(call.metadata(bytes(call.message).toString()) ?? '-', 'latin1')),
      ),
      '/t.T/Peer': unary((call) => call.respond(Buffer.from(call.peer))),
      '/t.T/Chat': stream(async (call) => {
        for (let message = await call.read(); message !== undefined; message = await call.read()) {
          if (!call.write(message)) await call.drained();
        }
        call.end();
      }),
      '/t.T/Push': stream((call) => {
        const seen: string[] = [];
        call.onMessage(
          (message) => void seen.push(bytes(message).toString()),
          () => {
            call.write(Buffer.from(seen.join(',')));
            call.end();
          },
        );
      }),
      '/t.T/Count': stream(async (call) => {
        const count = Number(bytes((await call.read())!).toString());
        for (let i = 0; i < count; i++) if (!call.write(Buffer.from(String(i)))) await call.drained();
        call.end(11, 'no more: ½');
      }),
      '/t.T/Open': stream((call) => {
        lastStream = call;
        call.write(Buffer.from('open'));
      }),
    },
    { limits: { maxReceiveBytes: MAX_BYTES } },
  );
  client = new grpc.Client(`127.0.0.1:${serving.port}`, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
  });
});

afterAll(async () => {
  client.close();
  await serving.close();
});

function call(
  method: string,
  message: Buffer | string,
  options: grpc.CallOptions = {},
  metadata = new grpc.Metadata(),
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(`/t.T/${method}`, same, same, Buffer.from(message), metadata, options, (error, answer) =>
      error === null ? resolve(answer!) : reject(error),
    );
  });
}

const pattern = (size: number): Buffer => Buffer.alloc(size, 'abcdefghijklmnopqrstuvwxyz0123456789');

describe('a unary call', () => {
  it.each([0, 1, 100, 4091, 4092, 16_379, 16_380, 65_536, 1_000_003, 16 * 1024 * 1024])(
    'carries %d bytes both ways',
    async (size) => {
      const message = pattern(size);
      const answers = await Promise.all([call('Echo', message), size < 3 ? message : call('Parts', message)]);
      for (const answer of answers) expect(answer.equals(message)).toBe(true);
    },
  );

  it('is one of many at once', async () => {
    const names = Array.from({ length: 500 }, (_, index) => `call ${index}`);
    const answers = await Promise.all(names.map((name, index) => call(index % 2 ? 'Later' : 'Echo', name)));
    expect(answers.map(String)).toEqual(names);
  });

  it.each(['plain', '100% sure', 'ünïcødé – 日本語 🚀', 'line\nbreak\ttab\u0000', ''])(
    'fails with the text %j',
    async (text) => {
      await expect(call('Fail', text)).rejects.toMatchObject({ code: 9, details: text });
    },
  );

  it('is answered Internal when its handler throws', async () => {
    await expect(call('Throw', '')).rejects.toMatchObject({ code: grpc.status.INTERNAL });
  });

  it('hears what the server says of other paths', async () => {
    await expect(call('Nothing', '')).rejects.toMatchObject({ code: 12, details: 'nobody serves /t.T/Nothing' });
  });

  it('is refused when it is too large, in the words of gRPC', async () => {
    await expect(call('Echo', Buffer.alloc(MAX_BYTES + 1))).rejects.toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
      details: `grpc: received message larger than max (${MAX_BYTES + 1} vs. ${MAX_BYTES})`,
    });
    expect((await call('Echo', Buffer.alloc(MAX_BYTES))).length).toBe(MAX_BYTES);
  });

  it('ends at its deadline, and its handler hears of it', async () => {
    const ended = call('Never', '', { deadline: Date.now() + 150 });
    await expect(ended).rejects.toMatchObject({ code: grpc.status.DEADLINE_EXCEEDED });
    await new Promise<void>((resolve) => lastUnary!.onCancel(resolve));
    expect(lastUnary!.cancelled).toBe(true);
    expect(lastUnary!.deadlineMs).toBeLessThan(Number.POSITIVE_INFINITY);
    lastUnary!.respond(Buffer.from('too late'));
  });

  it('can be cancelled, and its handler hears of it', async () => {
    lastUnary = undefined;
    const pending = new Promise<grpc.ServiceError | null>((resolve) => {
      const request = client.makeUnaryRequest('/t.T/Never', same, same, Buffer.alloc(0), (error) => resolve(error));
      const look = setInterval(() => {
        if (lastUnary === undefined) return;
        clearInterval(look);
        request.cancel();
      }, 5);
    });
    expect(await pending).toMatchObject({ code: grpc.status.CANCELLED });
    await new Promise<void>((resolve) => lastUnary!.onCancel(resolve));
  });

  it('brings its metadata, binary ones decoded', async () => {
    const metadata = new grpc.Metadata();
    metadata.add('token', 'first');
    metadata.add('token', 'second');
    metadata.add('odd-bin', Buffer.from([0, 1, 254, 255]));
    expect((await call('Meta', 'token', {}, metadata)).toString()).toBe('first');
    expect([...(await call('Meta', 'odd-bin', {}, metadata))]).toEqual([0, 1, 254, 255]);
    expect((await call('Meta', 'absent', {}, metadata)).toString()).toBe('-');
  });

  it('knows its peer', async () => {
    expect((await call('Peer', '')).toString()).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  it('may be compressed with gzip', async () => {
    const gzipping = new grpc.Client(`127.0.0.1:${serving.port}`, grpc.credentials.createInsecure(), {
      'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip,
    });
    const message = pattern(100_000);
    const answer = await new Promise<Buffer>((resolve, reject) => {
      gzipping.makeUnaryRequest('/t.T/Echo', same, same, message, (error, value) =>
        error === null ? resolve(value!) : reject(error),
      );
    });
    expect(answer.equals(message)).toBe(true);
    gzipping.close();
  });
});

describe('a stream', () => {
  it('echoes many messages of all sizes, in order', async () => {
    const chat = client.makeBidiStreamRequest('/t.T/Chat', same, same);
    const sent = Array.from({ length: 300 }, (_, index) => pattern((index * 7919) % 50_000));
    const got: Buffer[] = [];
    chat.on('data', (message: Buffer) => got.push(message));
    for (const message of sent) chat.write(message);
    chat.end();
    const status = await new Promise<grpc.StatusObject>((resolve) => chat.on('status', resolve));
    expect(status.code).toBe(0);
    expect(got.length).toBe(sent.length);
    expect(got.every((message, index) => message.equals(sent[index]!))).toBe(true);
  });

  it('pushes messages to whoever wants them pushed', async () => {
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const push = client.makeClientStreamRequest('/t.T/Push', same, same, (error, value) =>
        error === null ? resolve(value!) : reject(error),
      );
      for (const text of ['a', 'b', 'c']) push.write(Buffer.from(text));
      push.end();
    });
    expect(answer.toString()).toBe('a,b,c');
  });

  it('ends with a status after its messages', async () => {
    const count = client.makeServerStreamRequest('/t.T/Count', same, same, Buffer.from('20000'));
    let got = 0;
    count.on('data', (message: Buffer) => {
      expect(message.toString()).toBe(String(got++));
    });
    count.on('error', () => {});
    const status = await new Promise<grpc.StatusObject>((resolve) => count.on('status', resolve));
    expect(got).toBe(20_000);
    expect(status).toMatchObject({ code: 11, details: 'no more: ½' });
  });

  it('holds back the writer while the reader does not read', async () => {
    const count = client.makeServerStreamRequest('/t.T/Open', same, same, Buffer.alloc(0));
    count.on('error', () => {});
    await new Promise<void>((resolve) => count.once('data', () => resolve()));
    count.pause();
    const piece = Buffer.alloc(100_000);
    const soon = (): Promise<'stuck'> => new Promise((resolve) => setTimeout(() => resolve('stuck'), 200));
    let written = 0;
    let waiting: Promise<void>;
    do {
      while (lastStream!.write(piece)) written += piece.length;
      // The client's window, what the kernel buffers, and the high-water mark: bounded, whatever the client does.
      expect(written).toBeLessThan(64 * 1024 * 1024);
      waiting = lastStream!.drained();
    } while ((await Promise.race([waiting, soon()])) !== 'stuck');
    count.resume();
    await waiting;
    lastStream!.end();
    await new Promise((resolve) => count.on('status', resolve));
  });

  it('sees the client go', async () => {
    const open = client.makeBidiStreamRequest('/t.T/Open', same, same);
    open.on('error', () => {});
    await new Promise((resolve) => open.once('data', resolve));
    const reading = lastStream!.read();
    open.cancel();
    await new Promise<void>((resolve) => lastStream!.onCancel(resolve));
    expect(await reading).toBeUndefined();
    expect(lastStream!.write(Buffer.from('to nobody'))).toBe(true);
    await lastStream!.drained();
  });
});

it('drains: open calls end, new ones go nowhere', async () => {
  const other = await serve({ '/t.T/Later': unary((call) => setTimeout(() => call.respond(call.message), 100)) });
  const asking = new grpc.Client(`127.0.0.1:${other.port}`, grpc.credentials.createInsecure());
  const answer = new Promise<Buffer>((resolve, reject) => {
    asking.makeUnaryRequest('/t.T/Later', same, same, Buffer.from('x'), (error, value) =>
      error === null ? resolve(value!) : reject(error),
    );
  });
  while (other.server.connections === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 30));
  const drained = other.server.drain(5000);
  expect((await answer).toString()).toBe('x');
  await drained;
  expect(other.server.connections).toBe(0);
  asking.close();
  await other.close();
});
