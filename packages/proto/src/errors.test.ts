import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  codeName,
  describe as describeStatus,
  type ErrorName,
  etcdErrors,
  GrpcCode,
  httpStatus,
  messageTooLarge,
  rpcError,
  rpcErrorOf,
  unknownMethod,
  unknownService,
} from './errors.js';

const all = Object.values(etcdErrors);

describe('the table of errors', () => {
  it('holds the 63 conditions of etcd 3.6, and those without a name there', () => {
    expect(all.filter(({ message }) => message.startsWith('etcdserver: ')).length).toBe(63 + 3);
    expect(all.length).toBe(63 + 17);
  });

  it('tells conditions apart by their texts alone', () => {
    expect(new Set(all.map(({ message }) => message)).size).toBe(all.length);
    for (const error of all) expect(rpcErrorOf(error.message)).toBe(error);
    expect(rpcErrorOf('etcdserver: something new')).toBeUndefined();
    expect(rpcErrorOf('toString')).toBeUndefined();
  });

  it.each([
    ['EmptyKey', 3, 'etcdserver: key is not provided'],
    ['Compacted', 11, 'etcdserver: mvcc: required revision has been compacted'],
    ['FutureRev', 11, 'etcdserver: mvcc: required revision is a future revision'],
    ['NoSpace', 8, 'etcdserver: mvcc: database space exceeded'],
    ['LeaseNotFound', 5, 'etcdserver: requested lease not found'],
    ['PeerURLExist', 9, 'etcdserver: Peer URLs already exists'],
    ['PermissionDenied', 7, 'etcdserver: permission denied'],
    ['InvalidAuthToken', 16, 'etcdserver: invalid auth token'],
    ['Timeout', 14, 'etcdserver: request timed out'],
    ['Corrupt', 15, 'etcdserver: corrupt cluster'],
    // Since 3.6; Unavailable before.
    ['NotCapable', 9, 'etcdserver: not capable'],
    // Not the codes they are meant to have.
    ['MemberNotEnoughStarted', 2, 'etcdserver: re-configuration failed due to not enough started members'],
    ['RequestTooManyRequests', 2, 'etcdserver: too many requests'],
    ['LeaderFieldMissing', 2, '"leader" field must be provided'],
    ['ContextDeadlineExceeded', 4, 'context deadline exceeded'],
  ] as const)('%s is %d, %s', (name, code, message) => {
    expect(rpcError(name)).toEqual({ name, code, message });
  });

  it('knows its names at compile time', () => {
    expectTypeOf(rpcError).parameter(0).toEqualTypeOf<ErrorName>();
    expectTypeOf<'Compacted'>().toExtend<ErrorName>();
    expectTypeOf<'Compactd'>().not.toExtend<ErrorName>();
    expectTypeOf<string>().not.toExtend<ErrorName>();
  });

  it('is the same for everyone: nobody can change it', () => {
    expect(Object.isFrozen(etcdErrors)).toBe(true);
    expect(all.every(Object.isFrozen)).toBe(true);
  });
});

describe('codes', () => {
  it('have the names that status texts use', () => {
    expect(codeName(GrpcCode.InvalidArgument)).toBe('InvalidArgument');
    expect(codeName(99)).toBe('Code(99)');
    expect(describeStatus(rpcError('PermissionDenied'))).toBe(
      'rpc error: code = PermissionDenied desc = etcdserver: permission denied',
    );
  });

  it('have a place in HTTP', () => {
    const places = Object.entries(GrpcCode).map(([name, code]) => [name, httpStatus(code)]);
    expect(Object.fromEntries(places)).toEqual({
      OK: 200,
      InvalidArgument: 400,
      FailedPrecondition: 400,
      OutOfRange: 400,
      Unauthenticated: 401,
      PermissionDenied: 403,
      NotFound: 404,
      AlreadyExists: 409,
      Aborted: 409,
      ResourceExhausted: 429,
      Canceled: 499,
      Unknown: 500,
      Internal: 500,
      DataLoss: 500,
      Unimplemented: 501,
      Unavailable: 503,
      DeadlineExceeded: 504,
    });
    expect(httpStatus(99)).toBe(500);
  });
});

it('says what has a number or a name in it as gRPC says it', () => {
  expect(messageTooLarge(2_097_153, 2_097_152)).toEqual({
    code: 8,
    message: 'grpc: received message larger than max (2097153 vs. 2097152)',
  });
  expect(unknownService('x.Y')).toEqual({ code: 12, message: 'unknown service x.Y' });
  expect(unknownMethod('x.Y', 'Z')).toEqual({ code: 12, message: 'unknown method Z for service x.Y' });
});
