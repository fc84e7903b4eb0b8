import { type RangeResponse, ResponseHeader } from '../gen/rpc.js';
import { BinaryWriter } from '../wire/writer.js';
import { concat } from './concat.js';

/** A RangeResponse whose keys are as they are stored. */
export interface EncodedRangeResponse extends Omit<RangeResponse, 'kvs'> {
  /** Each an encoded mvccpb.KeyValue. */
  readonly kvs: readonly Uint8Array[];
}

/** The bytes of an etcdserverpb.RangeResponse, with the keys' own bytes inside: nothing is decoded or encoded again. */
export function encodeRangeResponse({ header, kvs, more, count }: EncodedRangeResponse): Uint8Array {
  const head = new BinaryWriter();
  if (header !== undefined) ResponseHeader.encode(header, head.tag(HEADER).fork()).join();
  const tail = new BinaryWriter();
  if (more) tail.tag(MORE).bool(true);
  if (count !== 0) tail.tag(COUNT).int64Number(count);
  return concat(head.finish(), KVS, kvs, tail.finish());
}

// Field number and wire type of RangeResponse's fields.
const HEADER = 10;
const KVS = 18;
const MORE = 24;
const COUNT = 32;
