import { rpc } from '@kontiki/proto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServerError } from '../errors.js';
import { checkPut, checkRange, checkTxn } from './validate.js';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

const put = (key: string): rpc.RequestOp =>
  rpc.RequestOp.fromPartial({ request: { $case: 'requestPut', value: { key: bytes(key) } } });
const del = (key: string, end = ''): rpc.RequestOp =>
  rpc.RequestOp.fromPartial({
    request: { $case: 'requestDeleteRange', value: { key: bytes(key), rangeEnd: bytes(end) } },
  });
const get = (key: string): rpc.RequestOp =>
  rpc.RequestOp.fromPartial({ request: { $case: 'requestRange', value: { key: bytes(key) } } });
const nested = (success: rpc.RequestOp[], failure: rpc.RequestOp[] = []): rpc.RequestOp =>
  rpc.RequestOp.fromPartial({ request: { $case: 'requestTxn', value: { success, failure } } });
const txn = (success: rpc.RequestOp[], failure: rpc.RequestOp[] = [], compares = 0): rpc.TxnRequest =>
  rpc.TxnRequest.fromPartial({
    success,
    failure,
    compare: Array.from({ length: compares }, () => ({ key: bytes('k') })),
  });

const refusal = (check: () => void): string => {
  try {
    check();
    return 'fine';
  } catch (error) {
    if (error instanceof ServerError) return error.condition;
    throw error;
  }
};
const ofTxn = (request: rpc.TxnRequest, maxOps = 128): string => refusal(() => checkTxn(request, maxOps));

describe('single requests', () => {
  it('need a key, and consistent options', () => {
    const range = (fields: object): string => refusal(() => checkRange(rpc.RangeRequest.fromPartial(fields)));
    expect(range({})).toBe('EmptyKey');
    expect(range({ key: bytes('a') })).toBe('fine');
    expect(range({ key: bytes('a'), sortOrder: 3 as never })).toBe('InvalidSortOption');
    expect(range({ key: bytes('a'), sortTarget: -1 as never })).toBe('InvalidSortOption');
    const ofPut = (fields: object): string => refusal(() => checkPut(rpc.PutRequest.fromPartial(fields)));
    expect(ofPut({ value: bytes('v') })).toBe('EmptyKey');
    expect(ofPut({ key: bytes('a'), value: bytes('v'), ignoreValue: true })).toBe('ValueProvided');
    expect(ofPut({ key: bytes('a'), lease: 1n, ignoreLease: true })).toBe('LeaseProvided');
    expect(ofPut({ key: bytes('a'), ignoreValue: true, ignoreLease: true })).toBe('fine');
  });
});

describe('the budget of operations', () => {
  it('is that of the longest list', () => {
    expect(ofTxn(txn([get('a'), get('b')]), 2)).toBe('fine');
    expect(ofTxn(txn([get('a'), get('b'), get('c')]), 2)).toBe('TooManyOps');
    expect(ofTxn(txn([], [get('a'), get('b'), get('c')]), 2)).toBe('TooManyOps');
    expect(ofTxn(txn([], [], 3), 2)).toBe('TooManyOps');
  });

  it('leaves a nested transaction what its parent did not use', () => {
    expect(ofTxn(txn([nested([get('a'), get('b')]), get('c')]), 4)).toBe('fine');
    expect(ofTxn(txn([nested([get('a'), get('b'), get('c')]), get('d')]), 4)).toBe('TooManyOps');
  });

  it('is checked before the operations themselves', () => {
    expect(ofTxn(txn([put(''), put('')]), 1)).toBe('TooManyOps');
    expect(ofTxn(txn([put('')]), 1)).toBe('EmptyKey');
    expect(ofTxn(txn([rpc.RequestOp.fromPartial({})]))).toBe('KeyNotFound');
  });
});

describe('duplicate keys', () => {
  const duplicate = (request: rpc.TxnRequest): boolean => ofTxn(request) === 'DuplicateKey';

  it('two puts of a key, or a put under a delete', () => {
    expect(duplicate(txn([put('a'), put('a')]))).toBe(true);
    expect(duplicate(txn([put('a')], [put('a')]))).toBe(false);
    expect(duplicate(txn([put('b'), del('a', 'c')]))).toBe(true);
    expect(duplicate(txn([put('c'), del('a', 'c')]))).toBe(false);
    expect(duplicate(txn([del('a', 'c'), del('b')]))).toBe(false);
    expect(duplicate(txn([put('a'), get('a')]))).toBe(false);
  });

  it('across levels, but not across the branches of one nested transaction', () => {
    expect(duplicate(txn([put('a'), nested([put('a')])]))).toBe(true);
    expect(duplicate(txn([nested([put('a')], [put('a')])]))).toBe(false);
    expect(duplicate(txn([nested([put('a')]), nested([], [put('a')])]))).toBe(true);
    expect(duplicate(txn([nested([nested([del('a', 'z')])]), put('m')]))).toBe(true);
  });

  it('not an open-ended delete, and siblings only in one order: as in etcd', () => {
    expect(duplicate(txn([put('b'), del('a', '\0')]))).toBe(false);
    expect(duplicate(txn([nested([put('a')]), nested([del('a')])]))).toBe(false);
    expect(duplicate(txn([nested([del('a')]), nested([put('a')])]))).toBe(true);
  });

  /** One level without nesting: every pair of a put with a put or a delete. */
  it('of one level are what comparing every pair finds', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd');
    const flat = fc.oneof(
      key.map((k) => ({ op: put(k), put: k, from: '', to: '' })),
      fc.tuple(key, fc.constantFrom('', 'a', 'b', 'c', 'd', 'e')).map(([from, end]) => ({
        op: del(from, end),
        put: '',
        from,
        to: end === '' ? `${from}\0` : end,
      })),
    );
    fc.assert(
      fc.property(fc.array(flat, { maxLength: 6 }), (ops) => {
        const clash = ops.some((one, i) =>
          ops.some((other, j) =>
            one.put === '' || i === j
              ? false
              : other.put !== ''
                ? other.put === one.put
                : other.from <= one.put && one.put < other.to,
          ),
        );
        expect(duplicate(txn(ops.map(({ op }) => op)))).toBe(clash);
      }),
    );
  });
});
