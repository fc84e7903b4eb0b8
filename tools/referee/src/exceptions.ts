/**
 * Where two right servers may answer differently. Each exception says what it excuses and why, and excuses nothing
 * else: its predicate looks at the request and at both answers. A run counts how often each was needed.
 *
 * The reference is etcd 3.5; Kontiki keeps the contract of 3.6. What is not named here and differs is a defect.
 */
import { type Answer, isRecord, type Tree } from './answer.js';
import type { Operation, Range } from './operation.js';
import { compareOptions, isPermutation, sortValue } from './unordered.js';

/** One operation with both answers. */
export interface Case {
  readonly operation: Operation;
  /** etcd, the reference. */
  readonly left: Answer;
  /** The server that is judged. */
  readonly right: Answer;
}

export interface Exception {
  readonly name: string;
  readonly reason: string;
  /** Both answers without what is excused; undefined when the exception does not apply. */
  excuse(of: Case): { readonly left: Answer; readonly right: Answer } | undefined;
}

export const exceptions: readonly Exception[] = [
  {
    name: 'sort-option-checked',
    reason:
      '3.6 refuses a sort order outside the enumeration; 3.5 ignores it (targets outside end it, so none is sent)',
    excuse: ({ operation, left, right }) =>
      rangesOf(operation).some(hasUnknownOrder) &&
      left.status === 0 &&
      right.status === 3 &&
      right.details === 'etcdserver: invalid sort option'
        ? { left, right: left }
        : undefined,
  },
  {
    name: 'hash-revision',
    reason: '3.6 adds HashKVResponse.hash_revision, the revision hashed up to',
    excuse: ({ operation, left, right }) => {
      if (operation.kind !== 'hashKv' || !isRecord(left.message) || !isRecord(right.message)) return undefined;
      const { hashRevision: before, ...leftRest } = left.message;
      const { hashRevision: after, ...rightRest } = right.message;
      const header = right.message['header'];
      const current = isRecord(header) ? header['revision'] : undefined;
      const asked = operation.revision.from === 'zero' && operation.revision.plus === 0n;
      const right36 = typeof after === 'number' && typeof current === 'number' && after >= 1 && after <= current;
      return before === 0 && right36 && (!asked || after === current)
        ? { left: { ...left, message: leftRest }, right: { ...right, message: rightRest } }
        : undefined;
    },
  },
  {
    name: 'status-of-3.6',
    reason:
      'Status names the version whose contract is kept and has storageVersion, dbSizeQuota, downgradeInfo since 3.6',
    excuse: ({ operation, left, right }) => {
      if (operation.kind !== 'status' || !isRecord(left.message) || !isRecord(right.message)) return undefined;
      const { version: leftVersion, storageVersion: _, dbSizeQuota: __, ...leftRest } = left.message;
      const { version, storageVersion, dbSizeQuota, downgradeInfo, ...rightRest } = right.message;
      const fits =
        typeof leftVersion === 'string' &&
        leftVersion.startsWith('3.5.') &&
        typeof version === 'string' &&
        version.startsWith('3.6.') &&
        storageVersion === '3.6.0' &&
        dbSizeQuota === 2 * 1024 ** 3 &&
        isRecord(downgradeInfo) &&
        downgradeInfo['enabled'] === false;
      return fits ? { left: { ...left, message: leftRest }, right: { ...right, message: rightRest } } : undefined;
    },
  },
  {
    name: 'unmarshal-text',
    reason: 'what exactly is wrong with an undecodable message is worded by the protobuf library',
    excuse: ({ operation, left, right }) => {
      const prefix =
        operation.kind === 'raw'
          ? 'grpc: error unmarshalling request: '
          : 'grpc: failed to unmarshal the received message: ';
      const both = [left, right].every((answer) => answer.status === 13 && answer.details.startsWith(prefix));
      return (operation.kind === 'raw' || operation.kind === 'rawStream') && both ? { left, right: left } : undefined;
    },
  },
  {
    name: 'remaining-time',
    reason: 'a lease loses time between the two calls; up to 3 s are let pass',
    excuse: ({ operation, left, right }) => {
      if (operation.kind !== 'timeToLive' || !isRecord(left.message) || !isRecord(right.message)) return undefined;
      const [ours, theirs] = [right.message['TTL'], left.message['TTL']];
      const close = typeof ours === 'number' && typeof theirs === 'number' && Math.abs(ours - theirs) <= 3;
      return close && ours > 0 && theirs > 0
        ? { left, right: { ...right, message: { ...right.message, TTL: theirs } } }
        : undefined;
    },
  },
  {
    name: 'lease-keys-order',
    reason: 'the keys of a lease have no order (etcd keeps them in a hash map)',
    excuse: ({ operation, left, right }) =>
      operation.kind === 'timeToLive' ? reordered(left, right, 'keys') : undefined,
  },
  {
    name: 'leases-order',
    reason: 'leases are listed by the time they have left, which for leases granted together is chance',
    excuse: ({ operation, left, right }) =>
      operation.kind === 'leases' ? reordered(left, right, 'leases') : undefined,
  },
  {
    name: 'sort-ties',
    reason: 'keys that are equal in what is sorted by have no order (etcd sorts unstably from 13 keys on)',
    excuse: ({ operation, left, right }) => {
      if (operation.kind !== 'range' || operation.target === 0) return undefined;
      const [ours, theirs] = [listOf(right, 'kvs'), listOf(left, 'kvs')];
      if (ours === undefined || theirs === undefined || theirs.length < 13 || ours.length !== theirs.length)
        return undefined;
      const options = compareOptions(operation);
      const sameSequence = ours.every((kv, i) => sortValue(kv, options) === sortValue(theirs[i], options));
      // Without a limit the same keys must be there; a limit may cut inside a tie.
      const sameKeys = operation.limit > 0n || isPermutation(ours, theirs);
      return sameSequence && sameKeys ? { left, right: withList(right, 'kvs', theirs) } : undefined;
    },
  },
];

function hasUnknownOrder(range: Range): boolean {
  return range.order < 0 || range.order > 2;
}

/** Every Range in an operation. */
function rangesOf(operation: Operation): Range[] {
  if (operation.kind === 'range') return [operation];
  if (operation.kind !== 'txn') return [];
  return [...operation.success, ...operation.failure].flatMap((inner) =>
    inner.kind === 'range' || inner.kind === 'txn' ? rangesOf(inner) : [],
  );
}

function reordered(left: Answer, right: Answer, field: string): { left: Answer; right: Answer } | undefined {
  const [ours, theirs] = [listOf(right, field), listOf(left, field)];
  if (ours === undefined || theirs === undefined || !isPermutation(ours, theirs)) return undefined;
  return { left, right: withList(right, field, theirs) };
}

function listOf(answer: Answer, field: string): readonly Tree[] | undefined {
  const list = isRecord(answer.message) ? answer.message[field] : undefined;
  return Array.isArray(list) ? list : undefined;
}

function withList(answer: Answer, field: string, list: readonly Tree[]): Answer {
  return isRecord(answer.message) ? { ...answer, message: { ...answer.message, [field]: list } } : answer;
}
