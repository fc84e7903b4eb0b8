import { describe, expect, it } from 'vitest';
import { metadataOf, type RequestHead, readHead } from './head.js';
import type { Method } from './method.js';

const METHOD: Method = { kind: 'unary', handle: () => {} };
const methods = new Map([['/a.B/C', METHOD]]);

function read(changes: Readonly<Record<string, string | undefined>> = {}): RequestHead {
  const fields = {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': '/a.B/C',
    'content-type': 'application/grpc',
    ...changes,
  };
  const list = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
  const pseudo = list.filter(({ name }) => name.startsWith(':'));
  const head = readHead([...pseudo, ...list.filter((field) => !pseudo.includes(field))], methods);
  expect(head).toBeDefined();
  return head!;
}

describe('a request is welcome', () => {
  it.each<Readonly<Record<string, string>>>([
    {},
    { te: 'trailers' },
    { ':authority': 'localhost' },
    { 'content-type': 'application/grpc+proto' },
    { 'content-type': 'application/grpc;charset=utf-8' },
    { 'grpc-encoding': 'identity' },
    { 'grpc-encoding': 'gzip' },
    { 'grpc-timeout': '99999999H' },
    { 'x-bin': 'YQ' },
    { 'content-length': '5' },
  ])('%o', (changes) => {
    const head = read(changes);
    expect(head.refusal).toBeUndefined();
    expect(head.method).toBe(METHOD);
  });
});

/** Codes and texts as etcd 3.5.30 gave them for the same requests. */
describe('a request is refused', () => {
  it.each<[changes: Record<string, string | undefined>, httpStatus: number, code: number, details: string]>([
    [{ 'content-type': undefined }, 415, 3, 'invalid gRPC request content-type ""'],
    [{ 'content-type': 'application/json' }, 415, 3, 'invalid gRPC request content-type "application/json"'],
    [{ 'content-type': 'Application/Grpc' }, 415, 3, 'invalid gRPC request content-type "Application/Grpc"'],
    [{ 'content-type': 'application/grpcfoo' }, 415, 3, 'invalid gRPC request content-type "application/grpcfoo"'],
    [{ ':method': 'GET' }, 405, 13, 'Received a HEADERS frame with :method "GET" which should be POST'],
    [{ ':method': 'HEAD' }, 405, 13, 'Received a HEADERS frame with :method "HEAD" which should be POST'],
    [{ 'grpc-encoding': 'snappy' }, 200, 12, 'grpc: Decompressor is not installed for grpc-encoding "snappy"'],
    [{ 'grpc-timeout': '5' }, 400, 13, 'malformed grpc-timeout: transport: timeout string is too short: "5"'],
    [{ 'grpc-timeout': '5x' }, 400, 13, 'malformed grpc-timeout: transport: timeout unit is not recognized: "5x"'],
    [{ 'grpc-timeout': 'a5S' }, 400, 13, 'malformed grpc-timeout: strconv.ParseUint: parsing "a5": invalid syntax'],
    [
      { 'grpc-timeout': '123456789S' },
      400,
      13,
      'malformed grpc-timeout: transport: timeout string is too long: "123456789S"',
    ],
    [
      { 'x-bin': '***' },
      400,
      13,
      'malformed binary metadata "***" in header "x-bin": illegal base64 data at input byte 0',
    ],
  ])('%o', (changes, httpStatus, code, details) => {
    const head = read(changes);
    expect(head.refusal).toEqual({ httpStatus, code, details });
    expect(head.method).toBeUndefined();
  });
});

it.each(['a.B/C', '/a.B/C?x=1', '/a.B/c', '//a.B/C', '/a.B/C/', '*'])('the path %s is another', (path) => {
  const head = read({ ':path': path });
  expect(head).toMatchObject({ method: undefined, refusal: undefined, path });
});

it('says how long it may take, and how its messages are compressed', () => {
  expect(read()).toMatchObject({ timeoutMs: Number.POSITIVE_INFINITY, encoding: '', contentLength: undefined });
  expect(read({ 'grpc-timeout': '20m', 'grpc-encoding': 'gzip', 'content-length': '7' })).toMatchObject({
    timeoutMs: 20,
    encoding: 'gzip',
    contentLength: 7,
  });
});

it('metadata: the first value, binary ones decoded, nothing inherited', () => {
  const fields = [...read({ token: 'one', 'x-bin': 'AP8=' }).fields, { name: 'token', value: 'two' }];
  const head = readHead(fields, methods)!;
  expect(metadataOf(head, 'token')).toBe('one');
  expect(metadataOf(head, 'x-bin')).toBe('\u0000\u00ff');
  expect(metadataOf(head, 'constructor')).toBeUndefined();
  expect(metadataOf(head, '__proto__')).toBeUndefined();
});
