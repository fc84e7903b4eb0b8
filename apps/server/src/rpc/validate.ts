/**
 * What a request must look like before it may enter the log: etcd's checks, in etcd's order, with etcd's errors.
 * They need no state, so every member answers alike.
 */
import type { rpc } from '@kontiki/proto';
import { IntervalTree, toLatin1 } from '@kontiki/std';
import { ServerError } from '../errors.js';

const LAST_SORT_ORDER = 2;
const LAST_SORT_TARGET = 4;

export function checkRange(request: rpc.RangeRequest): void {
  if (request.key.length === 0) throw new ServerError('EmptyKey');
  if (!within(request.sortOrder, LAST_SORT_ORDER) || !within(request.sortTarget, LAST_SORT_TARGET)) {
    throw new ServerError('InvalidSortOption');
  }
}

export function checkPut(request: rpc.PutRequest): void {
  if (request.key.length === 0) throw new ServerError('EmptyKey');
  if (request.ignoreValue && request.value.length > 0) throw new ServerError('ValueProvided');
  if (request.ignoreLease && request.lease !== 0n) throw new ServerError('LeaseProvided');
}

export function checkDelete(request: rpc.DeleteRangeRequest): void {
  if (request.key.length === 0) throw new ServerError('EmptyKey');
}

/** @param maxOps the most compares, then-ops and else-ops each; a nested transaction gets what its parent left. */
export function checkTxn(request: rpc.TxnRequest, maxOps: number): void {
  checkShape(request, maxOps);
  checkBranch(request.success);
  checkBranch(request.failure);
}

function checkShape(request: rpc.TxnRequest, maxOps: number): void {
  const longest = Math.max(request.compare.length, request.success.length, request.failure.length);
  if (longest > maxOps) throw new ServerError('TooManyOps');
  for (const compare of request.compare) {
    if (compare.key.length === 0) throw new ServerError('EmptyKey');
  }
  for (const op of request.success) checkOp(op, maxOps - longest);
  for (const op of request.failure) checkOp(op, maxOps - longest);
}

function checkOp(op: rpc.RequestOp, maxOps: number): void {
  switch (op.request?.$case) {
    case 'requestRange':
      return checkRange(op.request.value);
    case 'requestPut':
      return checkPut(op.request.value);
    case 'requestDeleteRange':
      return checkDelete(op.request.value);
    case 'requestTxn':
      return checkShape(op.request.value, maxOps);
    case undefined:
      // etcd's answer to an op of no kind, odd as it reads.
      throw new ServerError('KeyNotFound');
  }
}

/** Keys put and ranges deleted somewhere in a branch, nested transactions included. */
interface Touched {
  readonly puts: Set<string>;
  readonly deletes: Deletes;
}

/**
 * No key may be put twice, or be put and deleted, in what one branch could run.
 *
 * The order of the checks is part of the contract: nested transactions are looked at one after another against the
 * deletes of this level and of *earlier* siblings, so `[put a] [delete a]` as siblings passes and the reverse fails.
 * The two branches of one nested transaction never both run: a key both put is fine.
 */
function checkBranch(ops: readonly rpc.RequestOp[]): Touched {
  const deletes = new Deletes();
  for (const { request } of ops) {
    if (request?.$case === 'requestDeleteRange')
      deletes.add(toLatin1(request.value.key), toLatin1(request.value.rangeEnd));
  }
  const puts = new Set<string>();
  const put = (key: string): void => {
    if (puts.has(key) || deletes.cover(key)) throw new ServerError('DuplicateKey');
    puts.add(key);
  };
  for (const { request } of ops) {
    if (request?.$case !== 'requestTxn') continue;
    const success = checkBranch(request.value.success);
    const failure = checkBranch(request.value.failure);
    for (const key of success.puts) put(key);
    for (const key of failure.puts) if (!success.puts.has(key)) put(key);
    deletes.addAll(success.deletes);
    deletes.addAll(failure.deletes);
  }
  for (const { request } of ops) {
    if (request?.$case === 'requestPut') put(toLatin1(request.value.key));
  }
  return { puts, deletes };
}

/** Deleted ranges as this check sees them: an end of one zero byte is no open end here but a key below all others. */
class Deletes {
  readonly #points = new Set<string>();
  /** Each under its place in the list: the same range may be deleted twice. */
  readonly #ranges = new IntervalTree<number>();
  readonly #list: (readonly [start: string, end: string])[] = [];

  add(start: string, end: string): void {
    if (end === '') this.#points.add(start);
    else if (start < end) this.#ranges.add(start, end, this.#list.length);
    this.#list.push([start, end]);
  }

  addAll(others: Deletes): void {
    for (const [start, end] of others.#list) this.add(start, end);
  }

  cover(key: string): boolean {
    if (this.#points.has(key)) return true;
    for (const _ of this.#ranges.stab(key)) return true;
    return false;
  }
}

function within(value: number, last: number): boolean {
  return value >= 0 && value <= last;
}
