import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Event, type Event_EventType, KeyValue } from '../gen/kv.js';
import { RangeResponse, type ResponseHeader, WatchResponse } from '../gen/rpc.js';
import { encodeRangeResponse } from './range-response.js';
import { encodeEvent, encodeWatchResponse } from './watch-response.js';

const count = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 1, 127, 128));
const kv: fc.Arbitrary<KeyValue> = fc.record({
  key: fc.uint8Array({ maxLength: 20 }),
  createRevision: count,
  modRevision: count,
  version: count,
  // Around the lengths where a length takes another byte.
  value: fc.oneof(
    fc.uint8Array({ maxLength: 20 }),
    fc.constantFrom(90, 110, 130, 16_370, 16_384).map((length) => new Uint8Array(length)),
  ),
  lease: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
});
const header: fc.Arbitrary<ResponseHeader | undefined> = fc.option(
  fc.record({
    clusterId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    memberId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    revision: count,
    raftTerm: count,
  }),
  { nil: undefined },
);
const event: fc.Arbitrary<Event> = fc.record({
  type: fc.constantFrom<Event_EventType>(0, 1),
  kv,
  prevKv: fc.option(kv, { nil: undefined }),
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const stored = (value: KeyValue): Uint8Array => KeyValue.encode(value).finish();

describe('responses from stored bytes', () => {
  it('a range is what the generated code writes', () => {
    fc.assert(
      fc.property(header, fc.array(kv, { maxLength: 5 }), fc.boolean(), count, (head, kvs, more, total) => {
        const ours = encodeRangeResponse({ header: head, kvs: kvs.map(stored), more, count: total });
        expect(hex(ours)).toBe(hex(RangeResponse.encode({ header: head, kvs, more, count: total }).finish()));
      }),
    );
  });

  it('an event is what the generated code writes', () => {
    fc.assert(
      fc.property(event, (each) => {
        const ours = encodeEvent(each.type, stored(each.kv!), each.prevKv && stored(each.prevKv));
        expect(hex(ours)).toBe(hex(Event.encode(each).finish()));
      }),
    );
  });

  it('a watch response is what the generated code writes', () => {
    const rest = fc.record({
      header,
      watchId: fc.bigInt({ min: -1n, max: 2n ** 63n - 1n }),
      created: fc.boolean(),
      canceled: fc.boolean(),
      compactRevision: count,
      cancelReason: fc.string({ maxLength: 10 }),
      fragment: fc.boolean(),
    });
    fc.assert(
      fc.property(rest, fc.array(event, { maxLength: 5 }), (fields, events) => {
        const ours = encodeWatchResponse({ ...fields, events: events.map((each) => Event.encode(each).finish()) });
        expect(hex(ours)).toBe(hex(WatchResponse.encode({ ...fields, events }).finish()));
      }),
    );
  });
});
