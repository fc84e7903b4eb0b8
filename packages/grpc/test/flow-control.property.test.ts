/** What is sent, and when, against a naive twin that only keeps sums. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { FrameType, Setting } from '../src/frame.js';
import type { StreamCall, UnaryCall } from '../src/method.js';
import { data, type Frame, headers, message, Peer, request, settings, windowUpdate } from './raw.js';
import { stream, unary } from './support.js';

type Step =
  | { readonly kind: 'open'; readonly unary: boolean }
  | { readonly kind: 'write'; readonly call: number; readonly sizes: readonly number[] }
  | { readonly kind: 'end'; readonly call: number }
  | { readonly kind: 'grant'; readonly call: number; readonly bytes: number }
  | { readonly kind: 'grantAll'; readonly bytes: number }
  | { readonly kind: 'initial'; readonly bytes: number }
  | { readonly kind: 'congest' };

const size = fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 40_000 }));
const which = fc.nat(5);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('open' as const), unary: fc.boolean() }),
  fc.record({ kind: fc.constant('write' as const), call: which, sizes: fc.array(size, { maxLength: 4 }) }),
  fc.record({ kind: fc.constant('write' as const), call: which, sizes: fc.array(size, { maxLength: 4 }) }),
  fc.record({ kind: fc.constant('end' as const), call: which }),
  fc.record({ kind: fc.constant('grant' as const), call: which, bytes: fc.integer({ min: 1, max: 60_000 }) }),
  fc.record({ kind: fc.constant('grantAll' as const), bytes: fc.integer({ min: 1, max: 100_000 }) }),
  fc.record({ kind: fc.constant('initial' as const), bytes: fc.constantFrom(0, 1, 100, 16_384, 65_535, 200_000) }),
  fc.record({ kind: fc.constant('congest' as const) }),
);

/** One call as the client knows it: what was said it may get, what was written, what came. */
interface Twin {
  readonly id: number;
  readonly unary: boolean;
  window: number;
  readonly written: Buffer[];
  readonly got: Buffer[];
  ended: boolean;
  closed: boolean;
}

const LARGEST = 2 ** 31 - 1;

it('sends no more than the windows allow, no less, and all of it in the end', () =>
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const calls: (UnaryCall | StreamCall)[] = [];
      const peer = new Peer({
        '/t.T/Unary': unary((call) => void calls.push(call)),
        '/t.T/Stream': stream((call) => void calls.push(call)),
      });
      const twins: Twin[] = [];
      let initial = 65_535;
      let whole = 65_535;
      let fill = 0;

      const take = (frames: readonly Frame[]): void => {
        for (const { type, id, payload, flags } of frames) {
          const twin = twins.find((each) => each.id === id);
          if (type === FrameType.Data) {
            twin!.window -= payload.length;
            whole -= payload.length;
            expect(twin!.window).toBeGreaterThanOrEqual(0);
            expect(whole).toBeGreaterThanOrEqual(0);
            expect(payload.length).toBeLessThanOrEqual(16_384);
            twin!.got.push(Buffer.from(payload));
          } else if (type === FrameType.Headers && (flags & 1) !== 0) {
            twin!.closed = true;
          }
        }
        // Nobody waits who need not.
        for (const twin of peer.stuck ? [] : twins) {
          const waiting = length(twin.written) - length(twin.got);
          if (waiting > 0) expect(twin.window <= 0 || whole === 0).toBe(true);
          else if (twin.ended) expect(twin.closed).toBe(true);
        }
      };

      const grant = (twin: Twin, bytes: number): void => {
        if (twin.closed || twin.window + bytes > LARGEST) return;
        twin.window += bytes;
        take(peer.send(windowUpdate(twin.id, bytes)));
      };
      const grantAll = (bytes: number): void => {
        if (whole + bytes > LARGEST) return;
        whole += bytes;
        take(peer.send(windowUpdate(0, bytes)));
      };

      for (const each of steps) {
        const at = 'call' in each ? each.call % Math.max(twins.length, 1) : 0;
        const twin = twins[at];
        const call = calls[at];
        switch (each.kind) {
          case 'open': {
            const id = twins.length * 2 + 1;
            twins.push({ id, unary: each.unary, window: initial, written: [], got: [], ended: false, closed: false });
            const path = each.unary ? '/t.T/Unary' : '/t.T/Stream';
            take(peer.send(headers(id, request(path)), data(id, message('ask'))));
            break;
          }
          case 'write': {
            if (twin === undefined || call === undefined || twin.ended) break;
            const parts = each.sizes.map((bytes) => Buffer.alloc(bytes, ++fill));
            twin.written.push(message(Buffer.concat(parts)));
            if (twin.unary) {
              twin.ended = true;
              (call as UnaryCall).respond(...parts);
            } else (call as StreamCall).write(...parts);
            take(peer.taken());
            break;
          }
          case 'end':
            if (twin === undefined || twin.ended || twin.unary) break;
            twin.ended = true;
            (call as StreamCall).end();
            take(peer.taken());
            break;
          case 'grant':
            if (twin !== undefined) grant(twin, each.bytes);
            break;
          case 'grantAll':
            grantAll(each.bytes);
            break;
          case 'initial':
            for (const one of twins) if (!one.closed) one.window += each.bytes - initial;
            initial = each.bytes;
            take(peer.send(settings([Setting.InitialWindowSize, initial])));
            break;
          case 'congest':
            peer.stuck = !peer.stuck;
            peer.connection.congested = peer.stuck;
            take(peer.taken());
        }
      }
      peer.stuck = false;
      peer.connection.congested = false;
      take(peer.taken());
      grantAll(100_000_000);
      for (const twin of twins) grant(twin, 100_000_000);
      for (const twin of twins) {
        expect(Buffer.concat(twin.got).equals(Buffer.concat(twin.written))).toBe(true);
        expect(twin.closed).toBe(twin.ended);
      }
      expect(peer.shared.queued.used).toBe(0);
      expect(peer.connection.endedReason).toBeUndefined();
    }),
    { numRuns: 300 },
  ));

function length(buffers: readonly Buffer[]): number {
  return buffers.reduce((sum, { length: bytes }) => sum + bytes, 0);
}

it('lets the client send as its messages are read, no more and no less', async () => {
  const pieces = fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.array(fc.nat(12), { minLength: 1 }), async (sizes, cuts) => {
      let call: StreamCall | undefined;
      const peer = new Peer(
        {
          '/t.T/Read': stream((each) => {
            call = each;
          }),
        },
        { streamWindowBytes: 4096, connectionWindowBytes: 65_535 },
      );
      peer.send(headers(1, request('/t.T/Read')));
      const sent = sizes.map((bytes, index) => Buffer.alloc(bytes, index + 1));
      let rest = Buffer.concat(sent.map((each) => message(each)));
      let window = 4096;
      let read = 0;
      let turn = 0;
      const granted = (frames: readonly Frame[]): void => {
        for (const { type, id, payload } of frames) {
          if (type === FrameType.WindowUpdate && id === 1) window += payload.readUInt32BE(0);
          expect(type).not.toBe(FrameType.RstStream);
        }
        expect(window).toBeLessThanOrEqual(4096);
      };
      while (read < sizes.length) {
        const cut = Math.min(window, rest.length, 500 + cuts[turn % cuts.length]! * 300);
        if (cut > 0) {
          const last = cut === rest.length;
          window -= cut;
          granted(peer.send(data(1, rest.subarray(0, cut), last ? 1 : 0)));
          rest = rest.subarray(cut);
        }
        // Reads when it must, and at other times too.
        if (cut === 0 || cuts[turn % cuts.length]! % 3 === 0) {
          const next = call!.read();
          const got = await Promise.race([next, Promise.resolve('none yet')]);
          if (got === 'none yet') {
            expect(cut === 0).toBe(false);
            if (rest.length > 0) {
              window -= 1;
              granted(peer.send(data(1, rest.subarray(0, 1), rest.length === 1 ? 1 : 0)));
              rest = rest.subarray(1);
            }
            while (rest.length > 0 && (await Promise.race([next, Promise.resolve('none yet')])) === 'none yet') {
              expect(window).toBeGreaterThan(0);
              window -= 1;
              granted(peer.send(data(1, rest.subarray(0, 1), rest.length === 1 ? 1 : 0)));
              rest = rest.subarray(1);
            }
            expect(Buffer.from((await next)!).equals(sent[read]!)).toBe(true);
          } else expect(Buffer.from(got as Uint8Array).equals(sent[read]!)).toBe(true);
          read++;
          granted(peer.taken());
        }
        turn++;
      }
      expect(await call!.read()).toBeUndefined();
      expect(peer.shared.received.used).toBe(0);
    }),
    { numRuns: 60 },
  );
});

it('ends a call whose last byte used up the window', () => {
  const calls: StreamCall[] = [];
  const peer = new Peer({ '/t.T/Stream': stream((call) => void calls.push(call)) });
  peer.send(headers(1, request('/t.T/Stream')), headers(3, request('/t.T/Stream')));
  peer.stuck = true;
  peer.connection.congested = true;
  calls[0]!.write(Buffer.alloc(32_762));
  calls[0]!.end();
  calls[1]!.write(Buffer.alloc(32_763));
  peer.stuck = false;
  peer.connection.congested = false;
  const sent = peer.taken();
  expect(sent.reduce((sum, { type, payload }) => sum + (type === FrameType.Data ? payload.length : 0), 0)).toBe(65_535);
  expect(sent.some(({ type, id, flags }) => type === FrameType.Headers && id === 1 && (flags & 1) !== 0)).toBe(true);
});
