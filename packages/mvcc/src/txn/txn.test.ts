import { fromLatin1, toLatin1 } from '@kontiki/std';
import { MemoryLevel } from 'memory-level';
import { beforeEach, describe, expect, it } from 'vitest';
import { openLevelBackend } from '../adapters/level-backend.js';
import { all, between, from, single } from '../range.js';
import { MvccStore } from '../store.js';
import { ManualClock } from '../testing/manual-clock.js';
import type { RangeOptions } from '../types.js';
import type { Compare } from './compare.js';
import type { Op, OpResult, Txn, TxnCheck } from './txn.js';

/* The rules that surprise; that all the others hold is shown against the naive twin. */

let store: MvccStore;
const clock = new ManualClock();

beforeEach(async () => {
  store = await MvccStore.open({ backend: await openLevelBackend(new MemoryLevel(), { clock }), clock });
});

const put = (key: string, value = '1', more: Partial<Extract<Op, { kind: 'put' }>> = {}): Op => ({
  kind: 'put',
  key,
  value: fromLatin1(value),
  ...more,
});
const remove = (range = all()): Op => ({ kind: 'delete', range });
const read = (range = all(), options: RangeOptions = {}): Op => ({ kind: 'range', range, options });
const nested = (txn: Txn): Op => ({ kind: 'txn', txn });
const doing = (...success: Op[]): Txn => ({ compares: [], success, failure: [] });
const write = (...ops: Op[]) => store.txn(doing(...ops));
const when = (compare: Partial<Compare>): boolean => {
  const compares = [{ range: single('a'), target: 'value', result: 'equal', ...compare } satisfies Compare];
  return store.read({ compares, success: [], failure: [] }).succeeded;
};
const keysOf = (result: OpResult | undefined): string[] =>
  result?.kind === 'range' ? result.result.kvs.map(({ key }) => toLatin1(key)) : [];
const code = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error;
  }
  return undefined;
};

describe('a transaction', () => {
  it('without changes makes no revision, with changes exactly one', () => {
    expect(write().revision).toBe(1);
    expect(write(remove()).revision).toBe(1);
    expect(write(put('a'), put('b'), remove(single('a'))).revision).toBe(2);
    expect(write(put('b')).revision).toBe(3);
    expect(write(remove(single('a'))).revision).toBe(3);
  });

  it('shows each operation what those before it did, under the revision being made', () => {
    const { results } = write(read(), put('a'), read(), remove(single('a')), put('a', '2'), read());
    expect(results.map((one) => (one.kind === 'range' ? one.result.revision : 0))).toEqual([1, 0, 2, 0, 0, 2]);
    expect(results.map(keysOf)).toEqual([[], [], ['a'], [], [], ['a']]);
    // Deleted and put again: a new life within one revision.
    expect(store.range(single('a')).kvs[0]).toMatchObject({ createRevision: 2, modRevision: 2, version: 1 });
    expect(write(put('a'), put('a')).revision).toBe(3);
    expect(store.range(single('a')).kvs[0]).toMatchObject({ createRevision: 2, modRevision: 3, version: 3 });
  });

  it('decides every branch, nested ones too, by the state before it', () => {
    const absent: Compare = { range: single('a'), target: 'version', result: 'equal', number: 0 };
    const inner = nested({ compares: [absent], success: [put('first')], failure: [put('second')] });
    const { results } = write(put('a'), inner, nested(doing(inner)));
    expect(results[1]).toMatchObject({ succeeded: true });
    expect(results[2]).toMatchObject({ succeeded: true, results: [{ succeeded: true }] });
    expect(store.size).toBe(2);
    expect(write(inner).results).toMatchObject([{ succeeded: false }]);
  });

  it('is rejected whole, by the first check that fails, and nothing has happened', () => {
    write(put('a'), put('b'));
    write(put('a'));
    store.compact(3);
    const check: TxnCheck = { leaseExists: (id) => id === 7n };
    const reject = (...ops: Op[]): unknown => code(() => store.txn(doing(put('x'), ...ops, put('y')), check));
    const noLease = put('a', '', { lease: 8n });
    const noKey = put('c', '', { ignoreLease: true });
    expect(reject(noLease)).toBe('LEASE_NOT_FOUND');
    expect(reject(noKey)).toBe('KEY_NOT_FOUND');
    expect(reject(read(all(), { revision: 4 }))).toBe('FUTURE_REVISION');
    expect(reject(read(all(), { revision: 2 }))).toBe('COMPACTED');
    expect(reject(noKey, noLease)).toBe('KEY_NOT_FOUND');
    expect(reject(nested(doing(noLease)), noKey)).toBe('LEASE_NOT_FOUND');
    // What is not chosen is not checked.
    expect(reject(nested({ compares: [], success: [], failure: [noLease] }))).toBeUndefined();
    expect(store.revision).toBe(4);
    expect(reject(put('z', '', { lease: 7n }))).toBeUndefined();
  });

  it('says what is wrong with a put anywhere before what is wrong with a read anywhere', () => {
    const future = read(all(), { revision: 100 });
    const check: TxnCheck = { leaseExists: () => false };
    const run = (...ops: Op[]) => code(() => store.txn(doing(...ops), check));
    expect(run(future, put('a', '1', { lease: 1n }))).toBe('LEASE_NOT_FOUND');
    expect(run(nested(doing(nested(doing(future)))), put('a', '1', { lease: 1n }))).toBe('LEASE_NOT_FOUND');
    expect(run(future, nested(doing(put('a', '', { ignoreValue: true }))))).toBe('KEY_NOT_FOUND');
    expect(run(put('a'), future)).toBe('FUTURE_REVISION');
    // Of one put: first whether there is what it keeps.
    expect(run(put('a', '', { ignoreValue: true, lease: 1n }))).toBe('KEY_NOT_FOUND');
  });

  it('is rejected when an operation of its own removed the key whose value it keeps', () => {
    write(put('a', 'old', { lease: 5n }));
    const keep = put('a', '', { ignoreValue: true });
    expect(code(() => write(put('b'), remove(from('a')), keep))).toBe('KEY_NOT_FOUND');
    expect(store.revision).toBe(2);
    expect(store.range(all()).kvs).toHaveLength(1);
    const { results } = write(put('a', 'new', { lease: 6n }), put('a', '', { ignoreValue: true, prevKv: true }));
    expect(results[1]).toMatchObject({ prevKv: { value: new Uint8Array(fromLatin1('new')), lease: 6n } });
    write(put('a', 'newer', { ignoreLease: true }));
    expect(store.range(single('a')).kvs[0]).toMatchObject({ lease: 0n, version: 4 });
  });

  it('tells what it changed, in order', () => {
    write(put('b'), put('a', '', { lease: 3n }));
    expect(write(remove(), put('c', '', { lease: -1n })).changes).toEqual([
      { kind: 'delete', key: 'a' },
      { kind: 'delete', key: 'b' },
      { kind: 'put', key: 'c', lease: -1n },
    ]);
  });

  it('compares a negative revision with what is compacted; a range by itself does not', () => {
    write(put('a'));
    expect(code(() => write(read(all(), { revision: -1 })))).toBeUndefined();
    expect(code(() => write(read(all(), { revision: -2 })))).toBe('COMPACTED');
    store.compact(0);
    expect(code(() => write(read(all(), { revision: -1 })))).toBe('COMPACTED');
    expect(code(() => store.read(doing(read(all(), { revision: -1 }))))).toBe('COMPACTED');
    expect(store.range(all(), { revision: -1 }).count).toBe(1);
  });

  it('that only reads takes nested ones, but no write', () => {
    write(put('a'));
    expect(store.read(doing(nested(doing(read())))).results).toMatchObject([
      { kind: 'txn', results: [{ kind: 'range' }] },
    ]);
    for (const bad of [put('a'), remove(), nested(doing(put('a')))]) {
      expect(() => store.read({ compares: [], success: [], failure: [bad] })).toThrow('ranges and nothing else');
    }
    expect(store.revision).toBe(2);
  });
});

describe('a comparison', () => {
  it('of the value of a key that does not exist is false whatever it says', () => {
    for (const result of ['equal', 'notEqual', 'less', 'greater', 'unknown'] as const)
      expect(when({ result })).toBe(false);
    write(put('a', ''));
    expect(when({ result: 'equal' })).toBe(true);
    expect(when({ result: 'unknown' })).toBe(true);
  });

  it('of anything else takes a key that does not exist for zero', () => {
    for (const target of ['version', 'create', 'mod', 'lease'] as const) {
      expect(when({ target, result: 'equal' })).toBe(true);
      expect(when({ target, result: 'greater', number: -1, lease: -1n })).toBe(true);
      expect(when({ target, result: 'less', number: 0 })).toBe(false);
    }
  });

  it('of a range holds when it holds for every key; an empty range is one key that does not exist', () => {
    write(put('a'), put('b'));
    write(put('b'));
    const range = between('a', 'c');
    expect(when({ range, target: 'version', result: 'greater', number: 0 })).toBe(true);
    expect(when({ range, target: 'version', result: 'equal', number: 1 })).toBe(false);
    expect(when({ range: between('c', 'a'), target: 'mod', result: 'equal', number: 0 })).toBe(true);
    expect(when({ range: between('c', 'd'), target: 'value', result: 'notEqual' })).toBe(false);
  });

  it('of something unknown is equality, by something unknown is true', () => {
    write(put('a'));
    expect(when({ target: 'unknown', result: 'equal' })).toBe(true);
    expect(when({ target: 'unknown', result: 'less' })).toBe(false);
    expect(when({ target: 'mod', result: 'unknown', number: 77 })).toBe(true);
  });
});

describe('a range', () => {
  const keys = (options: RangeOptions): string[] => store.range(all(), options).kvs.map(({ key }) => toLatin1(key));

  it('with a limit and a target but no order sorts only what the limit lets it read', () => {
    for (const [key, value] of ['c3', 'd2', 'e1', 'f0'].map((pair) => [...pair])) write(put(key!, value));
    expect(keys({ limit: 2, sortTarget: 'value' })).toEqual(['e', 'd']);
    expect(keys({ limit: 2, sortTarget: 'value', sortOrder: 'ascend' })).toEqual(['f', 'e']);
    // A filter, even one that lets everything through, makes it read everything.
    expect(keys({ limit: 2, sortTarget: 'value', minModRevision: 1 })).toEqual(['f', 'e']);
    expect(keys({ limit: 2, sortOrder: 'descend' })).toEqual(['f', 'e']);
  });

  it('keeps what sorts alike in the order of keys, either way', () => {
    write(put('a'), put('c'), put('b'));
    expect(keys({ sortTarget: 'mod', sortOrder: 'descend' })).toEqual(['a', 'b', 'c']);
    expect(keys({ sortTarget: 'mod', sortOrder: 'ascend' })).toEqual(['a', 'b', 'c']);
  });

  it('counts every key there is, whatever is filtered or cut', () => {
    write(put('a'), put('b'), put('c'));
    write(put('b'));
    expect(store.range(all(), { maxModRevision: 2, limit: 1 })).toMatchObject({
      count: 3,
      more: true,
      kvs: { length: 1 },
    });
    expect(store.range(all(), { minModRevision: 3, limit: 1 })).toMatchObject({ count: 3, more: false });
    expect(store.range(all(), { maxModRevision: -1 })).toMatchObject({ count: 3, kvs: [] });
    expect(store.range(all(), { countOnly: true, limit: 1, maxModRevision: -1 })).toEqual({
      revision: 3,
      kvs: [],
      more: false,
      count: 3,
    });
    expect(store.range(between('c', 'a'))).toEqual({ revision: 3, kvs: [], more: false, count: 0 });
  });

  it('can be read at the compacted revision and not below', async () => {
    for (let i = 0; i < 5; i++) write(put('a', String(i)));
    store.compact(4);
    await clock.until(store.compacted());
    expect(toLatin1(store.range(all(), { revision: 4 }).kvs[0]!.value)).toBe('2');
    expect(code(() => store.range(all(), { revision: 3 }))).toBe('COMPACTED');
    expect(code(() => store.range(all(), { revision: 7 }))).toBe('FUTURE_REVISION');
    expect(store.range(all(), { revision: 0 }).revision).toBe(6);
  });
});
