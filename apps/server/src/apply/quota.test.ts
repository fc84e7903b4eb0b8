import { rpc } from '@kontiki/proto';
import { describe, expect, it } from 'vitest';
import { costOfPut, costOfTxn, DEFAULT_QUOTA_BYTES, Quota } from './quota.js';

const put = (bytes: number) =>
  ({ request: { $case: 'requestPut', value: { key: Buffer.alloc(1), value: Buffer.alloc(bytes) } } }) as const;

describe('what a request may cost', () => {
  it('is its bytes and a fixed part per key', () => {
    expect(costOfPut(rpc.PutRequest.fromPartial({ key: Buffer.alloc(3), value: Buffer.alloc(10) }))).toBe(269);
  });

  it('of a transaction is that of its dearer branch, nested ones included', () => {
    const get = { request: { $case: 'requestRange', value: {} } } as const;
    const cost = (txn: object): number => costOfTxn(rpc.TxnRequest.fromPartial(txn));
    expect(cost({ success: [get], failure: [get] })).toBe(0);
    expect(cost({ success: [put(10)], failure: [put(20), get] })).toBe(277);
    expect(cost({ success: [put(10), { request: { $case: 'requestTxn', value: { failure: [put(30)] } } }] })).toBe(
      267 + 287,
    );
  });
});

describe('Quota', () => {
  it('admits what stays below the limit', () => {
    const quota = new Quota(1000, () => 700);
    expect(quota.admits(299)).toBe(true);
    expect(quota.admits(300)).toBe(false);
  });

  it('reads the flag as etcd does: 0 is the default, below 0 none', () => {
    expect(Quota.fromFlag(0, () => 0).limitBytes).toBe(DEFAULT_QUOTA_BYTES);
    expect(Quota.fromFlag(5, () => 0).limitBytes).toBe(5);
    expect(Quota.fromFlag(-1, () => Number.MAX_SAFE_INTEGER).admits(1e12)).toBe(true);
  });
});
