/**
 * Membership changes as the bytes of an entry: raftpb.ConfChange for `change`, raftpb.ConfChangeV2 for `changeV2`.
 * Fields with their default value are left out when writing, unknown fields are skipped when reading, and no bytes at
 * all are a ConfChangeV2 without steps: leave the joint configuration.
 */
import { RaftError } from '../errors.js';
import type { Entry } from '../types.js';
import type { ChangeStep, MembershipChange, MultiChange } from './change.js';

const ACTIONS = ['addVoter', 'remove', 'update', 'addLearner'] as const;
const TRANSITIONS = ['auto', 'jointImplicit', 'jointExplicit'] as const;
const NOTHING = new Uint8Array(0);

export function encodeChange(change: MembershipChange): Uint8Array {
  const out: number[] = [];
  if (change.kind === 'change') {
    varintField(out, 1, change.id);
    varintField(out, 2, BigInt(ACTIONS.indexOf(change.step.action)));
    varintField(out, 3, change.step.node);
    bytesField(out, 4, change.context);
  } else {
    varintField(out, 1, BigInt(TRANSITIONS.indexOf(change.transition)));
    for (const step of change.steps) {
      const inner: number[] = [];
      varintField(inner, 1, BigInt(ACTIONS.indexOf(step.action)));
      varintField(inner, 2, step.node);
      varint(out, 0x12n);
      varint(out, BigInt(inner.length));
      for (const byte of inner) out.push(byte);
    }
    bytesField(out, 3, change.context);
  }
  return Uint8Array.from(out);
}

/** Throws RaftError INVALID_CHANGE when `entry.data` is not what its kind says. */
export function decodeChange(entry: Pick<Entry, 'kind' | 'data'>): MembershipChange {
  if (entry.kind === 'normal') throw new RaftError('INVALID_CHANGE', 'an entry of kind normal is not a change');
  return entry.kind === 'change' ? decodeSingle(entry.data) : decodeMulti(entry.data);
}

function decodeSingle(data: Uint8Array): MembershipChange {
  let id = 0n;
  let action: ChangeStep['action'] = 'addVoter';
  let node = 0n;
  let context = NOTHING;
  for (const { field, value } of fields(data)) {
    if (field === 1) id = number(value);
    else if (field === 2) action = pick(ACTIONS, value);
    else if (field === 3) node = number(value);
    else if (field === 4) context = bytes(value);
  }
  return { kind: 'change', id, step: { action, node }, context };
}

function decodeMulti(data: Uint8Array): MembershipChange {
  let transition: MultiChange['transition'] = 'auto';
  const steps: ChangeStep[] = [];
  let context = NOTHING;
  for (const { field, value } of fields(data)) {
    if (field === 1) transition = pick(TRANSITIONS, value);
    else if (field === 2) steps.push(decodeStep(bytes(value)));
    else if (field === 3) context = bytes(value);
  }
  return { kind: 'changeV2', transition, steps, context };
}

function decodeStep(data: Uint8Array): ChangeStep {
  let action: ChangeStep['action'] = 'addVoter';
  let node = 0n;
  for (const { field, value } of fields(data)) {
    if (field === 1) action = pick(ACTIONS, value);
    else if (field === 2) node = number(value);
  }
  return { action, node };
}

function varint(out: number[], value: bigint): void {
  let rest = value;
  while (rest > 0x7fn) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
}

function varintField(out: number[], field: number, value: bigint): void {
  if (value === 0n) return;
  varint(out, BigInt(field << 3));
  varint(out, value);
}

function bytesField(out: number[], field: number, value: Uint8Array): void {
  if (value.length === 0) return;
  varint(out, BigInt((field << 3) | 2));
  varint(out, BigInt(value.length));
  for (const byte of value) out.push(byte);
}

type FieldValue = bigint | Uint8Array;

function* fields(data: Uint8Array): Generator<{ field: number; value: FieldValue }> {
  let at = 0;
  const read = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = data[at++];
      if (byte === undefined) throw truncated();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new RaftError('INVALID_CHANGE', 'a number in the change has more than 10 bytes');
  };
  const take = (length: number): Uint8Array => {
    if (length > data.length - at) throw truncated();
    at += length;
    return data.slice(at - length, at);
  };
  while (at < data.length) {
    const tag = read();
    const field = Number(tag >> 3n);
    const wire = Number(tag & 7n);
    if (wire === 0) yield { field, value: read() };
    else if (wire === 2) yield { field, value: take(Number(read())) };
    else if (wire === 1) take(8);
    else if (wire === 5) take(4);
    else throw new RaftError('INVALID_CHANGE', `the change has a field of unknown wire type ${wire}`);
  }
}

function truncated(): RaftError {
  return new RaftError('INVALID_CHANGE', 'the change ends in the middle of a field');
}

function number(value: FieldValue): bigint {
  if (typeof value !== 'bigint') throw new RaftError('INVALID_CHANGE', 'expected a number in the change');
  return value;
}

function bytes(value: FieldValue): Uint8Array<ArrayBuffer> {
  if (typeof value === 'bigint') throw new RaftError('INVALID_CHANGE', 'expected bytes in the change');
  return value as Uint8Array<ArrayBuffer>;
}

function pick<T>(names: readonly T[], value: FieldValue): T {
  const name = names[Number(number(value))];
  if (name === undefined) throw new RaftError('INVALID_CHANGE', `unknown value ${String(value)} in the change`);
  return name;
}
