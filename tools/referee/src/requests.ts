import type {
  Compare,
  Delete,
  LeaseName,
  Operation,
  Put,
  Range,
  Revision,
  Txn,
  TxnOperation,
  WatchCreate,
} from './operation.js';
import { encode, type FieldValue, field, type Message } from './wire.js';

/** What the names in an operation mean on one server, now. */
export interface Names {
  revision(revision: Revision): bigint;
  lease(name: LeaseName): bigint;
  member(name: 'self' | bigint): bigint;
}

/** A unary call: the method's path and the message's bytes. */
export interface Call {
  readonly path: string;
  readonly message: Uint8Array;
}

/** The operations that are one unary call. */
export type UnaryOperation = Exclude<
  Operation,
  { readonly kind: 'keepAlive' | 'expire' | 'watch' | 'cancelWatch' | 'progress' | 'rawStream' | 'restart' }
>;

/** The call an operation is. */
export function callOf(operation: UnaryOperation, names: Names): Call {
  switch (operation.kind) {
    case 'range':
      return call('KV/Range', rangeMessage(operation, names));
    case 'put':
      return call('KV/Put', putMessage(operation));
    case 'delete':
      return call('KV/DeleteRange', deleteMessage(operation));
    case 'txn':
      return call('KV/Txn', txnMessage(operation, names));
    case 'compact':
      return call('KV/Compact', [field(1, names.revision(operation.revision)), field(2, operation.physical)]);
    case 'grant':
      return call('Lease/LeaseGrant', [field(1, operation.ttl), field(2, operation.id)]);
    case 'revoke':
      return call('Lease/LeaseRevoke', [field(1, names.lease(operation.id))]);
    case 'timeToLive':
      return call('Lease/LeaseTimeToLive', [field(1, names.lease(operation.id)), field(2, operation.keys)]);
    case 'leases':
      return call('Lease/LeaseLeases', []);
    case 'hashKv':
      return call('Maintenance/HashKV', [field(1, names.revision(operation.revision))]);
    case 'status':
      return call('Maintenance/Status', []);
    case 'memberList':
      return call('Cluster/MemberList', [field(1, operation.linearizable)]);
    case 'memberRefused':
      return refusedCall(operation.call, operation.url);
    case 'alarm':
      return call('Maintenance/Alarm', [
        field(1, operation.action),
        field(2, names.member(operation.member)),
        field(3, operation.alarm),
      ]);
    case 'defragment':
      return call('Maintenance/Defragment', []);
    case 'moveLeader':
      return call('Maintenance/MoveLeader', [field(1, names.member(operation.target))]);
    case 'raw':
      return { path: operation.path, message: Buffer.from(operation.bytes, 'latin1') };
  }
}

/** Member 5 never exists here. */
function refusedCall(name: 'add' | 'remove' | 'update' | 'promote', url: string): Call {
  switch (name) {
    case 'add':
      return call('Cluster/MemberAdd', [field(1, url)]);
    case 'remove':
      return call('Cluster/MemberRemove', [field(1, 5n)]);
    case 'update':
      return call('Cluster/MemberUpdate', [field(1, 5n), field(2, url)]);
    case 'promote':
      return call('Cluster/MemberPromote', [field(1, 5n)]);
  }
}

export function watchCreateMessage(operation: WatchCreate, names: Names): Uint8Array {
  const create: Message = [
    field(1, operation.key),
    field(2, operation.end),
    field(3, names.revision(operation.start)),
    field(4, operation.progressNotify),
    // A packed repeated enum.
    operation.filters.length === 0 ? undefined : [5, packed(operation.filters)],
    field(6, operation.prevKv),
    field(7, operation.id),
    field(8, operation.fragment),
  ];
  return encode([[1, create]]);
}

/** A watcher of a key nobody writes. */
export function watchMarkerMessage(id: bigint): Uint8Array {
  return encode([[1, [field(1, 'marker'), field(7, id)]]]);
}

export function watchCancelMessage(id: bigint): Uint8Array {
  return encode([[2, [field(1, id)]]]);
}

export function watchProgressMessage(): Uint8Array {
  return encode([[3, []]]);
}

export function keepAliveMessage(id: bigint): Uint8Array {
  return encode([field(1, id)]);
}

function rangeMessage(range: Range, names: Names): Message {
  return [
    field(1, range.key),
    field(2, range.end),
    field(3, range.limit),
    field(4, names.revision(range.revision)),
    field(5, range.order),
    field(6, range.target),
    field(7, range.serializable),
    field(8, range.keysOnly),
    field(9, range.countOnly),
    field(10, names.revision(range.minMod)),
    field(11, names.revision(range.maxMod)),
    field(12, names.revision(range.minCreate)),
    field(13, names.revision(range.maxCreate)),
  ];
}

function putMessage(put: Put): Message {
  const value = typeof put.value === 'string' ? put.value : Buffer.alloc(put.value.size, 0x76);
  return [
    field(1, put.key),
    field(2, value),
    field(3, put.lease),
    field(4, put.prevKv),
    field(5, put.ignoreValue),
    field(6, put.ignoreLease),
  ];
}

function deleteMessage(operation: Delete): Message {
  return [field(1, operation.key), field(2, operation.end), field(3, operation.prevKv)];
}

function txnMessage(txn: Txn, names: Names): Message {
  const more = Array.from({ length: txn.moreCompares }, (_, i): Message => [field(3, `more${i}`), [4, 0n]]);
  return [
    ...txn.compares.map((compare) => [1, compareMessage(compare, names)] as const),
    ...more.map((compare) => [1, compare] as const),
    ...txn.success.flatMap((operation) => txnOperations(operation, names)).map((op) => [2, op] as const),
    ...txn.failure.flatMap((operation) => txnOperations(operation, names)).map((op) => [3, op] as const),
  ];
}

function txnOperations(operation: TxnOperation, names: Names): Message[] {
  switch (operation.kind) {
    case 'range':
      return [[[1, rangeMessage(operation, names)]]];
    case 'put':
      return [[[2, putMessage(operation)]]];
    case 'delete':
      return [[[3, deleteMessage(operation)]]];
    case 'txn':
      return [[[4, txnMessage(operation, names)]]];
    case 'empty':
      return [[]];
    case 'many':
      return Array.from({ length: operation.count }, (_, i): Message => {
        const key = [1, `${operation.prefix}${i}`] as const;
        return operation.of === 'put' ? [[2, [key, [2, 'many']]]] : [[1, [key]]];
      });
  }
}

function compareMessage(compare: Compare, names: Names): Message {
  return [
    field(1, compare.result),
    field(2, compare.target),
    field(3, compare.key),
    operandOf(compare, names),
    field(64, compare.end),
  ];
}

/** A member of a oneof is sent even when it holds its default. */
function operandOf(compare: Compare, names: Names): readonly [number, FieldValue] | undefined {
  const { operand } = compare;
  if (operand === undefined) return undefined;
  switch (operand.kind) {
    case 'version':
      return [4, operand.number];
    case 'create':
      return [5, names.revision(operand.revision)];
    case 'mod':
      return [6, names.revision(operand.revision)];
    case 'value':
      return [7, operand.value];
    case 'lease':
      return [8, operand.number];
  }
}

function packed(numbers: readonly number[]): Uint8Array {
  return Buffer.concat(numbers.map((number) => encode([[1, number]]).subarray(1)));
}

function call(method: string, message: Message): Call {
  return { path: `/etcdserverpb.${method}`, message: encode(message) };
}
