import { isRecord, type Tree } from './answer.js';
import type { Range } from './operation.js';

/** The field a Range is sorted by. */
export function compareOptions(range: Pick<Range, 'target'>): string | undefined {
  return ['key', 'version', 'createRevision', 'modRevision', 'value'][range.target];
}

export function sortValue(kv: Tree | undefined, field: string | undefined): string {
  return field !== undefined && isRecord(kv) ? JSON.stringify(kv[field]) : '';
}

/** The same items, each as often, in any order? */
export function isPermutation(a: readonly Tree[], b: readonly Tree[]): boolean {
  const sorted = (list: readonly Tree[]): string => JSON.stringify(list.map((item) => JSON.stringify(item)).sort());
  return a.length === b.length && sorted(a) === sorted(b);
}
