import { describe, expect, it } from 'vitest';
import { RequestIds } from './request-ids.js';

describe('RequestIds', () => {
  it('never repeats within a process, nor in one started later', () => {
    const seen = new Set<bigint>();
    const first = new RequestIds(0x1234n, 1_700_000_000_000);
    for (let i = 0; i < 1000; i++) seen.add(first.next());
    const restarted = new RequestIds(0x1234n, 1_700_000_000_005);
    for (let i = 0; i < 1000; i++) seen.add(restarted.next());
    expect(seen.size).toBe(2000);
  });

  it('differs between members at the same moment', () => {
    expect(new RequestIds(1n, 5).next()).not.toBe(new RequestIds(2n, 5).next());
  });

  it('gives leases positive ids', () => {
    const ids = new RequestIds(0xffffn, 1_700_000_000_000);
    for (let i = 0; i < 100; i++) expect(ids.nextLease() > 0n && ids.nextLease() < 1n << 63n).toBe(true);
  });
});
