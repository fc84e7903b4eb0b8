import { describe, expect, it } from 'vitest';
import { anonymous, type Identity, mismatches, normalise } from './answer.js';

const identity: Identity = {
  clusterId: 100n,
  memberId: 200n,
  term: 3n,
  addresses: new Map([['127.0.0.1:4001', '<client>']]),
  autoLeases: [77n],
};

describe('normalise', () => {
  it("names one server's own numbers and nothing else", () => {
    const message = {
      header: { clusterId: 100n, memberId: 200n, revision: 3, raftTerm: 3 },
      leases: [{ ID: 77n }, { ID: 78n }],
      urls: ['http://127.0.0.1:4001'],
    };
    expect(normalise(message, identity)).toEqual({
      header: { clusterId: '<cluster>', memberId: '<member>', revision: 3, raftTerm: '<term>' },
      leases: [{ ID: '<auto lease 0>' }, { ID: '78' }],
      urls: ['http://<client>'],
    });
  });

  it('shows another term, cluster or member as it is', () => {
    const header = { clusterId: 101n, memberId: 0n, raftTerm: 4 };
    expect(normalise(header, identity)).toEqual({ clusterId: '101', memberId: '0', raftTerm: 4 });
  });

  it('tells an absent message from an empty one', () => {
    expect(normalise({ prevKv: undefined }, identity)).toEqual({});
    expect(normalise({ prevKv: {} }, identity)).toEqual({ prevKv: {} });
  });

  it('tells long values apart that differ in one byte', () => {
    const long = new Uint8Array(5_000);
    const other = new Uint8Array(5_000).fill(1, 4_999);
    expect(normalise(long, identity)).not.toEqual(normalise(other, identity));
  });
});

it('names a member in a text', () => {
  expect(anonymous('memberID:200 alarm:NOSPACE ', identity)).toBe('memberID:<member> alarm:NOSPACE ');
});

describe('mismatches', () => {
  it('finds every place, missing fields and extra items included', () => {
    const left = { a: 1, list: [1, 2], only: true };
    const right = { a: 2, list: [1, 2, 3] };
    expect(mismatches(left, right)).toEqual([
      { path: 'a', left: 1, right: 2 },
      { path: 'list[2]', left: undefined, right: 3 },
      { path: 'only', left: true, right: undefined },
    ]);
  });

  it('does not take an empty list for an empty message', () => {
    expect(mismatches({ x: [] }, { x: {} })).toHaveLength(1);
    expect(mismatches({ x: null }, { x: {} })).toHaveLength(1);
  });
});
