import { raft } from '@kontiki/proto';
import type { AppendMessage, Message } from '@kontiki/raft';
import { concat } from '@kontiki/std';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FrameDecoder } from './frames.js';
import { MessageDecoder, MessageEncoder } from './message-stream.js';
import { AppendDecoder, AppendEncoder } from './msgappv2.js';
import { append, message } from './testing/arbitrary.js';

const MAX = 10_000;

function decodeAll(decoder: FrameDecoder, chunks: readonly Uint8Array[]): (Message | undefined)[] {
  const found: (Message | undefined)[] = [];
  for (const chunk of chunks) decoder.push(chunk, (one) => found.push(one));
  return found;
}

/** The same bytes, cut at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  return [0, ...sorted].map((start, i) => bytes.slice(start, [...sorted, bytes.length][i]));
}

const places = fc.array(fc.nat(), { maxLength: 8 });

/** What one leader sends one follower: mostly what follows, sometimes from elsewhere, sometimes of a new term. */
const history: fc.Arbitrary<AppendMessage[]> = fc
  .array(fc.record({ one: append, continues: fc.integer({ min: 0, max: 3 }) }), { minLength: 1, maxLength: 8 })
  .map((steps) => {
    const from = 1n;
    const to = 2n;
    const sent: AppendMessage[] = [];
    for (const { one, continues } of steps) {
      const before = sent.at(-1);
      if (before === undefined || continues === 0) {
        sent.push({ ...one, from, to });
        continue;
      }
      const prevIndex = before.prevIndex + before.entries.length;
      const prevTerm = before.entries.at(-1)?.term ?? before.prevTerm;
      const entries = one.entries.map((entry, i) => ({ ...entry, index: prevIndex + 1 + i, term: before.term }));
      sent.push({ ...one, from, to, term: before.term, prevIndex, prevTerm, entries });
    }
    return sent;
  });

describe('the message stream', () => {
  it('carries any messages, cut anyhow', () =>
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), places, (sent, at) => {
        const encoder = new MessageEncoder();
        const bytes = concat(sent.flatMap((one) => [encoder.encode(one), encoder.linkHeartbeat()]));
        expect(decodeAll(new MessageDecoder(MAX), cut(bytes, at))).toEqual(sent);
      }),
    ));

  it('refuses a frame that announces more than may be, before it comes', () => {
    const decoder = new MessageDecoder(MAX);
    expect(() => decodeAll(decoder, [Uint8Array.of(0, 0, 0, 0, 0, 0, 0x27, 0x11)])).toThrow(/10001 bytes/);
    expect(() => decodeAll(new MessageDecoder(MAX), [new Uint8Array(8).fill(0xff)])).toThrow(/are allowed/);
  });

  it('holds what came, whatever was announced', () => {
    const decoder = new MessageDecoder(2 ** 40);
    const before = process.memoryUsage().arrayBuffers;
    decodeAll(decoder, [Uint8Array.of(0, 0, 0, 0x7f, 0, 0, 0, 0), new Uint8Array(100)]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
  });

  it('knows a heartbeat of the link from one of raft', () => {
    const wire = raft.Message.decode(new MessageEncoder().linkHeartbeat().subarray(8));
    expect([wire.type, wire.from, wire.to]).toEqual([raft.MessageType.MsgHeartbeat, 0n, 0n]);
  });
});

describe('the append stream', () => {
  it('carries any history, cut anyhow', () =>
    fc.assert(
      fc.property(history, places, (sent, at) => {
        const encoder = new AppendEncoder();
        const bytes = concat(sent.flatMap((one) => [encoder.linkHeartbeat(), encoder.encode(one)]));
        expect(decodeAll(new AppendDecoder(1n, 2n, MAX), cut(bytes, at))).toEqual(sent);
      }),
    ));

  const first: AppendMessage = {
    type: 'append',
    from: 1n,
    to: 2n,
    term: 3,
    prevIndex: 6,
    prevTerm: 2,
    entries: [{ index: 7, term: 3, kind: 'normal', data: Uint8Array.of(1) }],
    commit: 5,
  };
  const second: AppendMessage = {
    ...first,
    prevIndex: 7,
    prevTerm: 3,
    entries: [{ index: 8, term: 3, kind: 'normal', data: Uint8Array.of(2, 3) }],
    commit: 7,
  };

  it('carries the same at every single cut', () => {
    const encoder = new AppendEncoder();
    const bytes = concat([
      encoder.encode(first),
      encoder.encode(second),
      encoder.linkHeartbeat(),
      encoder.encode(first),
    ]);
    for (let at = 0; at <= bytes.length; at++) {
      expect(decodeAll(new AppendDecoder(1n, 2n, MAX), cut(bytes, [at]))).toEqual([first, second, first]);
    }
    const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect(decodeAll(new AppendDecoder(1n, 2n, MAX), single)).toEqual([first, second, first]);
  });

  it('is short where it continues', () => {
    const encoder = new AppendEncoder();
    expect(encoder.encode(first)[0]).toBe(2);
    const hex = Buffer.from(encoder.encode(second)).toString('hex');
    const parts = ['01', '0000000000000001', '000000000000000a', '08001003180822020203', '0000000000000007'];
    expect(hex).toBe(parts.join(''));
    expect([...encoder.linkHeartbeat()]).toEqual([0]);
    // Another term never continues, and neither does what leaves a gap.
    expect(encoder.encode({ ...second, term: 4, prevIndex: 8, entries: [] })[0]).toBe(2);
    expect(encoder.encode({ ...second, term: 4, prevIndex: 9, prevTerm: 4, entries: [] })[0]).toBe(2);
  });

  const number = (value: number): Uint8Array => Uint8Array.of(0, 0, 0, 0, 0, 0, value >> 8, value & 255);
  const begun = (): AppendDecoder => {
    const decoder = new AppendDecoder(1n, 2n, MAX);
    decoder.push(new AppendEncoder().encode(first), () => {});
    return decoder;
  };
  const entry = (Index: number, Term: number): Uint8Array => {
    const body = raft.Entry.encode({ Type: 0, Term, Index, Data: new Uint8Array(0) }).finish();
    return concat([number(body.length), body]);
  };

  it.each<[string, () => FrameDecoder, Uint8Array]>([
    ['a kind that does not exist', begun, Uint8Array.of(3)],
    ['entries that continue nothing', () => new AppendDecoder(1n, 2n, MAX), Uint8Array.of(1)],
    ['an entry out of its place', begun, concat([Uint8Array.of(1), number(1), entry(9, 3)])],
    ['an entry of another term', begun, concat([Uint8Array.of(1), number(1), entry(8, 2)])],
    ['an entry of nothing', begun, concat([Uint8Array.of(1), number(1), number(0)])],
    ['an entry that is too long', begun, concat([Uint8Array.of(1), number(1), number(MAX + 1)])],
    ['a message that is too long', begun, concat([Uint8Array.of(2), number(MAX + 1)])],
    ['a message that is none', begun, concat([Uint8Array.of(2), number(2), Uint8Array.of(255, 255)])],
    [
      'a message that is no append',
      begun,
      concat([Uint8Array.of(2), new MessageEncoder().encode({ type: 'timeoutNow', from: 1n, to: 2n, term: 4 })]),
    ],
    ['a commit index no number holds', begun, concat([Uint8Array.of(1), number(0), new Uint8Array(8).fill(255)])],
  ])('ends at %s', (_, start, bytes) => {
    const decoder = start();
    expect(() => decodeAll(decoder, [bytes])).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/MALFORMED_FRAME|FRAME_TOO_LARGE/) }),
    );
  });

  it('ends when many entries together are too long', () => {
    const decoder = new AppendDecoder(1n, 2n, 100);
    decoder.push(new AppendEncoder().encode(first), () => {});
    const many = Array.from({ length: 10 }, (_, i) => entry(8 + i, 3));
    expect(() => decodeAll(decoder, [Uint8Array.of(1), number(10), ...many])).toThrow(
      expect.objectContaining({ code: 'FRAME_TOO_LARGE' }),
    );
  });

  it('never does anything but answer or throw its own error, whatever comes', () =>
    fc.assert(
      fc.property(
        history,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
        (sent, damage) => {
          const encoder = new AppendEncoder();
          const bytes = concat(sent.map((one) => encoder.encode(one)));
          for (const [at, byte] of damage) bytes[at % bytes.length] = byte;
          try {
            decodeAll(new AppendDecoder(1n, 2n, MAX), [bytes]);
          } catch (error) {
            expect(error).toMatchObject({ name: 'PeerError' });
          }
        },
      ),
      { numRuns: 300 },
    ));
});
