import { rpc } from '@kontiki/proto';
import { type LogFields, silentLogger } from '@kontiki/std';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { deleteText, putText, rangeText, txnText } from './request-text.js';
import { type AnsweredCall, SlowCalls } from './slow-calls.js';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const { range, put, txn, deleteRange, compact } = rpc.KVDefinition.methods;

function logged(call: Omit<AnsweredCall, 'remote' | 'tookMs'>): LogFields {
  const lines: (readonly [string, LogFields | undefined])[] = [];
  const logger = { ...silentLogger, warn: (message: string, fields?: LogFields) => void lines.push([message, fields]) };
  const slowCalls = new SlowCalls({ thresholdMs: 300, clock: new ManualClock(), logger });
  slowCalls.log({ ...call, remote: '127.0.0.1:5', tookMs: 1500.25 });
  expect(lines.map(([message]) => message)).toEqual(['request stats']);
  return lines[0]![1]!;
}

describe('a slow call', () => {
  it('is one line with the fields of etcd', () => {
    const request = rpc.PutRequest.fromPartial({ key: bytes('foo'), value: bytes('secretvalue') });
    const response = rpc.PutResponse.fromPartial({ header: { revision: 2 } });
    expect(logged({ method: put, request, response })).toEqual({
      'start time': '2023-11-14T22:13:18.499Z',
      'time spent': '1.50025s',
      remote: '127.0.0.1:5',
      'response type': '/etcdserverpb.KV/Put',
      'request count': 1,
      'request size': 18,
      'response count': 0,
      'response size': 4,
      'request content': 'key:"foo" value_size:11 ',
    });
  });

  it('counts what came back, and nothing when the answer was an error', () => {
    const request = rpc.RangeRequest.fromPartial({ key: bytes('a') });
    const response = rpc.RangeResponse.fromPartial({ count: 7, kvs: [{ key: bytes('a') }] });
    expect(logged({ method: range, request, response })).toMatchObject({ 'response count': 7, 'response size': 7 });
    expect(logged({ method: range, request, response: undefined })).toMatchObject({
      'request size': 3,
      'response count': 0,
      'response size': 0,
    });
    const deleted = rpc.DeleteRangeResponse.fromPartial({ deleted: 3 });
    expect(
      logged({ method: deleteRange, request: rpc.DeleteRangeRequest.fromPartial({}), response: deleted }),
    ).toMatchObject({ 'request count': 0, 'response count': 3 });
  });

  it('counts the branch of a transaction that was taken', () => {
    const one = { request: { $case: 'requestPut', value: { key: bytes('k'), value: bytes('v') } } } as const;
    const request = rpc.TxnRequest.fromPartial({ success: [one, one], failure: [one] });
    const of = (response: Partial<rpc.TxnResponse> | undefined): unknown[] => {
      const fields = logged({
        method: txn,
        request,
        response: response === undefined ? undefined : rpc.TxnResponse.fromPartial(response as never),
      });
      return [fields['request count'], fields['request size']];
    };
    expect(of({ succeeded: true })).toEqual([2, 16]);
    expect(of({ succeeded: false })).toEqual([1, 8]);
    expect(of(undefined)).toEqual([0, 0]);
  });

  it('of any other kind is not looked into', () => {
    const fields = logged({
      method: compact,
      request: rpc.CompactionRequest.fromPartial({ revision: 5 }),
      response: {},
    });
    expect(fields).toMatchObject({ 'request count': -1, 'response size': -1, 'request content': '' });
  });

  it('with a very long key, or very many, is cut short', () => {
    const long = rpc.RangeRequest.fromPartial({ key: new Uint8Array(1025).fill(0x61), limit: 1 });
    expect(logged({ method: range, request: long, response: undefined })['request content']).toBe(
      `key:"${'a'.repeat(1024)}..." limit:1 `,
    );
    const op = { request: { $case: 'requestRange', value: { key: bytes('k') } } } as const;
    const many = rpc.TxnRequest.fromPartial({ success: new Array(1000).fill(op) });
    const content = logged({ method: txn, request: many, response: rpc.TxnResponse.fromPartial({}) })[
      'request content'
    ];
    expect(content).toHaveLength(4096 + 3);
  });
});

it('does not fail a call whose answer cannot be measured', () => {
  const errors: (LogFields | undefined)[] = [];
  const logger = { ...silentLogger, error: (_: string, fields?: LogFields) => void errors.push(fields) };
  const slowCalls = new SlowCalls({ thresholdMs: 300, clock: new ManualClock(), logger });
  const call = { method: range, remote: '', tookMs: 301, request: rpc.RangeRequest.fromPartial({}) };
  slowCalls.log({ ...call, response: { kvs: 7 } });
  expect(errors).toMatchObject([{ 'response type': '/etcdserverpb.KV/Range', error: expect.any(TypeError) }]);
});

describe('a request as text', () => {
  it.each([
    ['newline, tab, quote, backslash', '\n\r\t"\\', '\\n\\r\\t\\"\\\\'],
    ['bytes that are no text', '\x00\x1f\x7f\xff', '\\000\\037\\177\\377'],
    ['UTF-8', Buffer.from('é').toString('latin1'), '\\303\\251'],
  ])('escapes %s', (_, key, text) => {
    expect(rangeText(rpc.RangeRequest.fromPartial({ key: bytes(key) }))).toBe(`key:"${text}" `);
  });

  it('leaves out what is zero, but not what was chosen to be compared with', () => {
    expect(rangeText(rpc.RangeRequest.fromPartial({}))).toBe('');
    const compare = { key: bytes('k'), targetUnion: { $case: 'version', value: 0 } } as const;
    expect(txnText(rpc.TxnRequest.fromPartial({ compare: [compare] }))).toBe(
      'compare:<key:"k" version:0 > success:<> failure:<>',
    );
  });

  it('never shows a value, however deep', () => {
    const secret = bytes('SECRET');
    const op: fc.Arbitrary<object> = fc.letrec<{ op: object; txn: object }>((tie) => ({
      op: fc.oneof(
        { maxDepth: 4 },
        fc.constant({ request: { $case: 'requestPut', value: { key: bytes('k'), value: secret } } }),
        fc.record({ request: fc.record({ $case: fc.constant('requestTxn'), value: tie('txn') }) }),
      ),
      txn: fc.record({
        compare: fc.array(fc.constant({ key: bytes('k'), target: 3, targetUnion: { $case: 'value', value: secret } }), {
          maxLength: 2,
        }),
        success: fc.array(tie('op'), { maxLength: 2 }),
        failure: fc.array(tie('op'), { maxLength: 2 }),
      }),
    })).op;
    fc.assert(
      fc.property(op, (nested) => {
        const request = rpc.TxnRequest.fromPartial({ success: [nested as never] });
        const sent = Buffer.from(rpc.TxnRequest.encode(request).finish()).toString('latin1');
        expect(txnText(request)).not.toContain('SECRET');
        expect(txnText(request).split('value_size:6')).toHaveLength(sent.split('SECRET').length);
      }),
    );
    expect(putText(rpc.PutRequest.fromPartial({ key: bytes('k'), value: secret, lease: 5n, prevKv: true }))).toBe(
      'key:"k" value_size:6 lease:5 prev_kv:true ',
    );
    expect(deleteText(rpc.DeleteRangeRequest.fromPartial({ key: bytes('k'), rangeEnd: Uint8Array.of(0) }))).toBe(
      'key:"k" range_end:"\\000" ',
    );
  });
});
