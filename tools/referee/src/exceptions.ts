/**
 * Where two right servers may answer differently. Each exception says what it excuses and why, and excuses nothing
 * else: its predicate looks at the request and at both answers. A run counts how often each was needed.
 *
 * The reference is etcd 3.5; Kontiki keeps the contract of 3.6. What is not named here and differs is a defect.
 */
import { rpc } from '@kontiki/proto';
import { fromLatin1 } from '@kontiki/std';
import { type Answer, isRecord, type Tree } from './answer.js';
import type { Bytes, Operation, Range, Revision } from './operation.js';
import { isPermutation, withoutTies } from './unordered.js';

/** One operation with both answers. */
export interface Case {
  readonly operation: Operation;
  /** etcd, the reference. */
  readonly left: Answer;
  /** The server that is judged. */
  readonly right: Answer;
  /** What a revision in the operation was when it was sent. */
  resolve(revision: Revision): bigint;
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
      '3.6 refuses a sort order outside the enumeration at once; 3.5 ignores it (targets outside end it: none is sent)',
    excuse: ({ operation, left, right }) =>
      (rangesOf(operation).some(hasUnknownOrder) || isRawWithUnknownOrder(operation)) &&
      right.status === 3 &&
      right.details === 'etcdserver: invalid sort option'
        ? { left, right: left }
        : undefined,
  },
  {
    name: 'hash-revision',
    reason: '3.6 adds HashKVResponse.hash_revision, the revision hashed up to',
    excuse: ({ operation, left, right, resolve }) => {
      if (operation.kind !== 'hashKv' || !isRecord(left.message) || !isRecord(right.message)) return undefined;
      const { hashRevision: before, ...leftRest } = left.message;
      const { hashRevision: after, ...rightRest } = right.message;
      const asked = Number(resolve(operation.revision));
      // A negative revision beyond 2^53 comes back rounded: it names no revision anyway.
      const fits = after === (asked === 0 ? currentOf(right) : Math.max(asked, Number.MIN_SAFE_INTEGER));
      return before === 0 && fits
        ? { left: { ...left, message: leftRest }, right: { ...right, message: rightRest } }
        : undefined;
    },
  },
  {
    name: 'remembered-hash',
    reason:
      'etcd answers HashKV at the revision of an earlier compaction from memory, with the hash and the compact revision ' +
      'of before it; after a restart it computes it like any other: with the present compact revision, or "compacted"',
    excuse: ({ operation, left, right, resolve }) => {
      if (operation.kind !== 'hashKv' || !isRecord(left.message)) return undefined;
      const asked = Number(resolve(operation.revision));
      const remembered = left.message['compactRevision'];
      if (asked <= 0 || typeof remembered !== 'number' || remembered >= asked) return undefined;
      if (right.status === 11 && right.details === 'etcdserver: mvcc: required revision has been compacted') {
        return { left, right: left };
      }
      if (!isRecord(right.message) || right.message['compactRevision'] !== asked) return undefined;
      const { hash, compactRevision } = left.message;
      return {
        left,
        right: { ...right, message: { ...right.message, hash: hash!, compactRevision: compactRevision! } },
      };
    },
  },
  {
    name: 'hash-after-compact-0',
    reason:
      'after a compaction at revision 0, which only an empty store allows, etcd takes HashKV of revision 0 (the current ' +
      'one) for that compaction and answers what it remembers of it until it restarts',
    excuse: ({ operation, left, right, resolve }) => {
      if (operation.kind !== 'hashKv' || !isRecord(left.message) || !isRecord(right.message)) return undefined;
      const never = left.message['compactRevision'] === -1;
      const compacted = right.message['compactRevision'];
      return resolve(operation.revision) === 0n && never && typeof compacted === 'number' && compacted >= 0
        ? { left, right: { ...right, message: left.message } }
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
    name: 'progress-after-compaction',
    reason:
      'once a compaction has cancelled a watcher, etcd answers no progress request of its stream any more; progress of ' +
      'the watchers that are left is announced here',
    excuse: ({ operation, left, right }) => {
      if (operation.kind !== 'progress' || !isRecord(left.message) || !isRecord(right.message)) return undefined;
      const silent = listOf(left, 'revisions')?.length === 0;
      return silent && left.message['overtaken'] === true && right.message['overtaken'] === true
        ? { left, right: left }
        : undefined;
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
    name: 'varint-overflow',
    reason: 'a varint with bits beyond the 64th is refused as damaged; gogo/protobuf drops the bits',
    excuse: ({ operation, left, right }) =>
      (operation.kind === 'raw' || operation.kind === 'rawStream') &&
      hasVarintBeyond64(operation.bytes) &&
      right.status === 13 &&
      right.details.endsWith('varint of more than 64 bits')
        ? { left, right: left }
        : undefined,
  },
  {
    name: 'tag-beyond-32-bits',
    reason: 'a tag of more than 32 bits names no field and is refused as damaged; gogo/protobuf cuts the number off',
    excuse: ({ operation, left, right }) => {
      const raw = operation.kind === 'raw' || operation.kind === 'rawStream';
      const tag = /: no field has tag (\d+)$/.exec(right.details)?.[1];
      return raw && right.status === 13 && Number(tag) >= 2 ** 32 ? { left, right: left } : undefined;
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
    name: 'alarms-order',
    reason: 'alarms have no order (etcd keeps them in a hash map)',
    excuse: ({ operation, left, right }) => {
      if (operation.kind === 'status') return reordered(left, right, 'errors');
      return operation.kind === 'alarm' ? reordered(left, right, 'alarms') : undefined;
    },
  },
  {
    name: 'sort-ties',
    reason: 'keys that are equal in what is sorted by have no order (etcd sorts unstably from 13 keys on)',
    excuse: ({ operation, left, right }) => {
      if (operation.kind !== 'range' && operation.kind !== 'txn') return undefined;
      const message = withoutTies(operation, left.message, right.message);
      return message === undefined ? undefined : { left, right: { ...right, message } };
    },
  },
];

/**
 * The one way in which the reference may end. etcd 3.5 checks the puts of a transaction before its first change only
 * against the store: when the transaction itself deletes the key that a put with ignore_value or ignore_lease needs,
 * it panics half-way, and again at every restart. Kontiki refuses the transaction whole.
 */
export const referenceEnds: {
  readonly name: string;
  excuses(operation: Operation, log: string, right: Answer): boolean;
} = {
  name: 'etcd-panics-in-txn',
  excuses: (operation, log, right) =>
    operation.kind === 'txn' &&
    log.includes('unexpected error during txn with writes') &&
    right.status === 3 &&
    right.details === 'etcdserver: key not found',
};

/** The revision in an answer's header. */
function currentOf(answer: Answer): Tree | undefined {
  const header = isRecord(answer.message) ? answer.message['header'] : undefined;
  return isRecord(header) ? header['revision'] : undefined;
}

/** Nine bytes that say another follows, then one with more than the 64th bit. */
function hasVarintBeyond64(bytes: Bytes): boolean {
  const codes = [...bytes].map((character) => character.charCodeAt(0));
  return codes.some(
    (code, i) => i >= 9 && code > 1 && code < 0x80 && codes.slice(i - 9, i).every((before) => before >= 0x80),
  );
}

function hasUnknownOrder(range: Range): boolean {
  return range.order < 0 || range.order > 2;
}

/** A Range sent as bytes that says the same. */
function isRawWithUnknownOrder(operation: Operation): boolean {
  if (operation.kind !== 'raw' || operation.path !== '/etcdserverpb.KV/Range') return false;
  try {
    const order: number = rpc.RangeRequest.decode(fromLatin1(operation.bytes)).sortOrder;
    return order < 0 || order > 2;
  } catch {
    // Undecodable: then it was not for its order that it was refused.
    return false;
  }
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
