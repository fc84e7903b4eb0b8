import { isRecord, type Tree } from './answer.js';
import type { Range, Txn, TxnOperation } from './operation.js';

/** etcd's sort is stable up to this many keys. */
const stableUpTo = 12;

/** The same items, each as often, in any order? */
export function isPermutation(a: readonly Tree[], b: readonly Tree[]): boolean {
  const sorted = (list: readonly Tree[]): string => JSON.stringify(list.map((item) => JSON.stringify(item)).sort());
  return a.length === b.length && sorted(a) === sorted(b);
}

/**
 * The right response with the keys of sorted reads in the left one's order, where the two orders differ only among
 * keys that are equal in what is sorted by. Reads inside transactions included.
 * @returns undefined when there is nothing of that kind
 */
export function withoutTies(operation: Range | Txn, left: Tree | undefined, right: Tree | undefined): Tree | undefined {
  if (!isRecord(left) || !isRecord(right)) return undefined;
  if (operation.kind === 'range') return rangeWithoutTies(operation, left, right);
  const [ours, theirs] = [right['responses'], left['responses']];
  if (!Array.isArray(ours) || !Array.isArray(theirs) || ours.length !== theirs.length) return undefined;
  const branch = expanded(left['succeeded'] === true ? operation.success : operation.failure);
  const responses = ours.map((response: Tree, i) => innerWithoutTies(branch[i], theirs[i], response) ?? response);
  return responses.every((response, i) => response === ours[i]) ? undefined : { ...right, responses };
}

function innerWithoutTies(operation: TxnOperation | undefined, left: Tree | undefined, right: Tree): Tree | undefined {
  if (operation?.kind !== 'range' && operation?.kind !== 'txn') return undefined;
  const [theirs, ours] = [left, right].map((response) => (isRecord(response) ? response['response'] : undefined));
  if (!isRecord(theirs) || !isRecord(ours) || !isRecord(right)) return undefined;
  const value = withoutTies(operation, theirs['value'], ours['value']);
  return value === undefined ? undefined : { ...right, response: { ...ours, value } };
}

function rangeWithoutTies(
  range: Range,
  left: { readonly [name: string]: Tree },
  right: { readonly [name: string]: Tree },
): Tree | undefined {
  const field = ['key', 'version', 'createRevision', 'modRevision', 'value'][range.target];
  const [ours, theirs] = [right['kvs'], left['kvs']];
  if (field === undefined || range.target === 0 || !Array.isArray(ours) || !Array.isArray(theirs)) return undefined;
  // What is sorted is the whole range; a limit cuts afterwards, perhaps inside a tie.
  const sorted = typeof left['count'] === 'number' ? left['count'] : theirs.length;
  if (sorted <= stableUpTo || ours.length !== theirs.length) return undefined;
  const sortedBy = (kv: Tree | undefined): string => (isRecord(kv) ? JSON.stringify(kv[field]) : '');
  const sameSequence = ours.every((kv: Tree, i) => sortedBy(kv) === sortedBy(theirs[i]));
  const sameKeys = left['more'] === true || isPermutation(ours, theirs);
  return sameSequence && sameKeys ? { ...right, kvs: theirs } : undefined;
}

/** One entry per response. */
function expanded(operations: readonly TxnOperation[]): TxnOperation[] {
  return operations.flatMap((operation): TxnOperation[] =>
    operation.kind === 'many' ? Array.from({ length: operation.count }, () => operation) : [operation],
  );
}
