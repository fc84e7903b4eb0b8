import { rpc } from '@kontiki/proto';
import { fromLatin1 } from '@kontiki/std';

/** One kind of request, the same every time. */
export interface Scenario {
  readonly name: string;
  readonly path: string;
  /** The message, without gRPC's frame. */
  readonly message: Uint8Array;
  /** Each request makes one revision: it is counted afterwards. */
  readonly writes: boolean;
  /** Part of the usual connections and streams: large answers need fewer to fill a machine. */
  readonly connectionPart: number;
}

const value = new Uint8Array(256).fill(0x76);
const range = '/etcdserverpb.KV/Range';

export const listedKeys = 1_000;
export const listPrefix = 'bench/list/';
const readKey = 'bench/get';

/** What must be there before the scenarios run. */
export function preparation(): readonly { readonly key: Uint8Array; readonly value: Uint8Array }[] {
  const listed = Array.from({ length: listedKeys }, (_, i) => `${listPrefix}${String(i).padStart(6, '0')}`);
  return [readKey, ...listed].map((key) => ({ key: fromLatin1(key), value }));
}

function rangeRequest(fields: Parameters<typeof rpc.RangeRequest.fromPartial>[0]): Uint8Array {
  return rpc.RangeRequest.encode(rpc.RangeRequest.fromPartial(fields)).finish();
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'put, 256 B',
    path: '/etcdserverpb.KV/Put',
    message: rpc.PutRequest.encode(rpc.PutRequest.fromPartial({ key: fromLatin1('bench/put'), value })).finish(),
    writes: true,
    connectionPart: 1,
  },
  {
    name: 'linearizable get, 256 B',
    path: range,
    message: rangeRequest({ key: fromLatin1(readKey) }),
    writes: false,
    connectionPart: 1,
  },
  {
    name: 'serializable get, 256 B',
    path: range,
    message: rangeRequest({ key: fromLatin1(readKey), serializable: true }),
    writes: false,
    connectionPart: 1,
  },
  {
    name: `list of ${listedKeys} keys × 256 B`,
    path: range,
    message: rangeRequest({ key: fromLatin1(listPrefix), rangeEnd: fromLatin1('bench/list0') }),
    writes: false,
    connectionPart: 0.1,
  },
];

/** A message in gRPC's frame: a zero flag byte, four bytes of length, big-endian. */
export function framed(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(5 + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, 5);
  return frame;
}
