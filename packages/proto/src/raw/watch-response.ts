import type { Event_EventType } from '../gen/kv.js';
import { WatchResponse } from '../gen/rpc.js';
import { BinaryWriter } from '../wire/writer.js';
import { concat } from './concat.js';

/** A WatchResponse whose events are encoded: once for all who watch them. */
export interface EncodedWatchResponse extends Omit<WatchResponse, 'events'> {
  /** Each an encoded mvccpb.Event. */
  readonly events: readonly Uint8Array[];
}

/** The bytes of an etcdserverpb.WatchResponse, with the events' own bytes inside. */
export function encodeWatchResponse(response: EncodedWatchResponse): Uint8Array {
  const head = WatchResponse.encode({ ...response, events: [] }).finish();
  // Events have the highest number, so nothing stands behind them.
  return concat(head, EVENTS, response.events, NOTHING);
}

/** The bytes of an mvccpb.Event about keys as they are stored: each an encoded mvccpb.KeyValue. */
export function encodeEvent(type: Event_EventType, kv: Uint8Array, prevKv?: Uint8Array): Uint8Array {
  const writer = new BinaryWriter();
  if (type !== 0) writer.tag(EVENT_TYPE).int32(type);
  writer.tag(EVENT_KV).bytes(kv);
  if (prevKv !== undefined) writer.tag(EVENT_PREV_KV).bytes(prevKv);
  return writer.finish();
}

// Field number and wire type: of WatchResponse, of Event.
const EVENTS = 90;
const EVENT_TYPE = 8;
const EVENT_KV = 18;
const EVENT_PREV_KV = 26;
const NOTHING: Uint8Array = new Uint8Array(0);
