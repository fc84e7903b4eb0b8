/*
 * A KeyValue as the bytes stored under its revision: a protobuf `mvccpb.KeyValue`.
 *
 *   key = 1 | create_revision = 2 | mod_revision = 3 | version = 4 | value = 5 | lease = 6     zero and empty: left out
 */
import { assert, EMPTY, toLatin1 } from '@kontiki/std';
import { MvccError } from './errors.js';
import type { Key, KeyValue } from './types.js';

/** Gives `length` bytes to fill: fresh ones, or a piece of a larger block. */
export type Allocate = (length: number) => Uint8Array;

const WORD = 2 ** 32;
const KEY = 0x0a;
const CREATE_REVISION = 0x10;
const MOD_REVISION = 0x18;
const VERSION = 0x20;
const VALUE = 0x2a;
const LEASE = 0x30;

/** Node's own, which does without a view of the bytes; a third of the time. */
const latin1Slice: ((this: Uint8Array, start: number, end: number) => string) | undefined =
  typeof Buffer === 'undefined' ? undefined : Buffer.prototype.latin1Slice;

const allocateAlone: Allocate = (length) => new Uint8Array(length);

/** The stored form of a put. `value` is copied. */
export function encodePut(
  key: Key,
  createRevision: number,
  modRevision: number,
  version: number,
  value: Uint8Array,
  lease: bigint,
  allocate: Allocate = allocateAlone,
): Uint8Array {
  let length = 0;
  if (key.length > 0) length += 1 + varintLength(key.length) + key.length;
  if (createRevision > 0) length += 1 + varintLength(createRevision);
  if (modRevision > 0) length += 1 + varintLength(modRevision);
  if (version > 0) length += 1 + varintLength(version);
  if (value.length > 0) length += 1 + varintLength(value.length) + value.length;
  if (lease !== 0n) length += 1 + leaseLength(lease);

  const bytes = allocate(length);
  let at = 0;
  if (key.length > 0) at = writeKey(bytes, at, key);
  if (createRevision > 0) at = writeNumber(bytes, at, CREATE_REVISION, createRevision);
  if (modRevision > 0) at = writeNumber(bytes, at, MOD_REVISION, modRevision);
  if (version > 0) at = writeNumber(bytes, at, VERSION, version);
  if (value.length > 0) {
    at = writeNumber(bytes, at, VALUE, value.length);
    bytes.set(value, at);
    at += value.length;
  }
  if (lease !== 0n) writeLease(bytes, at, lease);
  return bytes;
}

/** The stored form of a delete: nothing but the key. */
export function encodeTombstone(key: Key, allocate: Allocate = allocateAlone): Uint8Array {
  return encodePut(key, 0, 0, 0, EMPTY, 0n, allocate);
}

/** A delete as watchers get it: key and the revision of the delete. */
export function encodeDeleted(key: Key, modRevision: number): Uint8Array {
  return encodePut(key, 0, modRevision, 0, EMPTY, 0n);
}

export function encodeKeyValue(kv: KeyValue): Uint8Array {
  return encodePut(toLatin1(kv.key), kv.createRevision, kv.modRevision, kv.version, kv.value, kv.lease);
}

/** `key` and `value` of the answer are views of `bytes`. Throws `CORRUPT`. */
export function decodeKeyValue(bytes: Uint8Array): KeyValue {
  const fields = readFields(bytes);
  return {
    key: view(bytes, fields.keyStart, fields.keyEnd),
    createRevision: fields.createRevision,
    modRevision: fields.modRevision,
    version: fields.version,
    value: view(bytes, fields.valueStart, fields.valueEnd),
    lease: fields.lease(),
  };
}

/** Only the key. Throws `CORRUPT`. */
export function decodeKey(bytes: Uint8Array): Key {
  const { keyStart, keyEnd } = readFields(bytes);
  return latin1Between(bytes, keyStart, keyEnd);
}

/** The latin1 form of some of the bytes. */
export function latin1Between(bytes: Uint8Array, start: number, end: number): Key {
  return latin1Slice === undefined ? toLatin1(bytes.subarray(start, end)) : latin1Slice.call(bytes, start, end);
}

/** The same without the value field; the same object when there is none. Throws `CORRUPT`. */
export function withoutValue(bytes: Uint8Array): Uint8Array {
  const fields = readFields(bytes);
  if (fields.valueField === fields.valueEnd) return bytes;
  if (fields.valueEnd === bytes.length) return view(bytes, 0, fields.valueField);
  const shorter = new Uint8Array(bytes.length - (fields.valueEnd - fields.valueField));
  shorter.set(view(bytes, 0, fields.valueField));
  shorter.set(view(bytes, fields.valueEnd, bytes.length), fields.valueField);
  return shorter;
}

/** Where the fields of one encoded KeyValue are. There is one of these, filled anew by each {@link readFields}. */
export class Fields {
  keyStart = 0;
  keyEnd = 0;
  createRevision = 0;
  modRevision = 0;
  version = 0;
  /** Where the value's tag stands; with `valueStart` and `valueEnd` all 0 when there is no value. */
  valueField = 0;
  valueStart = 0;
  valueEnd = 0;
  leaseLow = 0;
  leaseHigh = 0;

  lease(): bigint {
    if (this.leaseLow === 0 && this.leaseHigh === 0) return 0n;
    return BigInt.asIntN(64, (BigInt(this.leaseHigh) << 32n) | BigInt(this.leaseLow));
  }
}

const fields = new Fields();
let low = 0;
let high = 0;

/** Reads the fields without copying any. The answer is shared: it holds until the next call. Throws `CORRUPT`. */
export function readFields(bytes: Uint8Array): Readonly<Fields> {
  fields.keyStart = fields.keyEnd = fields.createRevision = fields.modRevision = fields.version = 0;
  fields.valueField = fields.valueStart = fields.valueEnd = fields.leaseLow = fields.leaseHigh = 0;
  let at = 0;
  while (at < bytes.length) {
    const field = at;
    at = readVarint(bytes, at);
    const tag = number();
    switch (tag) {
      case KEY:
        at = readVarint(bytes, at);
        fields.keyStart = at;
        fields.keyEnd = at = skip(bytes, at, number());
        break;
      case VALUE:
        at = readVarint(bytes, at);
        fields.valueField = field;
        fields.valueStart = at;
        fields.valueEnd = at = skip(bytes, at, number());
        break;
      case CREATE_REVISION:
        at = readVarint(bytes, at);
        fields.createRevision = number();
        break;
      case MOD_REVISION:
        at = readVarint(bytes, at);
        fields.modRevision = number();
        break;
      case VERSION:
        at = readVarint(bytes, at);
        fields.version = number();
        break;
      case LEASE:
        at = readVarint(bytes, at);
        fields.leaseLow = low;
        fields.leaseHigh = high;
        break;
      default:
        at = skipUnknown(bytes, at, tag);
    }
  }
  return fields;
}

/** A field of a newer format: passed over by its wire type. */
function skipUnknown(bytes: Uint8Array, at: number, tag: number): number {
  switch (tag & 7) {
    case 0:
      return readVarint(bytes, at);
    case 1:
      return skip(bytes, at, 8);
    case 2: {
      const start = readVarint(bytes, at);
      return skip(bytes, start, number());
    }
    case 5:
      return skip(bytes, at, 4);
    default:
      throw corrupt(`wire type ${tag & 7}`);
  }
}

function skip(bytes: Uint8Array, at: number, length: number): number {
  if (length > bytes.length - at) throw corrupt('a field reaches beyond its end');
  return at + length;
}

/** Into `low` and `high`; answers where the next field begins. */
function readVarint(bytes: Uint8Array, start: number): number {
  let at = start;
  low = 0;
  high = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined) throw corrupt('it ends inside a number');
    const bits = byte & 0x7f;
    if (shift < 28) low |= bits << shift;
    else if (shift === 28) {
      low |= bits << 28;
      high = bits >>> 4;
    } else high |= bits << (shift - 32);
    if (byte < 0x80) {
      low >>>= 0;
      high >>>= 0;
      return at;
    }
  }
  throw corrupt('a number is longer than ten bytes');
}

/** What {@link readVarint} read last, as a count. */
function number(): number {
  if (high >= 1 << 21) throw corrupt('a count is above 2^53');
  return high * WORD + low;
}

function corrupt(why: string): MvccError {
  return new MvccError('CORRUPT', `a stored KeyValue cannot be read: ${why}`);
}

function view(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return start === end ? EMPTY : new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}

function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  if (value < 0x1000_0000) return 4;
  let length = 4;
  for (let rest = Math.floor(value / 0x1000_0000); rest > 0; rest = Math.floor(rest / 0x80)) length++;
  return length;
}

function writeVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest >= 0x8000_0000) {
    bytes[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  while (rest >= 0x80) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

function writeNumber(bytes: Uint8Array, at: number, tag: number, value: number): number {
  bytes[at] = tag;
  return writeVarint(bytes, at + 1, value);
}

function writeKey(bytes: Uint8Array, start: number, key: Key): number {
  const at = writeNumber(bytes, start, KEY, key.length);
  let seen = 0;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    seen |= code;
    bytes[at + i] = code;
  }
  assert(seen <= 0xff, 'a key is a latin1 string: make one of other text with toLatin1(bytes)');
  return at + key.length;
}

function leaseLength(lease: bigint): number {
  const value = BigInt.asUintN(64, lease);
  let length = 1;
  for (let rest = value >> 7n; rest > 0n; rest >>= 7n) length++;
  return length;
}

function writeLease(bytes: Uint8Array, start: number, lease: bigint): void {
  let at = start;
  bytes[at++] = LEASE;
  let rest = BigInt.asUintN(64, lease);
  for (; rest >= 0x80n; rest >>= 7n) bytes[at++] = Number(rest & 0x7fn) | 0x80;
  bytes[at] = Number(rest);
}
