/** What a client can make the server do has a bound, and each bound a name. */
import { describe, expect, it } from 'vitest';
import { ErrorCode, Flag, FrameType, PREFACE } from '../src/frame.js';
import type { GrpcLimits } from '../src/limits.js';
import type { StreamCall, UnaryCall } from '../src/method.js';
import {
  block,
  call,
  data,
  frame,
  headers,
  describe as lines,
  message,
  Peer,
  request,
  settings,
  uint32,
  windowUpdate,
} from './raw.js';
import { stream, unary } from './support.js';

const ECHO = '/t.T/Echo';
const HOLD = '/t.T/Hold';
const BIG = '/t.T/Big';
const CALM = ErrorCode.EnhanceYourCalm;
const PING = frame(FrameType.Ping, 0, 0, Buffer.alloc(8));
const reset = (id: number): Buffer => frame(FrameType.RstStream, 0, id, uint32(8));

interface Held {
  readonly calls: UnaryCall[];
  readonly streams: StreamCall[];
  readonly peer: Peer;
}

function held(limits: Partial<GrpcLimits> = {}): Held {
  const calls: UnaryCall[] = [];
  const streams: StreamCall[] = [];
  const peer = new Peer(
    {
      [ECHO]: unary((each) => each.respond(each.message)),
      [HOLD]: unary((each) => void calls.push(each)),
      [BIG]: unary((each) => {
        calls.push(each);
        each.respond(Buffer.alloc(100_000));
      }),
      '/t.T/Stream': stream((each) => void streams.push(each)),
    },
    limits,
  );
  return { calls, streams, peer };
}

describe('a flood ends the connection', () => {
  const ids = (count: number): number[] => Array.from({ length: count }, (_, index) => 2 * index + 1);
  it.each<[limit: keyof GrpcLimits, limits: Partial<GrpcLimits>, allowed: Buffer[], more: Buffer]>([
    ['maxSettings', { maxSettings: 11 }, Array.from({ length: 10 }, () => settings()), settings()],
    [
      'maxPings',
      { maxPings: 10, minPingIntervalMs: 0, permitPingWithoutStream: true },
      Array.from({ length: 10 }, () => PING),
      PING,
    ],
    [
      'maxIdleFrames',
      { maxIdleFrames: 10 },
      [headers(1, request(HOLD)), ...Array.from({ length: 10 }, () => data(1, Buffer.alloc(0), 0))],
      data(1, Buffer.alloc(0), 0),
    ],
    [
      'maxIdleFrames',
      { maxIdleFrames: 10 },
      Array.from({ length: 10 }, () => frame(FrameType.Priority, 0, 1, Buffer.from([0, 0, 0, 3, 1]))),
      frame(FrameType.Priority, 0, 1, Buffer.from([0, 0, 0, 3, 1])),
    ],
    ['maxIdleFrames', { maxIdleFrames: 10 }, Array.from({ length: 10 }, () => frame(0x50, 0, 0)), frame(0x50, 0, 0)],
    [
      'maxResets',
      { maxResets: 10 },
      ids(10).flatMap((id) => [headers(id, request(HOLD)), reset(id)]),
      Buffer.concat([headers(101, request(HOLD)), reset(101)]),
    ],
    // The client makes us reset, by breaking a rule in each call.
    [
      'maxResets',
      { maxResets: 10 },
      ids(10).flatMap((id) => [headers(id, request(HOLD)), windowUpdate(id, 0)]),
      Buffer.concat([headers(101, request(HOLD)), windowUpdate(101, 0)]),
    ],
    [
      'maxResets',
      { maxResets: 10, maxConcurrentStreams: 0 },
      ids(10).map((id) => headers(id, request(HOLD))),
      headers(101, request(HOLD)),
    ],
    [
      'maxContinuations',
      { maxContinuations: 3 },
      [frame(FrameType.Headers, 0, 1), ...Array.from({ length: 3 }, () => frame(FrameType.Continuation, 0, 1))],
      frame(FrameType.Continuation, 0, 1),
    ],
    [
      'maxHeaderBlockBytes',
      { maxHeaderBlockBytes: 20_000 },
      [frame(FrameType.Headers, 0, 1, Buffer.alloc(16_000)), frame(FrameType.Continuation, 0, 1, Buffer.alloc(4000))],
      frame(FrameType.Continuation, 0, 1, Buffer.alloc(1)),
    ],
  ])('%s %o', (limit, limits, allowed, more) => {
    const { peer } = held(limits);
    peer.send(...allowed);
    expect(peer.connection.endedReason).toBeUndefined();
    expect(lines(peer.send(more)).at(-1)).toBe(`GoAway ${CALM}`);
    expect(peer.events).toContain(`guard: ${limit}`);
    expect(peer.connection.endedReason).toBe(`limit ${limit}`);
    expect(peer.connection.streams).toBe(0);
  });

  it('but the count begins anew after a while', () => {
    const { peer } = held({ maxSettings: 10, floodWindowMs: 1000 });
    for (let round = 0; round < 5; round++) {
      peer.send(...Array.from({ length: 8 }, () => settings()));
      peer.wait(1000);
    }
    expect(peer.connection.endedReason).toBeUndefined();
  });

  it('and calls cancelled after a while are no flood', () => {
    const { peer, calls } = held({ maxResets: 10 });
    for (let id = 1; id < 101; id += 2) {
      peer.send(headers(id, request(HOLD)), data(id, message('x')));
      peer.wait(100);
      peer.send(reset(id));
    }
    expect(peer.connection.endedReason).toBeUndefined();
    expect(calls.every((each) => each.cancelled)).toBe(true);
  });
});

describe('pings are policed as gRPC servers do it', () => {
  const pings = (peer: Peer, count: number, everyMs: number): string[] => {
    const answers: string[] = [];
    for (let i = 0; i < count; i++) {
      peer.nowMs += everyMs;
      answers.push(...lines(peer.send(PING)));
    }
    return answers;
  };
  const open = (peer: Peer): void => void peer.send(headers(1, request(HOLD)), data(1, message('x')));

  it('every 5 s with a call open is fine', () => {
    const { peer } = held();
    open(peer);
    expect(pings(peer, 50, 5000)).toEqual(Array.from({ length: 50 }, () => 'Ping ack'));
  });

  it.each([true, false])('the fourth in a second each is one too many, with a call open: %s', (withCall) => {
    const { peer } = held();
    if (withCall) open(peer);
    // The first is never too soon; then three strikes.
    expect(pings(peer, 4, 1000)).toEqual(['Ping ack', 'Ping ack', 'Ping ack', 'Ping ack', `GoAway ${CALM}`]);
    expect(peer.events).toContain('guard: minPingIntervalMs');
  });

  it('says too_many_pings', () => {
    const { peer } = held();
    pings(peer, 3, 1);
    const goAway = peer.send(PING).at(-1)!;
    expect(goAway.payload.toString('latin1', 8)).toBe('too_many_pings');
  });

  it('without a call even every minute is too often, unless permitted', () => {
    expect(pings(held().peer, 9, 60_000).at(-1)).toBe(`GoAway ${CALM}`);
    expect(pings(held({ permitPingWithoutStream: true }).peer, 9, 60_000).at(-1)).toBe('Ping ack');
  });

  it('a client that measures the way after each answer is welcome', () => {
    const { peer } = held({ maxPings: 10 });
    for (let id = 1; id < 2001; id += 2) expect(lines(peer.send(call(id, ECHO), PING)).at(-1)).toBe('Ping ack');
    expect(peer.connection.endedReason).toBeUndefined();
  });

  it('answers forgive', () => {
    const { peer } = held();
    for (let id = 1; id < 41; id += 2) {
      expect(pings(peer, 2, 10)).toEqual(['Ping ack', 'Ping ack']);
      peer.send(call(id, ECHO));
    }
    expect(peer.connection.endedReason).toBeUndefined();
  });
});

describe('time', () => {
  it.each<[limit: keyof GrpcLimits, sent: Buffer[]]>([
    ['handshakeMs', []],
    ['handshakeMs', [Buffer.from(PREFACE.subarray(0, 12))]],
    ['handshakeMs', [Buffer.from(PREFACE)]],
    ['settingsAckMs', [Buffer.from(PREFACE), settings()]],
    [
      'frameMs',
      [Buffer.from(PREFACE), settings(), frame(4, 1, 0), call(1, ECHO), data(3, message('x')).subarray(0, 5)],
    ],
    [
      'frameMs',
      [Buffer.from(PREFACE), settings(), frame(4, 1, 0), frame(FrameType.Headers, 0, 1, block(request(ECHO)))],
    ],
  ])('%s', (limit, sent) => {
    const peer = new Peer({ [ECHO]: unary((each) => each.respond(each.message)) }, { [limit]: 5000 }, false);
    peer.send(...sent);
    peer.wait(4999);
    expect(peer.connection.endedReason).toBeUndefined();
    peer.wait(1);
    expect(peer.connection.endedReason).toBe(`limit ${limit}`);
  });

  it('frameMs: a byte now and then does not help', () => {
    const { peer } = held({ frameMs: 5000 });
    const slow = headers(1, request(ECHO));
    for (let at = 0; at < 5; at++) {
      peer.send(slow.subarray(at, at + 1));
      peer.wait(1000);
    }
    expect(peer.connection.endedReason).toBe('limit frameMs');
  });

  it('but not those of a client we do not read from', () => {
    const { peer, calls } = held({ frameMs: 5000, messageMs: 8000 });
    peer.send(headers(1, request(HOLD)), data(1, message('x')).subarray(0, 12));
    peer.stuck = true;
    peer.connection.congested = true;
    peer.wait(60_000, 1000);
    peer.stuck = false;
    peer.connection.congested = false;
    peer.wait(4000, 1000);
    peer.send(data(1, message('x')).subarray(12));
    expect(calls.length).toBe(1);
    expect(peer.connection.endedReason).toBeUndefined();
  });

  it('messageMs: a request that does not come to its end is ended, others go on', () => {
    const { peer, streams } = held({ messageMs: 8000 });
    peer.send(headers(1, request(HOLD)), headers(3, request('/t.T/Stream')), headers(5, request('/t.T/Stream')));
    peer.send(data(5, message('whole'), 0), data(3, message('not whole').subarray(0, 6), 0));
    const frames = peer.wait(10_000, 1000);
    expect(lines(frames)).toEqual(expect.arrayContaining(['Headers 1 end', 'RstStream 1 0', 'Headers 3 end']));
    expect(peer.connection.streams).toBe(1);
    expect(streams.map((each) => each.cancelled)).toEqual([true, false]);
    expect(peer.connection.endedReason).toBeUndefined();
  });

  it('idleMs: a connection without calls is told to go, one with a call is not', () => {
    const { peer, calls } = held({ idleMs: 5000 });
    peer.send(headers(1, request(HOLD)), data(1, message('x')));
    expect(lines(peer.wait(20_000, 500))).toEqual([]);
    calls[0]!.respond();
    peer.taken();
    expect(lines(peer.wait(4000, 500))).toEqual([]);
    expect(lines(peer.wait(7000, 500))).toEqual(['GoAway 0', 'Ping', 'GoAway 0']);
    expect(peer.connection.endedReason).toBe('drained');
  });

  it('a call that crossed the GOAWAY is not taken, and does no harm', () => {
    const { peer, calls } = held();
    peer.send(call(1, HOLD));
    peer.connection.drain(peer.nowMs);
    const ping = peer.taken().find(({ type }) => type === FrameType.Ping)!;
    expect(lines(peer.send(frame(FrameType.Ping, Flag.Ack, 0, ping.payload)))).toEqual(['GoAway 0']);
    expect(lines(peer.send(call(3, HOLD), windowUpdate(3, 5), reset(3)))).toEqual([]);
    expect(calls.length).toBe(1);
    calls[0]!.respond(Buffer.from('x'));
    expect(lines(peer.taken())).toEqual(['Headers 1', 'Data 1', 'Headers 1 end']);
    expect(peer.connection.endedReason).toBe('drained');
  });

  it('maxAgeMs: an old connection is told to go, and ends after the grace', () => {
    const { peer, calls } = held({ maxAgeMs: 5000, maxAgeGraceMs: 3000 });
    peer.send(headers(1, request(HOLD)), data(1, message('x')));
    expect(lines(peer.wait(7500, 500))).toEqual(['GoAway 0', 'Ping', 'GoAway 0']);
    expect(calls[0]!.cancelled).toBe(false);
    peer.wait(1000, 500);
    expect(calls[0]!.cancelled).toBe(true);
    expect(peer.connection.endedReason).toBe('limit maxAgeGraceMs');
  });

  it('keepalive: a silent client is pinged, and dropped when nothing comes', () => {
    const { peer } = held({ keepaliveIntervalMs: 10_000, keepaliveTimeoutMs: 3000 });
    expect(lines(peer.wait(9000, 1000))).toEqual([]);
    expect(lines(peer.wait(1000))).toEqual(['Ping']);
    peer.send(frame(FrameType.Ping, Flag.Ack, 0, Buffer.from('ka-ping\0')));
    expect(lines(peer.wait(9000, 1000))).toEqual([]);
    expect(lines(peer.wait(3000, 1000))).toEqual(['Ping']);
    expect(lines(peer.wait(1000, 1000))).toEqual(['GoAway 0']);
    expect(peer.connection.endedReason).toBe('limit keepaliveTimeoutMs');
  });

  it('a deadline ends a call with its status, and tells the handler', () => {
    const { peer, calls } = held();
    peer.send(headers(1, request(HOLD, [['grpc-timeout', '50m']])), data(1, message('x')));
    let heard = 0;
    calls[0]!.onCancel(() => heard++);
    expect(lines(peer.wait(49))).toEqual([]);
    const [trailers] = peer.wait(20);
    expect(peer.fields(trailers!)).toMatchObject({ 'grpc-status': '4', 'grpc-message': 'context deadline exceeded' });
    expect(heard).toBe(1);
    calls[0]!.onCancel(() => heard++);
    expect(heard).toBe(2);
    calls[0]!.respond(Buffer.from('late'));
    calls[0]!.fail(5, 'late');
    expect(peer.taken()).toEqual([]);
    expect(peer.shared.deadlines.size).toBe(0);
  });
});

describe('memory', () => {
  it('busyQueuedBytes: a client that takes no answers gets no further ones made', () => {
    const { peer, calls } = held({ busyQueuedBytes: 1_000_000 });
    const ask = Array.from({ length: 500 }, (_, index) => call(2 * index + 1, BIG));
    peer.send(...ask);
    // 65,535 bytes went out, ten answers wait, and the eleventh found it busy.
    expect(calls.length).toBeLessThan(13);
    expect(peer.shared.queued.used).toBeLessThan(1_200_000);
    // As it reads, the others come.
    let got = 0;
    for (let round = 0; round < 600; round++) {
      const frames = peer.send(
        windowUpdate(0, 200_000),
        ...ask.map((_, index) => windowUpdate(2 * index + 1, 70_000)).slice(round, round + 1),
      );
      got += frames.filter(({ type, flags }) => type === FrameType.Headers && flags & 1).length;
    }
    expect(calls.length).toBe(500);
    expect(got).toBe(500);
    expect(peer.shared.queued.used).toBe(0);
  });

  it('maxQueuedBytes: answers to what was asked before it stopped to read are kept up to the bound', () => {
    const { peer, calls } = held({ maxQueuedBytes: 1_000_000 });
    peer.send(...Array.from({ length: 50 }, (_, index) => call(2 * index + 1, HOLD)));
    for (const each of calls) each.respond(Buffer.alloc(100_000));
    expect(peer.connection.endedReason).toBe('limit maxQueuedBytes');
    expect(lines(peer.taken()).at(-1)).toBe(`GoAway ${CALM}`);
    expect(peer.shared.queued.used).toBe(0);
    expect(calls.at(-1)!.cancelled).toBe(true);
  });

  it('one answer may be larger than the bound', () => {
    const { peer, calls } = held({ maxQueuedBytes: 1000, maxUnsentBytes: 1e9 });
    peer.send(call(1, HOLD));
    calls[0]!.respond(Buffer.alloc(200_000));
    expect(peer.connection.endedReason).toBeUndefined();
    const frames = [...peer.taken(), ...peer.send(windowUpdate(0, 200_000), windowUpdate(1, 200_000))];
    expect(frames.reduce((sum, { type, payload }) => sum + (type === 0 ? payload.length : 0), 0)).toBe(200_005);
  });

  it('maxReceivedBytes: what nobody reads', () => {
    const { peer, streams } = held({ maxReceivedBytes: 100_000, streamWindowBytes: 60_000 });
    for (const id of [1, 3, 5]) {
      peer.send(headers(id, request('/t.T/Stream')));
      for (let i = 0; i < 5; i++) peer.send(data(id, message(Buffer.alloc(10_000)), 0));
    }
    // The third found no room.
    expect(streams.map((each) => each.cancelled)).toEqual([false, false, true]);
    expect(peer.shared.received.used).toBeLessThan(102_000);
    peer.send(reset(1), reset(3));
    expect(peer.shared.received.used).toBe(0);
    expect(peer.connection.endedReason).toBeUndefined();
  });

  it('maxReceivedBytes: requests that are begun and never whole', () => {
    const { peer } = held({ maxReceivedBytes: 100_000 });
    const prefix = Buffer.from([0, 0, 0x10, 0, 0]);
    for (let id = 1; id < 41; id += 2) {
      peer.send(headers(id, request(HOLD)), data(id, Buffer.concat([prefix, Buffer.alloc(9000)]), 0));
    }
    expect(peer.shared.received.used).toBeLessThan(110_000);
    expect(peer.connection.streams).toBeLessThan(13);
    peer.connection.lost('gone');
    expect(peer.shared.received.used).toBe(0);
  });

  it('a few bytes that wait hold no chunk alive', async () => {
    const { peer, streams } = held();
    peer.send(headers(1, request('/t.T/Stream')));
    peer.send(data(1, message('tiny'), 0), frame(0x50, 0, 0, Buffer.alloc(15_000)));
    expect((await streams[0]!.read())!.buffer.byteLength).toBe(4);
  });
});

it('after the end nothing is held, and every call has heard', () => {
  const { peer, calls, streams } = held();
  peer.send(call(1, HOLD), call(3, HOLD), headers(5, request('/t.T/Stream')), data(5, message('x'), 0));
  let heard = 0;
  for (const each of [...calls, ...streams]) each.onCancel(() => heard++);
  peer.connection.lost('gone');
  expect(heard).toBe(3);
  expect(peer.shared.received.used).toBe(0);
  expect(peer.events).toEqual(['opened', 'closed: gone']);
  for (const each of calls) each.respond(Buffer.from('x'));
  streams[0]!.end();
  expect(peer.taken()).toEqual([]);
});

it('a handler that throws costs its call, not the connection', () => {
  const peer = new Peer({
    '/t.T/Unary': unary(() => {
      throw new Error('one');
    }),
    '/t.T/Stream': stream(() => {
      throw new Error('two');
    }),
    '/t.T/Take': stream((each) =>
      each.onMessage(
        () => {
          throw new Error('three');
        },
        () => {},
      ),
    ),
    '/t.T/Cancel': unary((each) =>
      each.onCancel(() => {
        throw new Error('four');
      }),
    ),
  });
  for (const [index, method] of ['Unary', 'Stream', 'Take'].entries()) {
    const [trailers] = peer.send(call(2 * index + 1, `/t.T/${method}`));
    expect(peer.fields(trailers!)).toMatchObject({ 'grpc-status': '13', 'grpc-message': 'internal error' });
  }
  peer.send(call(9, '/t.T/Cancel'), reset(9));
  expect(peer.broken.map((error) => (error as Error).message)).toEqual(['one', 'two', 'three', 'four']);
  expect(peer.connection.endedReason).toBeUndefined();
});
