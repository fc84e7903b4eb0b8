import { isUtf8 } from 'node:buffer';
import protobuf from 'protobufjs';
import { keyOf, longKind, unionOf } from './schema.js';

/**
 * A reader of messages as slow and plain as the format's own description: it cuts the input into fields first, each with
 * its own copy of the bytes, then looks at them.
 *
 * @returns the message, or the reason why there is none
 */
export function naiveDecode(type: protobuf.Type, bytes: Uint8Array): object | string {
  try {
    return message(type, bytes, 1);
  } catch (reason) {
    if (reason instanceof Damaged) return reason.message;
    throw reason;
  }
}

class Damaged extends Error {}

/** Messages in which numbers beyond the safe integers are taken for the last safe one. */
const CLAMPED = /Request$|\.Compare$|\.LeaderKey$/;
const MAX_DEPTH = 500;

interface Field {
  readonly number: number;
  readonly wire: number;
  readonly varint: bigint;
  readonly bytes: Uint8Array;
}

function message(type: protobuf.Type, bytes: Uint8Array, depth: number): object {
  if (depth > MAX_DEPTH) throw new Damaged('too deep');
  const result: Record<string, unknown> = {};
  for (const oneof of type.oneofsArray) if (!oneof.name.startsWith('_')) result[keyOf(oneof.name)] = undefined;
  for (const field of type.fieldsArray) {
    field.resolve();
    if (unionOf(field) === undefined) result[keyOf(field.name)] = absent(field);
  }
  for (const { number, wire, varint, bytes: content } of fieldsOf(bytes, depth)) {
    const field = type.fieldsById[number];
    if (field === undefined) continue;
    const key = keyOf(field.name);
    const union = unionOf(field);
    const wanted = ['bytes', 'string'].includes(field.type) || field.resolvedType instanceof protobuf.Type ? 2 : 0;
    if (field.repeated && wanted === 0 && wire === 2) {
      // One field with all the values.
      const list = result[key] as unknown[];
      for (let rest = content; rest.length > 0; ) {
        const [value, size] = readVarint(rest);
        list.push(scalar(field, value, content));
        rest = rest.slice(size);
      }
    } else {
      if (wire !== wanted) throw new Damaged('of a wire type that is not the field’s');
      const value =
        field.resolvedType instanceof protobuf.Type
          ? message(field.resolvedType, content, depth + 1)
          : scalar(field, varint, content);
      if (union !== undefined) result[keyOf(union.name)] = { $case: key, value };
      else if (field.repeated) (result[key] as unknown[]).push(value);
      else result[key] = value;
    }
  }
  return result;
}

function absent(field: protobuf.Field): unknown {
  if (field.repeated) return [];
  if (field.resolvedType instanceof protobuf.Type || field.partOf) return undefined;
  return scalar(field, 0n, new Uint8Array(0));
}

function scalar(field: protobuf.Field, varint: bigint, content: Uint8Array): unknown {
  switch (field.type) {
    case 'bytes':
      return content;
    case 'string':
      if (!isUtf8(content)) throw new Damaged('not UTF-8');
      return Buffer.from(content).toString();
    case 'bool':
      return varint !== 0n;
    case 'uint32':
      return Number(BigInt.asUintN(32, varint));
    case 'int64':
    case 'uint64': {
      const value = field.type === 'int64' ? BigInt.asIntN(64, varint) : varint;
      if (longKind(field) === 'bigint') return value;
      const safe = BigInt(Number.MAX_SAFE_INTEGER);
      if (value <= safe && value >= -safe) return Number(value);
      const owner = field.parent?.fullName ?? '';
      if (field.type === 'uint64' || !CLAMPED.test(owner)) throw new Damaged('beyond the safe integers');
      return value > 0n ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER;
    }
    default:
      return Number(BigInt.asIntN(32, varint));
  }
}

/** The fields of a message in their order. Groups are nobody's, so they are left out, once they are whole. */
function fieldsOf(bytes: Uint8Array, depth: number): Field[] {
  const fields: Field[] = [];
  let rest = bytes;
  const groups: number[] = [];
  const take = (size: number): Uint8Array => {
    if (size > rest.length) throw new Damaged('cut off');
    const taken = rest.slice(0, size);
    rest = rest.slice(size);
    return taken;
  };
  const varint = (): bigint => {
    const [value, size] = readVarint(rest);
    take(size);
    return value;
  };
  while (rest.length > 0) {
    const tag = varint();
    const number = Number(tag >> 3n);
    const wire = Number(tag & 7n);
    if (tag >= 2n ** 32n || number === 0) throw new Damaged('no such tag');
    let value = 0n;
    let content: Uint8Array = new Uint8Array(0);
    if (wire === 0) value = varint();
    else if (wire === 1) content = take(8);
    else if (wire === 2) content = take(Number(varint()));
    else if (wire === 5) content = take(4);
    else if (wire === 3) {
      // The outermost one stands for its field: nothing, when nobody knows it, and damage when somebody does.
      if (groups.length === 0) fields.push({ number, wire, varint: value, bytes: content });
      groups.push(number);
      if (depth + groups.length > MAX_DEPTH) throw new Damaged('too deep');
    } else if (wire === 4) {
      if (groups.pop() !== number) throw new Damaged('no such group');
    } else throw new Damaged('no such wire type');
    if (wire !== 3 && wire !== 4 && groups.length === 0) fields.push({ number, wire, varint: value, bytes: content });
  }
  if (groups.length > 0) throw new Damaged('group cut off');
  return fields;
}

function readVarint(bytes: Uint8Array): [value: bigint, size: number] {
  let value = 0n;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[i];
    if (byte === undefined) throw new Damaged('cut off');
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) {
      if (value >= 2n ** 64n) throw new Damaged('more than 64 bits');
      return [value, i + 1];
    }
  }
  throw new Damaged('more than 64 bits');
}
