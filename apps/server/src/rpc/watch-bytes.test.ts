import type { Event } from '@kontiki/mvcc';
import { kv as mvccpb, rpc } from '@kontiki/proto';
import { concat } from '@kontiki/std';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { HeaderField, header } from './header.js';
import { WatchBytes, watchIdField } from './watch-bytes.js';

const source = { clusterId: 7n, memberId: 9n, revision: () => 30, term: () => 4 };
const bytes = new WatchBytes(new HeaderField(source));

const keyValue = fc
  .record({ key: fc.uint8Array({ maxLength: 40 }), value: fc.uint8Array({ maxLength: 200 }), version: fc.nat(1000) })
  .map((fields) => mvccpb.KeyValue.fromPartial(fields));
const event: fc.Arbitrary<Event> = fc
  .record({ type: fc.constantFrom('put' as const, 'delete' as const), kv: keyValue, prevKv: fc.option(keyValue) })
  .map(({ type, kv, prevKv }) => ({
    type,
    kv,
    encodedKv: mvccpb.KeyValue.encode(kv).finish(),
    ...(prevKv !== null && { prevKv, encodedPrevKv: mvccpb.KeyValue.encode(prevKv).finish() }),
  }));
const events = fc.array(event, { minLength: 1, maxLength: 20 });
const id = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

const general = (watchId: bigint, revision: number, all: readonly Event[], fragment = false): rpc.WatchResponse =>
  rpc.WatchResponse.fromPartial({
    header: header(source, revision),
    watchId,
    fragment,
    events: all.map(({ type, kv, prevKv }) => ({
      type: type === 'put' ? 0 : 1,
      kv: kv as mvccpb.KeyValue,
      prevKv: prevKv as mvccpb.KeyValue | undefined,
    })),
  });
const encodeGeneral = (response: rpc.WatchResponse): number[] => [...rpc.WatchResponse.encode(response).finish()];

it('a response is the same bytes as the general way gives', () =>
  fc.assert(
    fc.property(id, fc.nat({ max: 2 ** 40 }), events, (watchId, revision, all) => {
      const { parts } = bytes.whole(watchIdField(watchId), revision, all);
      expect([...concat(parts)]).toEqual(encodeGeneral(general(watchId, revision, all)));
    }),
  ));

it('fragments give all events in order, below the limit where one alone is, and all but the last say so', () =>
  fc.assert(
    fc.property(events, fc.integer({ min: 100, max: 2000 }), (all, maxBytes) => {
      const fragments = [...bytes.fragments(watchIdField(3n), 5, all, maxBytes)].map(({ response, events: count }) => {
        const encoded = concat(response.parts);
        const decoded = rpc.WatchResponse.decode(encoded);
        expect(decoded.events).toHaveLength(count);
        // But for the two bytes that say that more follows, which etcd does not count.
        if (count > 1) expect(encoded.length).toBeLessThan(maxBytes + 2);
        return decoded;
      });
      expect(fragments.map(({ fragment }) => fragment)).toEqual(fragments.map((_, i) => i < fragments.length - 1));
      const joined = { ...fragments[0]!, fragment: false, events: fragments.flatMap((one) => one.events) };
      expect(encodeGeneral(joined)).toEqual(encodeGeneral(general(3n, 5, all)));
      // A part is closed only when the next event had no room in it.
      for (let i = 0; i + 1 < fragments.length; i++) {
        const next = {
          ...fragments[i]!,
          fragment: false,
          events: [...fragments[i]!.events, fragments[i + 1]!.events[0]!],
        };
        expect(encodeGeneral(next).length).toBeGreaterThanOrEqual(maxBytes);
      }
    }),
  ));
