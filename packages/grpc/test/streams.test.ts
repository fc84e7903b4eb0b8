/** How a handler reads and writes a stream. */
import { describe, expect, it } from 'vitest';
import { FrameType } from '../src/frame.js';
import { GrpcServerError } from '../src/index.js';
import type { StreamCall } from '../src/method.js';
import { data, headers, describe as lines, message, Peer, request, windowUpdate } from './raw.js';
import { stream } from './support.js';

const PATH = '/t.T/Stream';

function opened(limits = {}): { readonly peer: Peer; readonly call: StreamCall } {
  let call: StreamCall | undefined;
  const peer = new Peer(
    {
      [PATH]: stream((each) => {
        call = each;
      }),
    },
    limits,
  );
  peer.send(headers(1, request(PATH)));
  return { peer, call: call! };
}

const send = (peer: Peer, text: string, last = false): void => void peer.send(data(1, message(text), last ? 1 : 0));
const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString();

describe('read', () => {
  it('gives messages that came before and after it was asked, then undefined', async () => {
    const { peer, call } = opened();
    send(peer, 'early');
    expect(text(await call.read())).toBe('early');
    const late = call.read();
    send(peer, 'late');
    expect(text(await late)).toBe('late');
    const end = call.read();
    peer.send(data(1, Buffer.alloc(0)));
    expect(await end).toBeUndefined();
    expect(await call.read()).toBeUndefined();
  });

  it('gives what is whole before a stream that ends inside a message fails', async () => {
    const { peer, call } = opened();
    const [first, second] = [call.read(), async () => call.read()];
    const frames = peer.send(data(1, Buffer.concat([message('whole'), message('cut').subarray(0, 6)])));
    expect(text(await first)).toBe('whole');
    expect(await second()).toBeUndefined();
    expect(call.cancelled).toBe(true);
    expect(peer.fields(frames.at(-1)!)).toMatchObject({ 'grpc-status': '13', 'grpc-message': 'unexpected EOF' });
  });

  it('is for one at a time', () => {
    const { call } = opened();
    void call.read();
    for (const misuse of [
      () => call.read(),
      () =>
        call.onMessage(
          () => {},
          () => {},
        ),
    ]) {
      expect(misuse).toThrow(GrpcServerError);
      expect(misuse).toThrow(expect.objectContaining({ code: 'GRPC_MISUSED' }));
    }
  });
});

describe('onMessage', () => {
  it('gives the next one when the promise for the one before is fulfilled, and the end last', async () => {
    const { peer, call } = opened();
    const seen: string[] = [];
    let release: () => void = () => {};
    call.onMessage(
      (each) => {
        seen.push(text(each)!);
        return new Promise((resolve) => {
          release = resolve;
        });
      },
      () => seen.push('the end'),
    );
    for (const each of ['a', 'b']) send(peer, each);
    send(peer, 'c', true);
    for (const expected of [['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'the end']]) {
      expect(seen).toEqual(expected);
      release();
      await Promise.resolve();
      await Promise.resolve();
    }
  });

  it('a promise that is rejected ends the call as a throw does', async () => {
    const { peer, call } = opened();
    call.onMessage(
      () => Promise.reject(new Error('late bug')),
      () => {},
    );
    send(peer, 'x');
    await Promise.resolve();
    await Promise.resolve();
    expect(peer.fields(peer.taken()[0]!)).toMatchObject({ 'grpc-status': '13' });
    expect(peer.broken.map(String)).toEqual(['Error: late bug']);
  });

  it('takes no more after the call was ended', () => {
    const { peer, call } = opened();
    const seen: string[] = [];
    call.onMessage(
      (each) => {
        seen.push(text(each)!);
        call.end(5, 'enough');
      },
      () => seen.push('the end'),
    );
    peer.send(data(1, Buffer.concat([message('a'), message('b')])));
    expect(seen).toEqual(['a']);
  });
});

describe('write', () => {
  it('says when to wait, and drained when to go on', async () => {
    const { peer, call } = opened({ streamHighWaterBytes: 50_000 });
    // 65,535 bytes may go at once.
    expect(call.write(Buffer.alloc(60_000))).toBe(true);
    expect(call.write(Buffer.alloc(50_000))).toBe(true);
    expect(call.write(Buffer.alloc(10_000))).toBe(false);
    let drained = false;
    const waiting = call.drained().then(() => {
      drained = true;
    });
    await Promise.resolve();
    expect(drained).toBe(false);
    peer.send(windowUpdate(0, 20_000), windowUpdate(1, 20_000));
    await waiting;
    await call.drained();
  });

  it('and drained resolves when the call is over', async () => {
    const { peer, call } = opened({ streamHighWaterBytes: 10 });
    call.write(Buffer.alloc(100_000));
    const waiting = call.drained();
    peer.connection.lost('gone');
    await waiting;
    expect(call.write(Buffer.alloc(100_000))).toBe(true);
  });

  it('passes large parts on as they are', () => {
    const { peer, call } = opened();
    const large = Buffer.alloc(10_000, 'x');
    peer.taken();
    call.write(Buffer.from('small'), large);
    const { chunks } = peer.connection.output.take();
    expect(chunks).toContain(large);
  });
});

describe('end', () => {
  it.each<[code: number | undefined, details: string | undefined, status: string]>([
    [undefined, undefined, '0'],
    [0, 'not said with OK either', '0'],
    [11, 'no more', '11'],
  ])('%s %s', (code, details, status) => {
    const { peer, call } = opened();
    call.end(...((code === undefined ? [] : [code, details]) as [number?, string?]));
    call.end(3, 'too late');
    call.write(Buffer.from('too late'));
    const frames = peer.taken();
    // The client had not ended its side: it is told to stop.
    expect(lines(frames)).toEqual(['Headers 1 end', 'RstStream 1 0']);
    expect(peer.fields(frames[0]!)['grpc-status']).toBe(status);
    expect(call.cancelled).toBe(false);
    expect(peer.connection.streams).toBe(0);
  });

  it('comes after what was written, whatever it waits for', () => {
    const { peer, call } = opened();
    call.write(Buffer.alloc(100_000));
    call.end(9, 'at last');
    expect(lines(peer.taken()).at(-1)).toBe('Data 1');
    const frames = peer.send(windowUpdate(0, 100_000), windowUpdate(1, 100_000));
    expect(frames.some(({ type }) => type === FrameType.Data)).toBe(true);
    expect(lines(frames).slice(-2)).toEqual(['Headers 1 end', 'RstStream 1 0']);
  });
});
