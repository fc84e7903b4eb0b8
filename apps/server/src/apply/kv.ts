import { single } from '@kontiki/mvcc';
import type { rpc } from '@kontiki/proto';
import { assert } from '@kontiki/std';
import { ServerError } from '../errors.js';
import { type CompactionReply, followChanges, type State } from './handlers.js';
import { fromDelete, fromPut, fromTxnResult, revisionHeader, toDelete, toPut, toTxn } from './txn-form.js';

export function applyPut(put: rpc.PutRequest, state: State): rpc.PutResponse {
  // etcd looks for the lease first here, and last in a transaction.
  if (put.lease !== 0n && !state.leases.has(put.lease)) throw new ServerError('LeaseNotFound');
  const result = write([toPut(put)], state);
  const [answer] = result.results;
  assert(answer?.kind === 'put', 'a put answers as a put');
  return { ...fromPut(answer), header: revisionHeader(result.revision) };
}

export function applyDelete(request: rpc.DeleteRangeRequest, state: State): rpc.DeleteRangeResponse {
  const result = write([toDelete(request)], state);
  const [answer] = result.results;
  assert(answer?.kind === 'delete', 'a delete answers as a delete');
  return { ...fromDelete(answer), header: revisionHeader(result.revision) };
}

export function applyTxn(txn: rpc.TxnRequest, state: State): rpc.TxnResponse {
  const result = state.store.txn(toTxn(txn), { leaseExists: (id) => state.leases.has(id) });
  followChanges(result.changes, state.leases);
  return fromTxnResult(result);
}

export function applyCompaction(request: rpc.CompactionRequest, state: State): CompactionReply {
  const { done } = state.store.compact(request.revision);
  // Whoever asked for `physical` waits on it; a failure is the store's to report, not this promise's.
  done.catch(() => {});
  return { header: revisionHeader(state.store.revision), deleted: done };
}

/** Deletes keys one by one under one revision, in the order given. */
export function deleteKeys(keys: readonly string[], state: State): number {
  return write(
    keys.map((key) => ({ kind: 'delete', range: single(key) })),
    state,
  ).revision;
}

function write(ops: Parameters<State['store']['txn']>[0]['success'], state: State): ReturnType<State['store']['txn']> {
  const result = state.store.txn(
    { compares: [], success: ops, failure: [] },
    { leaseExists: (id) => state.leases.has(id) },
  );
  followChanges(result.changes, state.leases);
  return result;
}
