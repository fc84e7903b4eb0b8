/** What RFC 9113 says, by section: frames a client may or may not send, and what it gets for them. */
import { describe, expect, it } from 'vitest';
import { ErrorCode, Flag, FrameType, PREFACE, Setting } from '../src/frame.js';
import type { UnaryCall } from '../src/method.js';
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

const E = ErrorCode;
const ECHO = '/t.T/Echo';
const CHAT = '/t.T/Chat';
const HOLD = '/t.T/Hold';
const ANSWER = ['Headers 1', 'Data 1', 'Headers 1 end'];

function peer(limits = {}): Peer {
  return new Peer(
    {
      [ECHO]: unary((each) => each.respond(each.message)),
      [HOLD]: unary(() => {}),
      [CHAT]: stream((each) =>
        each.onMessage(
          (one) => void each.write(one),
          () => each.end(),
        ),
      ),
    },
    limits,
  );
}

/** Headers of a call that has more to come. */
const begin = (id: number, path = ECHO): Buffer => headers(id, request(path));
const padded = (padding: number, payload: Buffer): Buffer =>
  Buffer.concat([Buffer.from([padding]), payload, Buffer.alloc(padding)]);
const priority = (dependsOn: number): Buffer => Buffer.concat([uint32(dependsOn), Buffer.from([15])]);
/** The request's block in three pieces. */
const pieces = (fields = request(ECHO)): [Buffer, Buffer, Buffer] => {
  const whole = block(fields);
  return [whole.subarray(0, 20), whole.subarray(20, 40), whole.subarray(40)];
};
const [ONE, TWO, THREE] = pieces();
const HEADERS = FrameType.Headers;
const CONTINUATION = FrameType.Continuation;
const END = Flag.EndStream | Flag.EndHeaders;

describe('is answered', () => {
  it.each<[section: string, bytes: Buffer[], answer: string[]]>([
    ['8.1 a request of HEADERS and DATA', [call(1, ECHO)], ANSWER],
    [
      '8.1 a request whose end is an empty DATA',
      [begin(1), data(1, message('x'), 0), data(1, Buffer.alloc(0))],
      ANSWER,
    ],
    ['8.1 a request with trailers', [begin(1), data(1, message('x'), 0), headers(1, [['x', 'y']], END)], ANSWER],
    ['5.1.1 an id that skips some', [call(9, ECHO)], ['Headers 9', 'Data 9', 'Headers 9 end']],
    ['6.1 DATA with padding', [begin(1), frame(0, Flag.EndStream | Flag.Padded, 1, padded(7, message('x')))], ANSWER],
    [
      '6.1 DATA that is all padding',
      [begin(1), data(1, message('x'), 0), frame(0, Flag.EndStream | Flag.Padded, 1, padded(7, Buffer.alloc(0)))],
      ANSWER,
    ],
    [
      '6.2 HEADERS with padding',
      [frame(HEADERS, Flag.EndHeaders | Flag.Padded, 1, padded(9, block(request(ECHO)))), data(1, message('x'))],
      ANSWER,
    ],
    [
      '6.2 HEADERS with a priority',
      [
        frame(HEADERS, Flag.EndHeaders | Flag.Priority, 1, Buffer.concat([priority(0), block(request(ECHO))])),
        data(1, message('x')),
      ],
      ANSWER,
    ],
    [
      '6.10 a header block in CONTINUATIONs',
      [
        frame(HEADERS, 0, 1, ONE),
        frame(CONTINUATION, 0, 1, TWO),
        frame(CONTINUATION, Flag.EndHeaders, 1, THREE),
        data(1, message('x')),
      ],
      ANSWER,
    ],
    [
      '6.10 empty CONTINUATIONs',
      [
        frame(HEADERS, 0, 1, block(request(ECHO))),
        frame(CONTINUATION, 0, 1),
        frame(CONTINUATION, Flag.EndHeaders, 1),
        data(1, message('x')),
      ],
      ANSWER,
    ],
    ['6.7 PING', [frame(FrameType.Ping, 0, 0, Buffer.from('12345678'))], ['Ping ack']],
    ['6.7 an answer to a ping nobody sent, with nothing', [frame(FrameType.Ping, Flag.Ack, 0, Buffer.alloc(8))], []],
    ['6.5 SETTINGS', [settings([Setting.MaxFrameSize, 65_536])], ['Settings ack']],
    ['6.5.2 a setting nobody knows', [settings([0x7f, 5])], ['Settings ack']],
    ['4.1 a frame of a type nobody knows, with nothing', [frame(0x42, 0xff, 77, Buffer.from('what'))], []],
    ['4.1 flags nobody knows, with nothing', [frame(FrameType.Ping, 0xf0, 0, Buffer.alloc(8))], ['Ping ack']],
    [
      '4.1 the reserved bit of an id, with nothing',
      [begin(1), frame(0, Flag.EndStream, 0x8000_0001, message('x'))],
      ANSWER,
    ],
    [
      '5.3 PRIORITY on an idle stream, with nothing',
      [frame(FrameType.Priority, 0, 9, priority(1)), call(1, ECHO)],
      ANSWER,
    ],
    ['6.9 WINDOW_UPDATE of a stream that is over, with nothing', [call(1, ECHO), windowUpdate(1, 10)], ANSWER],
    [
      '6.4 RST_STREAM of a stream that is over, with nothing',
      [call(1, ECHO), frame(FrameType.RstStream, 0, 1, uint32(8))],
      ANSWER,
    ],
    ['6.8 GOAWAY, and calls go on', [frame(FrameType.GoAway, 0, 0, Buffer.alloc(8)), call(1, ECHO)], ANSWER],
  ])('%s', (_section, bytes, answer) => {
    const client = peer();
    expect(lines(client.send(...bytes))).toEqual(answer);
    expect(client.connection.endedReason).toBeUndefined();
  });
});

describe('ends the connection', () => {
  it.each<[section: string, code: number, bytes: Buffer[]]>([
    ['4.2 a frame longer than allowed', E.FrameSizeError, [frame(0, 0, 1, Buffer.alloc(16_385))]],
    ['4.2 a header of a frame of 2^24 - 1', E.FrameSizeError, [Buffer.from([255, 255, 255, 0, 0, 0, 0, 0, 1])]],
    [
      '4.3 a header block nobody can read',
      E.CompressionError,
      [frame(HEADERS, END, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]))],
    ],
    [
      '4.3 a header block that is continued by another frame',
      E.ProtocolError,
      [frame(HEADERS, 0, 1, ONE), frame(FrameType.Ping, 0, 0, Buffer.alloc(8))],
    ],
    [
      '4.3 a header block continued on another stream',
      E.ProtocolError,
      [frame(HEADERS, 0, 1, ONE), frame(CONTINUATION, 0, 3, TWO)],
    ],
    ['5.1 idle: DATA', E.ProtocolError, [data(1, message('x'))]],
    ['5.1 idle: RST_STREAM', E.ProtocolError, [frame(FrameType.RstStream, 0, 1, uint32(8))]],
    ['5.1 idle: WINDOW_UPDATE', E.ProtocolError, [windowUpdate(1, 1)]],
    ['5.1 idle: CONTINUATION', E.ProtocolError, [frame(CONTINUATION, Flag.EndHeaders, 1, ONE)]],
    ['5.1 closed: DATA', E.StreamClosed, [call(1, ECHO), data(1, message('x'))]],
    ['5.1 closed: HEADERS', E.StreamClosed, [call(1, ECHO), begin(1)]],
    [
      '5.1 closed by its own RST_STREAM: DATA',
      E.StreamClosed,
      [begin(1), frame(FrameType.RstStream, 0, 1, uint32(8)), data(1, message('x'))],
    ],
    [
      '5.1 closed by its own RST_STREAM: HEADERS',
      E.StreamClosed,
      [begin(1), frame(FrameType.RstStream, 0, 1, uint32(8)), begin(1)],
    ],
    ['5.1.1 an even id', E.ProtocolError, [begin(2)]],
    ['5.1.1 an id lower than one before', E.ProtocolError, [call(5, ECHO), begin(3)]],
    ['5.1.1 id 0', E.ProtocolError, [begin(0)]],
    ['6.1 DATA on stream 0', E.ProtocolError, [data(0, message('x'))]],
    ['6.1 more padding than payload', E.ProtocolError, [begin(1), frame(0, Flag.Padded, 1, Buffer.from([5, 1, 2]))]],
    ['6.1 padded, and no payload at all', E.ProtocolError, [begin(1), frame(0, Flag.Padded, 1)]],
    [
      '6.2 HEADERS with more padding than payload',
      E.ProtocolError,
      [frame(HEADERS, END | Flag.Padded, 1, Buffer.from([9, 0x82]))],
    ],
    [
      '6.2 HEADERS too short for its priority',
      E.FrameSizeError,
      [frame(HEADERS, END | Flag.Priority, 1, Buffer.from([0, 0]))],
    ],
    ['6.3 PRIORITY on stream 0', E.ProtocolError, [frame(FrameType.Priority, 0, 0, priority(1))]],
    ['6.4 RST_STREAM on stream 0', E.ProtocolError, [frame(FrameType.RstStream, 0, 0, uint32(8))]],
    ['6.4 RST_STREAM of a wrong size', E.FrameSizeError, [begin(1), frame(FrameType.RstStream, 0, 1, Buffer.alloc(3))]],
    ['6.5 SETTINGS on a stream', E.ProtocolError, [frame(FrameType.Settings, 0, 1)]],
    ['6.5 SETTINGS of a wrong size', E.FrameSizeError, [frame(FrameType.Settings, 0, 0, Buffer.alloc(5))]],
    [
      '6.5 an acknowledgement with settings',
      E.FrameSizeError,
      [frame(FrameType.Settings, Flag.Ack, 0, Buffer.alloc(6))],
    ],
    ['6.5.2 ENABLE_PUSH 2', E.ProtocolError, [settings([Setting.EnablePush, 2])]],
    ['6.5.2 INITIAL_WINDOW_SIZE 2^31', E.FlowControlError, [settings([Setting.InitialWindowSize, 2 ** 31])]],
    ['6.5.2 MAX_FRAME_SIZE 2^14 - 1', E.ProtocolError, [settings([Setting.MaxFrameSize, 16_383])]],
    ['6.5.2 MAX_FRAME_SIZE 2^24', E.ProtocolError, [settings([Setting.MaxFrameSize, 2 ** 24])]],
    [
      '6.6 PUSH_PROMISE',
      E.ProtocolError,
      [begin(1), frame(FrameType.PushPromise, Flag.EndHeaders, 1, Buffer.alloc(4))],
    ],
    ['6.7 PING on a stream', E.ProtocolError, [frame(FrameType.Ping, 0, 1, Buffer.alloc(8))]],
    ['6.7 PING of a wrong size', E.FrameSizeError, [frame(FrameType.Ping, 0, 0, Buffer.alloc(7))]],
    ['6.8 GOAWAY on a stream', E.ProtocolError, [frame(FrameType.GoAway, 0, 1, Buffer.alloc(8))]],
    ['6.9 WINDOW_UPDATE of 0 on the connection', E.ProtocolError, [windowUpdate(0, 0)]],
    ['6.9 WINDOW_UPDATE of a wrong size', E.FrameSizeError, [frame(FrameType.WindowUpdate, 0, 0, Buffer.alloc(3))]],
    ['6.9.1 a window of the connection beyond 2^31 - 1', E.FlowControlError, [windowUpdate(0, 2 ** 31 - 1)]],
    [
      '6.9.2 a setting that takes a window beyond 2^31 - 1',
      E.FlowControlError,
      [begin(1, HOLD), windowUpdate(1, 2 ** 31 - 1 - 65_535), settings([Setting.InitialWindowSize, 65_536])],
    ],
    [
      '6.10 CONTINUATION after the end of a block',
      E.ProtocolError,
      [begin(1), frame(CONTINUATION, Flag.EndHeaders, 1, ONE)],
    ],
    [
      '6.10 CONTINUATION after the last CONTINUATION',
      E.ProtocolError,
      [
        frame(HEADERS, 0, 1, ONE),
        frame(CONTINUATION, 0, 1, TWO),
        frame(CONTINUATION, Flag.EndHeaders, 1, THREE),
        frame(CONTINUATION, Flag.EndHeaders, 1, THREE),
      ],
    ],
    ['6.10 CONTINUATION on stream 0', E.ProtocolError, [frame(CONTINUATION, Flag.EndHeaders, 0, ONE)]],
  ])('%s', (_section, code, bytes) => {
    const client = peer();
    const answer = lines(client.send(...bytes));
    expect(answer.at(-1)).toBe(`GoAway ${code}`);
    expect(client.connection.endedReason).toBeDefined();
    expect(client.connection.streams).toBe(0);
    // Nothing is read any more.
    expect(client.send(call(101, ECHO))).toEqual([]);
  });

  it.each<[section: string, bytes: Buffer]>([
    ['3.4 another preface', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['3.4 a preface with one wrong byte', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\rX')],
    ['3.4 another frame than SETTINGS first', Buffer.concat([PREFACE, frame(FrameType.Ping, 0, 0, Buffer.alloc(8))])],
    ['3.4 an acknowledgement first', Buffer.concat([PREFACE, frame(FrameType.Settings, Flag.Ack, 0)])],
  ])('%s', (_section, bytes) => {
    const client = new Peer({}, {}, false);
    client.taken();
    expect(lines(client.send(bytes))).toEqual([`GoAway ${E.ProtocolError}`]);
  });
});

describe('resets the stream', () => {
  const without = (name: string) => request(ECHO).filter(([each]) => each !== name);
  const bad = (fields: Parameters<typeof headers>[1]): Buffer[] => [headers(1, fields, END)];
  it.each<[section: string, code: number, bytes: Buffer[]]>([
    ['5.1 half-closed: DATA', E.StreamClosed, [begin(1, HOLD), data(1, message('x')), data(1, message('x'))]],
    [
      '5.1 half-closed: HEADERS',
      E.StreamClosed,
      [begin(1, HOLD), data(1, message('x')), headers(1, [['a', 'b']], END)],
    ],
    [
      '5.3.1 a stream that depends on itself, by HEADERS',
      E.ProtocolError,
      [frame(HEADERS, END | Flag.Priority, 1, Buffer.concat([priority(1), block(request(ECHO))]))],
    ],
    [
      '5.3.1 a stream that depends on itself, by HEADERS in pieces',
      E.ProtocolError,
      [
        frame(HEADERS, Flag.Priority, 1, Buffer.concat([priority(1), ONE])),
        frame(CONTINUATION, Flag.EndHeaders, 1, Buffer.concat([TWO, THREE])),
      ],
    ],
    [
      '5.3.1 a stream that depends on itself, by PRIORITY',
      E.ProtocolError,
      [begin(1, HOLD), frame(FrameType.Priority, 0, 1, priority(1))],
    ],
    [
      '6.3 PRIORITY of a wrong size',
      E.FrameSizeError,
      [begin(1, HOLD), frame(FrameType.Priority, 0, 1, Buffer.alloc(4))],
    ],
    ['6.9 WINDOW_UPDATE of 0', E.ProtocolError, [begin(1, HOLD), windowUpdate(1, 0)]],
    ['6.9.1 a window beyond 2^31 - 1', E.FlowControlError, [begin(1, HOLD), windowUpdate(1, 2 ** 31 - 1)]],
    [
      '8.1 trailers that are not the end',
      E.ProtocolError,
      [begin(1), data(1, message('x'), 0), headers(1, [['a', 'b']])],
    ],
    [
      '8.1.1 content-length more than DATA',
      E.ProtocolError,
      [headers(1, request(ECHO, [['content-length', '9']])), data(1, message('x'))],
    ],
    [
      '8.1.1 content-length less than DATA',
      E.ProtocolError,
      [headers(1, request(ECHO, [['content-length', '5']])), data(1, message('x'), 0)],
    ],
    ['8.1.1 content-length and no DATA', E.ProtocolError, bad(request(ECHO, [['content-length', '6']]))],
    [
      '8.1.1 two content-lengths',
      E.ProtocolError,
      bad(
        request(ECHO, [
          ['content-length', '6'],
          ['content-length', '7'],
        ]),
      ),
    ],
    ['8.2 a name in upper case', E.ProtocolError, bad(request(ECHO, [['X-A', '1']]))],
    ['8.2 an empty name', E.ProtocolError, bad(request(ECHO, [['', '1']]))],
    ['8.2.1 a line break in a value', E.ProtocolError, bad(request(ECHO, [['x', 'a\nb']]))],
    ['8.2.1 a zero byte in a value', E.ProtocolError, bad(request(ECHO, [['x', 'a\0b']]))],
    ['8.2.2 connection', E.ProtocolError, bad(request(ECHO, [['connection', 'keep-alive']]))],
    ['8.2.2 transfer-encoding', E.ProtocolError, bad(request(ECHO, [['transfer-encoding', 'chunked']]))],
    ['8.2.2 te other than trailers', E.ProtocolError, bad(request(ECHO, [['te', 'gzip']]))],
    ['8.3 a pseudo-header after others', E.ProtocolError, bad([...request(ECHO), [':authority', 'x']])],
    ['8.3 a pseudo-header nobody knows', E.ProtocolError, bad([[':what', 'x'], ...request(ECHO)])],
    ['8.3 a pseudo-header of answers', E.ProtocolError, bad([[':status', '200'], ...request(ECHO)])],
    ['8.3.1 no :method', E.ProtocolError, bad(without(':method'))],
    ['8.3.1 no :scheme', E.ProtocolError, bad(without(':scheme'))],
    ['8.3.1 no :path', E.ProtocolError, bad(without(':path'))],
    ['8.3.1 an empty :path', E.ProtocolError, bad([[':path', ''], ...without(':path')])],
    ['8.3.1 :path twice', E.ProtocolError, bad([[':path', ECHO], ...request(ECHO)])],
    [
      '6.5.2 a list of headers longer than allowed',
      E.FrameSizeError,
      bad(
        request(
          ECHO,
          Array.from({ length: 300 }, (_, i) => [`x${i}`, 'y']),
        ),
      ),
    ],
  ])('%s', (_section, code, bytes) => {
    const client = peer();
    expect(lines(client.send(...bytes))).toContain(`RstStream 1 ${code}`);
    expect(client.connection.endedReason).toBeUndefined();
    // The connection is none the worse for it.
    expect(lines(client.send(call(3, ECHO)))).toEqual(['Headers 3', 'Data 3', 'Headers 3 end']);
  });

  it('6.9.1 more DATA than its window, which is given back only as its messages are read', () => {
    const client = new Peer({ '/t.T/Deaf': stream(() => {}) }, { streamWindowBytes: 65_536 });
    const piece = message(Buffer.alloc(16_384 - 5));
    client.send(begin(1, '/t.T/Deaf'));
    expect(lines(client.send(...Array.from({ length: 4 }, () => data(1, piece, 0))))).toEqual([]);
    expect(lines(client.send(data(1, piece, 0)))).toEqual([`RstStream 1 ${E.FlowControlError}`]);
  });

  it('5.1.2 one stream more than allowed, and the others go on', () => {
    const client = peer({ maxConcurrentStreams: 2 });
    expect(lines(client.send(begin(1), begin(3), begin(5)))).toEqual([`RstStream 5 ${E.RefusedStream}`]);
    expect(client.events).toContain('refused');
    expect(lines(client.send(data(1, message('x'))))).toEqual(ANSWER);
    expect(lines(client.send(call(7, ECHO)))).toEqual(['Headers 7', 'Data 7', 'Headers 7 end']);
    // Frames of the refused one that were on their way.
    expect(lines(client.send(data(5, message('x')), headers(5, [], END)))).toEqual([]);
  });
});

describe('a header block is decoded even when its stream is of no interest', () => {
  const indexed = (name: string, value: string): Buffer =>
    Buffer.concat([
      Buffer.from([0x40, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]);

  it.each<[what: string, before: Buffer[], id: number]>([
    ['trailers', [begin(1)], 1],
    ['a refused one', [begin(1, HOLD), begin(3, HOLD)], 5],
    ['trailers of one that was refused', [begin(1, HOLD), begin(3, HOLD), begin(5)], 5],
  ])('%s', (_what, before, id) => {
    let seen: string | undefined;
    const client = new Peer(
      {
        [HOLD]: unary(() => {}),
        [ECHO]: unary((each: UnaryCall) => {
          seen = each.metadata('late');
          each.respond(each.message);
        }),
      },
      { maxConcurrentStreams: 2 },
    );
    client.send(...before);
    client.send(frame(HEADERS, END, id, indexed('late', 'but known')));
    client.send(frame(FrameType.RstStream, 0, 1, uint32(8)));
    client.send(frame(HEADERS, Flag.EndHeaders, 7, Buffer.concat([block(request(ECHO)), Buffer.from([0x80 | 62])])));
    client.send(data(7, message('x')));
    expect(seen).toBe('but known');
  });
});

it('4.2 a frame longer than allowed, whose header comes in pieces', () => {
  const client = peer();
  const long = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 1]);
  expect(client.send(long.subarray(0, 5))).toEqual([]);
  expect(lines(client.send(long.subarray(5)))).toEqual([`GoAway ${E.FrameSizeError}`]);
});

it('4.3 the same bytes mean something else once the table has changed', () => {
  const seen: (string | undefined)[] = [];
  const client = new Peer({
    [ECHO]: unary((each) => {
      seen.push(each.metadata('x'));
      each.respond();
    }),
  });
  const ask = (id: number, more: Buffer): void => {
    client.send(
      frame(HEADERS, Flag.EndHeaders, id, Buffer.concat([block(request(ECHO)), more])),
      data(id, message('')),
    );
  };
  const add = (value: string): Buffer =>
    Buffer.concat([Buffer.from([0x40, 1]), Buffer.from('x'), Buffer.from([1]), Buffer.from(value)]);
  const newest = Buffer.from([0x80 | 62]);
  ask(1, add('1'));
  ask(3, newest);
  ask(5, newest);
  ask(7, add('2'));
  ask(9, newest);
  ask(11, newest);
  expect(seen).toEqual(['1', '1', '1', '2', '2', '2']);
});

it('4.1 frames may come in any pieces', () => {
  const bytes = Buffer.concat([
    PREFACE,
    settings([Setting.InitialWindowSize, 70_000]),
    frame(HEADERS, 0, 1, ONE),
    frame(CONTINUATION, 0, 1, TWO),
    frame(CONTINUATION, Flag.EndHeaders, 1, THREE),
    data(1, message('hello').subarray(0, 3), 0),
    data(1, message('hello').subarray(3)),
    frame(FrameType.Ping, 0, 0, Buffer.alloc(8)),
    call(3, CHAT, 'a chat'),
  ]);
  const whole = (() => {
    const client = new Peer(
      {
        [ECHO]: unary((each) => each.respond(each.message)),
        [CHAT]: stream((each) =>
          each.onMessage(
            (one) => void each.write(one),
            () => each.end(),
          ),
        ),
      },
      {},
      false,
    );
    return client.send(bytes);
  })();
  for (let split = 0; split <= bytes.length; split++) {
    const client = new Peer(
      {
        [ECHO]: unary((each) => each.respond(each.message)),
        [CHAT]: stream((each) =>
          each.onMessage(
            (one) => void each.write(one),
            () => each.end(),
          ),
        ),
      },
      {},
      false,
    );
    expect([...client.send(bytes.subarray(0, split)), ...client.send(bytes.subarray(split))]).toEqual(whole);
  }
  const client = new Peer(
    {
      [ECHO]: unary((each) => each.respond(each.message)),
      [CHAT]: stream((each) =>
        each.onMessage(
          (one) => void each.write(one),
          () => each.end(),
        ),
      ),
    },
    {},
    false,
  );
  expect([...bytes].flatMap((byte) => client.send(Buffer.from([byte])))).toEqual(whole);
});
