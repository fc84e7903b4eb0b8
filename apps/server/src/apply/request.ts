import { internal, rpc } from '@kontiki/proto';
import { decodeV2Request, isV2Request, translateV2Request } from './v2-request.js';

/**
 * What a log entry asks for. On disk and between members it is etcd's `InternalRaftRequest`, with exactly one of its
 * operations set and an id under which the proposer waits.
 */
export type Request = { readonly [Field in keyof internal.InternalRaftRequest]?: internal.InternalRaftRequest[Field] };

export function encodeRequest(request: Request): Uint8Array {
  return internal.InternalRaftRequest.encode(internal.InternalRaftRequest.fromPartial(request as object)).finish();
}

/** Operations that clients send most, whose bytes go into the log as they came: by their tag in the entry. */
const PUT = 0x22;
const DELETE_RANGE = 0x2a;
const TXN = 0x32;
const TAGS = { put: PUT, deleteRange: DELETE_RANGE, txn: TXN } as const;

export type EncodedOperation = 'put' | 'deleteRange' | 'txn';

/** The header, field 100, with an id and nothing else. */
const HEADER_TAG_LOW = 0xa2;
const HEADER_TAG_HIGH = 0x06;
const ID_TAG = 0x08;

/** Two halves of an id, and the id. */
const half = new Uint32Array(2);
const whole = new BigUint64Array(half.buffer);

/**
 * The same bytes as {@link encodeRequest} gives, of an operation that is encoded already.
 * @param body the encoded operation, copied
 */
export function encodeOperation(id: bigint, operation: EncodedOperation, body: Uint8Array): Uint8Array {
  whole[0] = id;
  const [low, high] = [half[0]!, half[1]!];
  const idBytes = varint64Length(low, high);
  const data = new Uint8Array(5 + varintLength(body.length) + body.length + idBytes);
  data[0] = TAGS[operation];
  let at = writeVarint(data, 1, body.length);
  data.set(body, at);
  at += body.length;
  data[at++] = HEADER_TAG_LOW;
  data[at++] = HEADER_TAG_HIGH;
  data[at++] = 1 + idBytes;
  data[at++] = ID_TAG;
  writeVarint64(data, at, low, high);
  return data;
}

/**
 * What members of etcd up to 3.5 propose in terms of the second API is translated.
 * @throws when the bytes are no request; an entry that was committed by us always is one
 */
export function decodeRequest(data: Uint8Array): Request {
  return decodeOperation(data) ?? decodeAny(data);
}

function decodeAny(data: Uint8Array): Request {
  if (isV2Request(data)) {
    const v2 = decodeV2Request(data);
    return { ...translateV2Request(v2), ID: v2.ID };
  }
  const decoded = internal.InternalRaftRequest.decode(data);
  return decoded.v2 === undefined ? decoded : { ...decoded, v2: undefined, ...translateV2Request(decoded.v2) };
}

/** An entry made of one operation and an id, as {@link encodeOperation} makes it; undefined: it has another form. */
function decodeOperation(data: Uint8Array): Request | undefined {
  const tag = data[0];
  if (tag !== PUT && tag !== TXN && tag !== DELETE_RANGE) return undefined;
  let at = 1;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = data[at++];
    if (byte === undefined || shift > 21) return undefined;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  const end = at + length;
  if (data[end] !== HEADER_TAG_LOW || data[end + 1] !== HEADER_TAG_HIGH || data[end + 3] !== ID_TAG) return undefined;
  if (data.length !== end + 3 + data[end + 2]! || !readVarint64(data, end + 4)) return undefined;
  const header = { ID: whole[0]!, username: '', authRevision: 0 };
  const body = data.subarray(at, end);
  if (tag === PUT) return { header, put: rpc.PutRequest.decode(body) };
  if (tag === TXN) return { header, txn: rpc.TxnRequest.decode(body) };
  return { header, deleteRange: rpc.DeleteRangeRequest.decode(body) };
}

function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

function writeVarint(data: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest >= 0x80) {
    data[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  data[at++] = rest;
  return at;
}

function varint64Length(low: number, high: number): number {
  const bits = high === 0 ? 32 - Math.clz32(low) : 64 - Math.clz32(high);
  return Math.max(1, Math.ceil(bits / 7));
}

function writeVarint64(data: Uint8Array, start: number, low: number, high: number): void {
  let [at, lower, upper] = [start, low, high];
  while (upper > 0 || lower > 0x7f) {
    data[at++] = (lower & 0x7f) | 0x80;
    lower = ((lower >>> 7) | (upper << 25)) >>> 0;
    upper >>>= 7;
  }
  data[at] = lower;
}

/** Into `whole`. False: it is not a number that ends with the data. */
function readVarint64(data: Uint8Array, start: number): boolean {
  const count = data.length - start;
  if (count < 1 || count > 10) return false;
  let [low, high] = [0, 0];
  for (let i = 0; i < count; i++) {
    const byte = data[start + i]!;
    if (byte >= 0x80 === (i === count - 1)) return false;
    const bits = byte & 0x7f;
    const shift = 7 * i;
    if (shift < 28) low |= bits << shift;
    else if (shift === 28) {
      low |= bits << 28;
      high |= bits >>> 4;
    } else high |= bits << (shift - 32);
  }
  half[0] = low;
  half[1] = high;
  return true;
}
