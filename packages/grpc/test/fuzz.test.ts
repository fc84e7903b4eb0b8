/** Nonsense, and sense with a few bytes wrong: it never throws, never grows, and answers in frames. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { FrameType, PREFACE } from '../src/frame.js';
import { call, data, frame, headers, message, Peer, request, settings, windowUpdate } from './raw.js';
import { stream, unary } from './support.js';

function peer(greet: boolean): Peer {
  return new Peer(
    {
      '/t.T/Echo': unary((each) => each.respond(each.message)),
      '/t.T/Chat': stream((each) =>
        each.onMessage(
          (one) => void each.write(one),
          () => each.end(),
        ),
      ),
      '/t.T/Deaf': stream((each) => each.write(Buffer.alloc(100_000))),
    },
    { maxReceiveBytes: 100_000, maxQueuedBytes: 2_000_000, maxReceivedBytes: 1_000_000 },
    greet,
  );
}

function survives(client: Peer, bytes: Buffer, cuts: readonly number[]): void {
  let sent = 0;
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = cuts[turn % cuts.length]!;
    // `send` cuts the answer into frames, and would throw at anything else.
    for (const { payload } of client.send(Buffer.from(bytes.subarray(at, at + size)))) sent += payload.length;
    at += size;
    client.wait(3);
  }
  expect(client.broken).toEqual([]);
  expect(client.connection.streams).toBeLessThanOrEqual(1000);
  expect(client.shared.queued.used).toBeLessThan(2_200_000);
  expect(client.shared.received.used).toBeLessThan(1_200_000);
  expect(sent).toBeLessThan(bytes.length * 100 + 200_000);
  client.connection.lost('gone');
  expect(client.shared.queued.used).toBe(0);
  expect(client.shared.received.used).toBe(0);
  expect(client.shared.deadlines.size).toBe(0);
}

const cuts = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 6 });

it('random bytes', () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), cuts, fc.boolean(), (bytes, pieces, greet) => {
      survives(peer(greet), Buffer.from(bytes), pieces);
    }),
    { numRuns: 300 },
  ));

const id = fc.oneof(fc.constantFrom(0, 1, 3, 5, 7), fc.integer({ min: 0, max: 2 ** 31 - 1 }));
const anyFrame = fc
  .record({
    type: fc.oneof(fc.integer({ min: 0, max: 10 }), fc.nat(255)),
    flags: fc.oneof(fc.constantFrom(0, 1, 4, 5, 8, 13, 0x20), fc.nat(255)),
    id,
    payload: fc.uint8Array({ maxLength: 60 }),
  })
  .map((each) => frame(each.type, each.flags, each.id, each.payload));
const path = fc.constantFrom('/t.T/Echo', '/t.T/Chat', '/t.T/Deaf', '/no/where', 'no');
const goodFrame = fc.oneof(
  fc.record({ id, path, flags: fc.constantFrom(4, 5) }).map((each) => headers(each.id, request(each.path), each.flags)),
  fc
    .record({ id, path, timeout: fc.constantFrom('1m', '5S', '0n', 'x') })
    .map((each) => headers(each.id, request(each.path, [['grpc-timeout', each.timeout]]))),
  fc
    .record({ id, text: fc.string(), flags: fc.constantFrom(0, 1), compressed: fc.constantFrom(0, 0, 0, 1) })
    .map((each) => data(each.id, message(each.text, each.compressed), each.flags)),
  fc.record({ id, increment: fc.nat(2 ** 31 - 1) }).map((each) => windowUpdate(each.id, each.increment)),
  fc.record({ id }).map((each) => frame(FrameType.RstStream, 0, each.id, Buffer.alloc(4))),
  fc
    .record({ name: fc.integer({ min: 1, max: 6 }), value: fc.nat(2 ** 24) })
    .map((each) => settings([each.name, each.value])),
  fc.record({ id: fc.integer({ min: 0, max: 200 }), path }).map((each) => call(2 * each.id + 1, each.path)),
);

it('frames of any kind, in any order', () =>
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 6, arbitrary: goodFrame }, anyFrame), { maxLength: 60 }),
      cuts,
      (frames, pieces) => {
        survives(peer(true), Buffer.concat(frames), pieces);
      },
    ),
    { numRuns: 600 },
  ));

it('a session with some bytes changed', () => {
  const session = Buffer.concat([
    PREFACE,
    settings([4, 100_000]),
    ...[1, 3, 5, 7, 9].map((each) => call(each, each % 4 === 1 ? '/t.T/Echo' : '/t.T/Chat', 'text of some length')),
    windowUpdate(0, 1000),
    frame(FrameType.Ping, 0, 0, Buffer.alloc(8)),
    call(11, '/t.T/Deaf'),
    frame(FrameType.RstStream, 0, 11, Buffer.alloc(4)),
  ]);
  fc.assert(
    fc.property(
      fc.array(fc.record({ at: fc.nat(session.length - 1), to: fc.nat(255) }), { maxLength: 6 }),
      cuts,
      (changes, pieces) => {
        const bytes = Buffer.from(session);
        for (const { at, to } of changes) bytes[at] = to;
        survives(peer(false), bytes, pieces);
      },
    ),
    { numRuns: 600 },
  );
});
