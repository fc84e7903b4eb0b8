import { rpc } from '@kontiki/proto';
import { describe, expect, it } from 'vitest';
import { findEtcd } from '../../../harness/src/index.js';
import { referee, type Summary } from '../../src/referee.js';
import { type Alteration, alteringProxy } from '../../src/testing/altering-proxy.js';

const etcd = findEtcd();

/** etcd against an etcd behind a proxy that alters its answers. */
function judged(alteration: Alteration, seed: number, shrinkMs = 0): Promise<Summary> {
  return referee({
    runs: 1_000,
    seed,
    against: 'etcd',
    timeMs: 120_000,
    shrinkMs,
    wrap: (server) => alteringProxy(server, alteration),
  });
}

/** Alters one kind of response, decoded. */
function altering<Message>(
  path: string,
  type: { decode(bytes: Uint8Array): Message; encode(message: Message): { finish(): Uint8Array } },
  alter: (message: Message) => readonly Message[] | undefined,
): Alteration {
  return {
    message: (called, bytes) => {
      if (called !== path) return [bytes];
      const altered = alter(type.decode(bytes));
      return altered === undefined ? [bytes] : altered.map((message) => type.encode(message).finish());
    },
  };
}

const range = '/etcdserverpb.KV/Range';
const watch = '/etcdserverpb.Watch/Watch';

/** Each a defect a server could have, and the smallest sign of it. */
const defects: readonly { readonly name: string; readonly alteration: Alteration }[] = [
  {
    name: 'a count that obeys the limit',
    alteration: altering(range, rpc.RangeResponse, (answer) => [{ ...answer, count: answer.kvs.length }]),
  },
  {
    name: '`more` missing',
    alteration: altering(range, rpc.RangeResponse, (answer) => [{ ...answer, more: false }]),
  },
  {
    name: 'a header with the revision asked for',
    alteration: altering(range, rpc.RangeResponse, (answer) => {
      const [kv] = answer.kvs;
      return kv === undefined || answer.header === undefined
        ? undefined
        : [{ ...answer, header: { ...answer.header, revision: kv.modRevision } }];
    }),
  },
  {
    name: 'an event lost when a transaction made several',
    alteration: altering(watch, rpc.WatchResponse, (answer) =>
      answer.events.length > 1 ? [{ ...answer, events: answer.events.slice(1) }] : undefined,
    ),
  },
  {
    name: 'a delete announced twice',
    alteration: altering(watch, rpc.WatchResponse, (answer) =>
      answer.events.some((event) => event.type === 1) ? [answer, answer] : undefined,
    ),
  },
  {
    name: 'the previous value missing in events',
    alteration: altering(watch, rpc.WatchResponse, (answer) => [
      { ...answer, events: answer.events.map((event) => ({ ...event, prevKv: undefined })) },
    ]),
  },
  {
    name: 'one revision split over two responses nobody asked to have fragmented',
    alteration: altering(watch, rpc.WatchResponse, (answer) =>
      answer.events.length > 1
        ? [
            { ...answer, events: answer.events.slice(0, 1) },
            { ...answer, events: answer.events.slice(1) },
          ]
        : undefined,
    ),
  },
  {
    name: 'progress announced one revision too early',
    alteration: altering(watch, rpc.WatchResponse, (answer) =>
      answer.watchId === -1n && answer.events.length === 0 && !answer.created && answer.header !== undefined
        ? [{ ...answer, header: { ...answer.header, revision: answer.header.revision + 1 } }]
        : undefined,
    ),
  },
  {
    name: 'a cancellation without the compacted revision',
    alteration: altering(watch, rpc.WatchResponse, (answer) => [{ ...answer, compactRevision: 0 }]),
  },
  {
    name: 'a wrong hash of history',
    alteration: altering('/etcdserverpb.Maintenance/HashKV', rpc.HashKVResponse, (answer) => [
      { ...answer, hash: (answer.hash ^ 1) >>> 0 },
    ]),
  },
  {
    name: 'the time a lease was granted for off by one',
    alteration: altering('/etcdserverpb.Lease/LeaseTimeToLive', rpc.LeaseTimeToLiveResponse, (answer) => [
      { ...answer, grantedTTL: answer.grantedTTL + 1 },
    ]),
  },
  {
    name: 'another error text',
    alteration: {
      trailers: (_, trailers) =>
        trailers['grpc-message']?.includes('lease already exists') === true
          ? { ...trailers, 'grpc-message': 'lease already exists' }
          : trailers,
    },
  },
  {
    name: 'another error code for the same text',
    alteration: {
      trailers: (_, trailers) =>
        trailers['grpc-message']?.includes('required revision has been compacted') === true
          ? { ...trailers, 'grpc-status': '3' }
          : trailers,
    },
  },
];

describe.skipIf(etcd === undefined)('the referee', () => {
  it('finds nothing when nothing was planted', async () => {
    const summary = await referee({
      runs: 60,
      seed: 1,
      against: 'etcd',
      wrap: (server) => alteringProxy(server, {}),
    });
    expect(summary.found.map(({ text }) => text)).toEqual([]);
    expect(summary.runs).toBe(60);
  });

  it.each(defects.map((defect, i) => ({ ...defect, seed: 1_000 + i })))(
    'catches $name',
    async ({ alteration, seed }) => {
      const summary = await judged(alteration, seed);
      expect(summary.found).toHaveLength(1);
      expect(summary.found[0]!.text).toContain('reproduce: npm run referee');
    },
  );

  it('shrinks what it finds to the operations it takes, and says how to see it again', async () => {
    const refused = defects.find(({ name }) => name === 'another error text')!;
    const { found } = await judged(refused.alteration, 7, 60_000);
    expect(found[0]!.history.operations.slice(0, found[0]!.difference.step! + 1).map(({ kind }) => kind)).toEqual([
      'grant',
      'grant',
    ]);
    expect(found[0]!.text).toMatch(/details: etcd "etcdserver: lease already exists", judged "lease already exists"/);
    const again = await referee({
      runs: 1,
      seed: found[0]!.seed,
      path: found[0]!.path,
      against: 'etcd',
      shrinkMs: 0,
      wrap: (server) => alteringProxy(server, refused.alteration),
    });
    expect(again.found[0]!.history).toEqual(found[0]!.history);
  });
});
