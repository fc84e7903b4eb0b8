/** The shapes a request of one message can come in, and what is answered to those it must not. */
import { describe, expect, it } from 'vitest';
import { FrameType } from '../src/frame.js';
import { data, frame, headers, message, Peer, request } from './raw.js';
import { unary } from './support.js';

const PATH = '/t.T/Echo';
const more = (payload: Uint8Array): Buffer => data(1, payload, 0);
const last = (payload: Uint8Array): Buffer => data(1, payload);

function answer(...bytes: Buffer[]): {
  readonly status: Record<string, string>;
  readonly message: string | undefined;
  readonly handled: number;
} {
  let handled = 0;
  const peer = new Peer(
    {
      [PATH]: unary((each) => {
        handled++;
        each.respond(each.message);
      }),
    },
    { maxReceiveBytes: 100 },
  );
  const frames = peer.send(headers(1, request(PATH)), ...bytes);
  const status = frames
    .filter(({ type }) => type === FrameType.Headers)
    .map((each) => peer.fields(each))
    .at(-1)!;
  const body = frames.find(({ type }) => type === FrameType.Data)?.payload.toString('latin1', 5);
  expect(peer.connection.endedReason).toBeUndefined();
  expect(peer.shared.received.used).toBe(0);
  return { status, message: body, handled };
}

describe('is handled once, when it is whole and ended', () => {
  const whole = message('a message');
  it.each<[shape: string, bytes: Buffer[], text: string]>([
    ['in one frame', [last(whole)], 'a message'],
    ['in two', [more(whole.subarray(0, 7)), last(whole.subarray(7))], 'a message'],
    [
      'byte by byte',
      [...whole].map((byte, index) => data(1, Buffer.from([byte]), index === whole.length - 1 ? 1 : 0)),
      'a message',
    ],
    ['ended by an empty frame', [more(whole), last(Buffer.alloc(0))], 'a message'],
    ['ended by trailers', [more(whole), headers(1, [['x', 'y']], 5)], 'a message'],
    ['empty', [last(message(''))], ''],
    ['as long as it may be', [last(message('x'.repeat(100)))], 'x'.repeat(100)],
  ])('%s', (_shape, bytes, text) => {
    expect(answer(...bytes)).toMatchObject({ handled: 1, message: text, status: { 'grpc-status': '0' } });
  });
});

describe('is not handled', () => {
  const two = message('one');
  it.each<[shape: string, bytes: Buffer[], code: string, details: string]>([
    ['without a message', [last(Buffer.alloc(0))], '2', 'EOF'],
    ['cut short', [last(message('whole').subarray(0, 7))], '2', 'unexpected EOF'],
    [
      'one byte too long',
      [last(message('x'.repeat(101)))],
      '8',
      'grpc: received message larger than max (101 vs. 100)',
    ],
    [
      'too long by what it announces',
      [more(Buffer.from([0, 127, 0, 0, 0]))],
      '8',
      'grpc: received message larger than max (2130706432 vs. 100)',
    ],
    [
      'with two messages',
      [last(Buffer.concat([two, two]))],
      '13',
      'grpc: received a second message of a call that has one',
    ],
    [
      'with a second message later',
      [more(two), last(two)],
      '13',
      'grpc: received a second message of a call that has one',
    ],
    [
      'compressed without saying how',
      [last(message('x', 1))],
      '13',
      'grpc: compressed flag set with identity or empty encoding',
    ],
  ])('%s', (_shape, bytes, code, details) => {
    expect(answer(...bytes)).toEqual({
      handled: 0,
      message: undefined,
      status: expect.objectContaining({ ':status': '200', 'grpc-status': code, 'grpc-message': details }),
    });
  });

  it('when its headers end it', () => {
    const peer = new Peer({ [PATH]: unary((each) => each.respond()) });
    const [trailers] = peer.send(headers(1, request(PATH), 5));
    expect(peer.fields(trailers!)).toMatchObject({ 'grpc-status': '2', 'grpc-message': 'EOF' });
  });
});

it('an answer is given once', () => {
  const peer = new Peer({
    [PATH]: unary((each) => {
      each.respond(Buffer.from('first'));
      each.respond(Buffer.from('second'));
      each.fail(5, 'third');
    }),
  });
  const frames = peer.send(headers(1, request(PATH)), last(message('x')), frame(FrameType.Ping, 0, 0, Buffer.alloc(8)));
  expect(frames.map(({ type }) => type)).toEqual([
    FrameType.Headers,
    FrameType.Data,
    FrameType.Headers,
    FrameType.Ping,
  ]);
  expect(frames[1]!.payload.toString('latin1', 5)).toBe('first');
});
