import { describe, expect, it } from 'vitest';
import type { Answer, Tree } from './answer.js';
import { compareAnswers } from './compare.js';
import { exceptions, referenceEnds } from './exceptions.js';
import type { Operation, Range } from './operation.js';

const none = { from: 'zero', plus: 0n } as const;
const range: Range = {
  kind: 'range',
  key: '\0',
  end: '\0',
  limit: 0n,
  revision: none,
  order: 0,
  target: 0,
  serializable: false,
  keysOnly: false,
  countOnly: false,
  minMod: none,
  maxMod: none,
  minCreate: none,
  maxCreate: none,
};

function ok(message: Tree): Answer {
  return { status: 0, details: '', message };
}

/** The exceptions that were needed, and whether anything was left. */
function judged(operation: Operation, left: Answer, right: Answer): { used: string[]; left: number } {
  const uses = new Map<string, number>();
  const found = compareAnswers(operation, left, right, uses, ({ plus }) => plus);
  return { used: [...uses.keys()], left: found.length };
}

describe('compareAnswers', () => {
  it('needs no exception for equal answers', () => {
    expect(judged(range, ok({ count: 1 }), ok({ count: 1 }))).toEqual({ used: [], left: 0 });
  });

  it('takes the status, the text and the message into account', () => {
    const refused: Answer = { status: 3, details: 'etcdserver: key is not provided' };
    expect(judged(range, refused, { ...refused, status: 2 }).left).toBe(1);
    expect(judged(range, refused, { ...refused, details: 'key is not provided' }).left).toBe(1);
    expect(judged(range, refused, ok({})).left).toBeGreaterThan(0);
  });
});

describe('exceptions', () => {
  it('have names and reasons of their own', () => {
    expect(new Set(exceptions.map(({ name }) => name)).size).toBe(exceptions.length);
    for (const { reason } of exceptions) expect(reason.length).toBeGreaterThan(20);
  });

  it('sort-option-checked: only for an unknown order, only that refusal', () => {
    const refused: Answer = { status: 3, details: 'etcdserver: invalid sort option' };
    expect(judged({ ...range, order: 3 }, ok({}), refused)).toEqual({ used: ['sort-option-checked'], left: 0 });
    expect(judged({ ...range, order: 2 }, ok({}), refused).left).toBeGreaterThan(0);
    expect(judged({ ...range, order: 3 }, ok({}), { ...refused, details: 'another' }).left).toBeGreaterThan(0);
    const txn: Operation = {
      kind: 'txn',
      compares: [],
      moreCompares: 0,
      success: [],
      failure: [{ ...range, order: -1 }],
    };
    expect(judged(txn, ok({}), refused).left).toBe(0);
    const raw = (bytes: string): Operation => ({ kind: 'raw', path: '/etcdserverpb.KV/Range', bytes });
    expect(judged(raw(`\x0a\x01a\x28\x07`), ok({}), refused).left).toBe(0);
    expect(judged(raw(`\x0a\x01a\x28\x01`), ok({}), refused).left).toBeGreaterThan(0);
    expect(judged(raw(`\x0a\x05`), ok({}), refused).left).toBeGreaterThan(0);
  });

  it('hash-revision: only a possible one, and the hash still counts', () => {
    const answer = (hash: number, hashRevision: number): Answer => ok({ header: { revision: 9 }, hash, hashRevision });
    const at: Operation = { kind: 'hashKv', revision: none };
    expect(judged(at, answer(1, 0), answer(1, 9))).toEqual({ used: ['hash-revision'], left: 0 });
    expect(judged(at, answer(1, 0), answer(1, 8)).left).toBe(1);
    expect(judged(at, answer(1, 0), answer(1, 10)).left).toBe(1);
    expect(judged(at, answer(1, 0), answer(2, 9)).left).toBe(1);
    const past: Operation = { kind: 'hashKv', revision: { from: 'zero', plus: 5n } };
    expect(judged(past, answer(1, 0), answer(1, 5)).left).toBe(0);
    expect(judged(past, answer(1, 0), answer(1, 9)).left).toBe(1);
  });

  it('remembered-hash: only for a revision that was compacted', () => {
    const answer = (hash: number, compactRevision: number): Answer => ok({ hash, compactRevision, hashRevision: 0 });
    const at: Operation = { kind: 'hashKv', revision: { from: 'zero', plus: 5n } };
    const gone: Answer = { status: 11, details: 'etcdserver: mvcc: required revision has been compacted' };
    expect(judged(at, answer(1, 3), answer(1, 5))).toEqual({ used: ['remembered-hash'], left: 0 });
    expect(judged(at, answer(1, 3), gone)).toEqual({ used: ['remembered-hash'], left: 0 });
    expect(judged(at, answer(1, 3), answer(2, 5)).left).toBe(0);
    expect(judged(at, answer(1, 3), answer(1, 4)).left).toBe(1);
    expect(judged(at, answer(1, 3), answer(2, 3)).left).toBe(1);
    expect(judged(at, answer(1, 5), gone).left).toBeGreaterThan(0);
  });

  it('hash-after-compact-0: only for the current revision, only where etcd forgot the compaction', () => {
    const answer = (hash: number, compactRevision: number): Answer => ok({ hash, compactRevision });
    const at: Operation = { kind: 'hashKv', revision: none };
    expect(judged(at, answer(1, -1), answer(2, 0))).toEqual({ used: ['hash-after-compact-0'], left: 0 });
    expect(judged(at, answer(1, -1), answer(2, -1)).left).toBe(1);
    expect(judged(at, answer(1, 3), answer(2, 4)).left).toBe(2);
  });

  it('status-of-3.6: those fields with those values, the rest still counts', () => {
    const old = ok({ version: '3.5.30', storageVersion: '', dbSizeQuota: 0, errors: [] });
    const contract = { version: '3.6.14', storageVersion: '3.6.0', dbSizeQuota: 2_147_483_648, errors: [] };
    const right = ok({ ...contract, downgradeInfo: { enabled: false, targetVersion: '' } });
    expect(judged({ kind: 'status' }, old, right)).toEqual({ used: ['status-of-3.6'], left: 0 });
    expect(judged({ kind: 'status' }, old, ok(contract)).left).toBeGreaterThan(0);
    const alarmed = ok({ ...contract, errors: ['x'], downgradeInfo: { enabled: false } });
    expect(judged({ kind: 'status' }, old, alarmed).left).toBe(1);
  });

  it('remaining-time: close, never for a lease that is gone', () => {
    const asked: Operation = { kind: 'timeToLive', id: 1n, keys: false };
    expect(judged(asked, ok({ TTL: 100, grantedTTL: 100 }), ok({ TTL: 98, grantedTTL: 100 })).left).toBe(0);
    expect(judged(asked, ok({ TTL: 100 }), ok({ TTL: 96 })).left).toBe(1);
    expect(judged(asked, ok({ TTL: 1 }), ok({ TTL: -1 })).left).toBe(1);
    expect(judged(asked, ok({ grantedTTL: 100 }), ok({ grantedTTL: 99 })).left).toBe(1);
  });

  it('unordered lists: the same items, each as often', () => {
    const keys: Operation = { kind: 'timeToLive', id: 1n, keys: true };
    expect(judged(keys, ok({ keys: ['a', 'b'] }), ok({ keys: ['b', 'a'] }))).toEqual({
      used: ['lease-keys-order'],
      left: 0,
    });
    expect(judged(keys, ok({ keys: ['a', 'b'] }), ok({ keys: ['b', 'b'] })).left).toBeGreaterThan(0);
    const leases: Operation = { kind: 'leases' };
    expect(
      judged(leases, ok({ leases: [{ ID: '1' }, { ID: '2' }] }), ok({ leases: [{ ID: '2' }, { ID: '1' }] })).left,
    ).toBe(0);
    expect(judged(leases, ok({ leases: [{ ID: '1' }] }), ok({ leases: [] })).left).toBe(1);
  });

  it('alarms-order: of Status and of Alarm', () => {
    const status = (errors: string[]): Answer => ok({ errors });
    expect(judged({ kind: 'status' }, status(['a', 'b']), status(['b', 'a']))).toEqual({
      used: ['alarms-order'],
      left: 0,
    });
    expect(judged({ kind: 'status' }, status(['a', 'b']), status(['b', 'b'])).left).toBeGreaterThan(0);
    const get: Operation = { kind: 'alarm', action: 0, member: 0n, alarm: 0 };
    expect(judged(get, ok({ alarms: [1, 2] }), ok({ alarms: [2, 1] })).left).toBe(0);
    expect(judged(get, ok({ alarms: [1, 2] }), ok({ alarms: [2] })).left).toBeGreaterThan(0);
  });

  it('sort-ties: only among equals, only where etcd is unstable', () => {
    const found = (list: readonly Tree[], more = false): Answer =>
      ok({ kvs: list, more, count: more ? 99 : list.length });
    const kvs = (count: number): { key: string; version: number }[] =>
      Array.from({ length: count }, (_, i) => ({ key: `k${i}`, version: i < count - 2 ? 1 : 2 }));
    const swapped = (list: ReturnType<typeof kvs>, i: number, j: number): typeof list =>
      list.map((kv, at) => (at === i ? list[j]! : at === j ? list[i]! : kv));
    const sorted: Operation = { ...range, target: 1 };
    expect(judged(sorted, found(kvs(13)), found(swapped(kvs(13), 0, 1))).used).toEqual(['sort-ties']);
    expect(judged(sorted, found(kvs(13)), found(swapped(kvs(13), 0, 12))).left).toBeGreaterThan(0);
    expect(judged(sorted, found(kvs(12)), found(swapped(kvs(12), 0, 1))).left).toBeGreaterThan(0);
    expect(judged(range, found(kvs(13)), found(swapped(kvs(13), 0, 1))).left).toBeGreaterThan(0);
  });

  it('sort-ties: in reads inside transactions too', () => {
    const inner = (keys: readonly string[]): Tree => ({
      succeeded: true,
      responses: [
        {
          response: {
            $case: 'responseRange',
            value: { count: 20, more: true, kvs: keys.map((key) => ({ key, version: 1 })) },
          },
        },
      ],
    });
    const txn: Operation = {
      kind: 'txn',
      compares: [],
      moreCompares: 0,
      success: [{ ...range, target: 1 }],
      failure: [],
    };
    expect(judged(txn, ok(inner(['a', 'b'])), ok(inner(['b', 'a'])))).toEqual({ used: ['sort-ties'], left: 0 });
    expect(judged({ ...txn, success: [range] }, ok(inner(['a', 'b'])), ok(inner(['b', 'a']))).left).toBeGreaterThan(0);
  });

  it('progress-after-compaction: only silence of etcd, only on such a stream', () => {
    const progress: Operation = { kind: 'progress', stream: 0 };
    const answer = (revisions: number[], overtaken: boolean): Answer => ok({ revisions, overtaken });
    expect(judged(progress, answer([], true), answer([9], true))).toEqual({
      used: ['progress-after-compaction'],
      left: 0,
    });
    expect(judged(progress, answer([], false), answer([9], false)).left).toBe(1);
    expect(judged(progress, answer([9], true), answer([], true)).left).toBe(1);
    expect(judged(progress, answer([9], true), answer([8], true)).left).toBe(1);
  });

  it('tag-beyond-32-bits: only for such a tag, only that refusal', () => {
    const raw: Operation = { kind: 'raw', path: '/etcdserverpb.KV/Range', bytes: '\x95\x80\x80\x80\x10' };
    const refused = (tag: number): Answer => ({
      status: 13,
      details: `grpc: error unmarshalling request: no field has tag ${tag}`,
    });
    expect(judged(raw, ok({}), refused(4294967317))).toEqual({ used: ['tag-beyond-32-bits'], left: 0 });
    expect(judged(raw, ok({}), refused(5)).left).toBeGreaterThan(0);
    expect(judged(range, ok({}), refused(4294967317)).left).toBeGreaterThan(0);
  });

  it('varint-overflow: only where one was sent, only that refusal', () => {
    const refused: Answer = { status: 13, details: 'grpc: error unmarshalling request: varint of more than 64 bits' };
    const raw = (bytes: string): Operation => ({ kind: 'raw', path: '/etcdserverpb.KV/Range', bytes });
    const overflow = `\x18${'\xff'.repeat(9)}\x7f`;
    expect(judged(raw(overflow), ok({}), refused)).toEqual({ used: ['varint-overflow'], left: 0 });
    expect(judged(raw(`\x18${'\xff'.repeat(9)}\x01`), ok({}), refused).left).toBeGreaterThan(0);
    expect(judged(raw(overflow), ok({}), { ...refused, details: 'another' }).left).toBeGreaterThan(0);
  });

  it('unmarshal-text: only for messages that are broken on purpose', () => {
    const answer = (text: string): Answer => ({ status: 13, details: `grpc: error unmarshalling request: ${text}` });
    const raw: Operation = { kind: 'raw', path: '/etcdserverpb.KV/Range', bytes: '\x0a\x05' };
    expect(judged(raw, answer('unexpected EOF'), answer('truncated'))).toEqual({ used: ['unmarshal-text'], left: 0 });
    expect(judged(range, answer('unexpected EOF'), answer('truncated')).left).toBe(1);
    expect(judged(raw, answer('unexpected EOF'), { status: 13, details: 'truncated' }).left).toBe(1);
  });

  it('etcd-panics-in-txn: only in a transaction, only with that panic, only if the other refuses it whole', () => {
    const txn: Operation = { kind: 'txn', compares: [], moreCompares: 0, success: [], failure: [] };
    const panic = 'panic: unexpected error during txn with writes';
    const refused: Answer = { status: 3, details: 'etcdserver: key not found' };
    expect(referenceEnds.excuses(txn, panic, refused)).toBe(true);
    expect(referenceEnds.excuses(range, panic, refused)).toBe(false);
    expect(referenceEnds.excuses(txn, 'panic: another', refused)).toBe(false);
    expect(referenceEnds.excuses(txn, panic, ok({}))).toBe(false);
  });
});
