/**
 * The two forms of a transaction: as it comes over the wire (`etcdserverpb`) and as `@kontiki/mvcc` runs it.
 * Requests were validated before they came here, so every RequestOp has a member set.
 */
import {
  type Compare,
  fromEtcd,
  type KeyValue,
  type Op,
  type OpResult,
  type RangeOptions,
  type RangeResult,
  type Txn,
  type TxnResult,
} from '@kontiki/mvcc';
import type { kv, rpc } from '@kontiki/proto';
import { assert, EMPTY, toLatin1 } from '@kontiki/std';

const SORT_ORDERS = ['none', 'ascend', 'descend'] as const;
const SORT_TARGETS = ['key', 'version', 'create', 'mod', 'value'] as const;
const COMPARE_RESULTS = ['equal', 'greater', 'less', 'notEqual'] as const;
const COMPARE_TARGETS = ['version', 'create', 'mod', 'value', 'lease'] as const;

export function toRangeOptions(request: rpc.RangeRequest): RangeOptions {
  return {
    revision: request.revision,
    limit: request.limit,
    sortOrder: SORT_ORDERS[request.sortOrder] ?? 'none',
    sortTarget: SORT_TARGETS[request.sortTarget] ?? 'key',
    keysOnly: request.keysOnly,
    countOnly: request.countOnly,
    minModRevision: request.minModRevision,
    maxModRevision: request.maxModRevision,
    minCreateRevision: request.minCreateRevision,
    maxCreateRevision: request.maxCreateRevision,
  };
}

export function toPut(request: rpc.PutRequest): Op & { kind: 'put' } {
  return {
    kind: 'put',
    key: toLatin1(request.key),
    value: request.value,
    lease: request.lease,
    prevKv: request.prevKv,
    ignoreValue: request.ignoreValue,
    ignoreLease: request.ignoreLease,
  };
}

export function toDelete(request: rpc.DeleteRangeRequest): Op & { kind: 'delete' } {
  return { kind: 'delete', range: fromEtcd(request.key, request.rangeEnd), prevKv: request.prevKv };
}

export function toTxn(request: rpc.TxnRequest): Txn {
  return {
    compares: request.compare.map(toCompare),
    success: request.success.map(toOp),
    failure: request.failure.map(toOp),
  };
}

function toOp(op: rpc.RequestOp): Op {
  const request = op.request;
  assert(request !== undefined, 'a validated op has a request');
  switch (request.$case) {
    case 'requestRange':
      return {
        kind: 'range',
        range: fromEtcd(request.value.key, request.value.rangeEnd),
        options: toRangeOptions(request.value),
      };
    case 'requestPut':
      return toPut(request.value);
    case 'requestDeleteRange':
      return toDelete(request.value);
    case 'requestTxn':
      return { kind: 'txn', txn: toTxn(request.value) };
  }
}

function toCompare(compare: rpc.Compare): Compare {
  const target = COMPARE_TARGETS[compare.target] ?? 'unknown';
  return {
    range: fromEtcd(compare.key, compare.rangeEnd),
    target,
    result: COMPARE_RESULTS[compare.result] ?? 'unknown',
    ...operandOf(target, compare.targetUnion),
  };
}

/** The operand the target asks for; a missing union, or one of another kind, is zero or empty. */
function operandOf(
  target: Compare['target'],
  union: rpc.Compare['targetUnion'],
): { number?: number; value?: Uint8Array; lease?: bigint } {
  if (target === 'value') return { value: union?.$case === 'value' ? union.value : EMPTY };
  if (target === 'lease') return { lease: union?.$case === 'lease' ? union.value : 0n };
  if (target === 'version') return { number: union?.$case === 'version' ? union.value : 0 };
  if (target === 'create') return { number: union?.$case === 'createRevision' ? union.value : 0 };
  if (target === 'mod') return { number: union?.$case === 'modRevision' ? union.value : 0 };
  return {};
}

export function fromRangeResult(result: RangeResult): rpc.RangeResponse {
  return {
    header: revisionHeader(result.revision),
    kvs: result.kvs as KeyValue[],
    more: result.more,
    count: result.count,
  };
}

export function fromTxnResult(result: TxnResult): rpc.TxnResponse {
  return {
    header: revisionHeader(result.revision),
    succeeded: result.succeeded,
    responses: result.results.map(fromOpResult),
  };
}

/** Inner responses carry a header with only the revision; a nested transaction an empty one, as etcd answers. */
function fromOpResult(result: OpResult): rpc.ResponseOp {
  switch (result.kind) {
    case 'range':
      return { response: { $case: 'responseRange', value: fromRangeResult(result.result) } };
    case 'put':
      return { response: { $case: 'responsePut', value: fromPut(result) } };
    case 'delete':
      return { response: { $case: 'responseDeleteRange', value: fromDelete(result) } };
    case 'txn':
      return {
        response: {
          $case: 'responseTxn',
          value: {
            header: revisionHeader(0),
            succeeded: result.succeeded,
            responses: result.results.map(fromOpResult),
          },
        },
      };
  }
}

export function fromPut(result: OpResult & { kind: 'put' }): rpc.PutResponse {
  return { header: revisionHeader(result.revision), prevKv: result.prevKv };
}

export function fromDelete(result: OpResult & { kind: 'delete' }): rpc.DeleteRangeResponse {
  return {
    header: revisionHeader(result.revision),
    deleted: result.deleted,
    prevKvs: result.prevKvs as kv.KeyValue[],
  };
}

/** A header with only a revision; whoever answers the client fills in the rest. */
export function revisionHeader(revision: number): rpc.ResponseHeader {
  return { clusterId: 0n, memberId: 0n, revision, raftTerm: 0 };
}
