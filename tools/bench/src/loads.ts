import { rpc } from '@kontiki/proto';
import { grpcFrame } from './grpc-frame.js';

/** How many keys there are. A power of ten: any digits in a key's place are a key. */
export const KEY_SPACE = 10_000;
export const VALUE_BYTES = 256;
export const LIST_KEYS = 1_000;

/** One kind of request, thousands of times. */
export interface Load {
  readonly name: LoadName;
  readonly title: string;
  /** `/package.Service/Method` */
  readonly path: string;
  /** Streams per connection when it takes fewer than the others: the answers are large. */
  readonly streamsMax?: number;
  /** Every request makes exactly one revision; otherwise it changes nothing. */
  readonly writes: boolean;
  /** How many keys with their values a good answer holds. */
  readonly keysAnswered: number;
  /** Whether `body` depends on its arguments. */
  readonly varies: boolean;
  /**
   * The request as it goes into an HTTP/2 body. Always of the same length.
   * @param key in [0, KEY_SPACE)
   * @param value VALUE_BYTES bytes
   */
  body(key: number, value: Uint8Array): Uint8Array;
}

export type LoadName = 'put' | 'get' | 'serializable-get' | 'list';

const RANGE = '/etcdserverpb.KV/Range';

export const loads: readonly Load[] = [
  {
    name: 'put',
    title: `put ${VALUE_BYTES} B`,
    path: '/etcdserverpb.KV/Put',
    writes: true,
    keysAnswered: 0,
    varies: true,
    body: (key, value) => grpcFrame(rpc.PutRequest.encode(rpc.PutRequest.create({ key: keyOf(key), value })).finish()),
  },
  {
    name: 'get',
    title: 'get, linearizable',
    path: RANGE,
    writes: false,
    keysAnswered: 1,
    varies: true,
    body: (key) => range({ key: keyOf(key) }),
  },
  {
    name: 'serializable-get',
    title: 'get, serializable',
    path: RANGE,
    writes: false,
    keysAnswered: 1,
    varies: true,
    body: (key) => range({ key: keyOf(key), serializable: true }),
  },
  {
    name: 'list',
    title: `list ${LIST_KEYS.toLocaleString('en')} x ${VALUE_BYTES} B`,
    path: RANGE,
    streamsMax: 1,
    writes: false,
    keysAnswered: LIST_KEYS,
    varies: false,
    body: () => range({ key: keyOf(0), rangeEnd: keyOf(LIST_KEYS) }),
  },
];

/** The n-th key: a prefix and eight digits. */
export function keyOf(n: number): Uint8Array {
  return Buffer.from(`bench/${String(n).padStart(8, '0')}`, 'latin1');
}

/** Random bytes, which no store can compress. */
export function randomValue(): Uint8Array {
  return Uint8Array.from({ length: VALUE_BYTES }, () => Math.floor(Math.random() * 256));
}

export function randomKey(): number {
  return Math.floor(Math.random() * KEY_SPACE);
}

function range(request: Partial<rpc.RangeRequest>): Uint8Array {
  return grpcFrame(rpc.RangeRequest.encode(rpc.RangeRequest.create(request)).finish());
}
