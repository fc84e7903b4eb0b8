import type { Field } from './hpack/static-table.js';
import type { Method } from './method.js';
import { decodeBinary, parseTimeout, type Status, StatusCode } from './status.js';

/** An answer that needs no handler. */
export interface Refusal extends Status {
  readonly httpStatus: number;
}

/** What a request's header block says. Shared between requests whose blocks are the same. */
export interface RequestHead {
  readonly path: string;
  /** Undefined: nobody serves the path, or the request is refused. */
  readonly method: Method | undefined;
  readonly fields: readonly Field[];
  /** Infinity: none. */
  readonly timeoutMs: number;
  /** How messages with the compressed flag are compressed; '' when not said. */
  readonly encoding: string;
  /** Undefined: not said. */
  readonly contentLength: number | undefined;
  readonly refusal: Refusal | undefined;
}

/** Fields of HTTP/1 connections, which have no place here. @see RFC 9113 §8.2.2 */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
]);
/** How request messages may be compressed; '' is not said. */
const ENCODINGS: ReadonlySet<string> = new Set(['', 'identity', 'gzip']);
const PSEUDO: ReadonlySet<string> = new Set([':method', ':path', ':scheme', ':authority']);
const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in a value
const BAD_VALUE = /[\x00\r\n]/;

/** @returns undefined: malformed as RFC 9113 §8.1.1 has it */
export function readHead(fields: readonly Field[], methods: ReadonlyMap<string, Method>): RequestHead | undefined {
  const pseudo = new Map<string, string>();
  let regular = false;
  let refusal: Refusal | undefined;
  let contentType: string | undefined;
  let timeoutMs = Number.POSITIVE_INFINITY;
  let encoding = '';
  let contentLength: number | undefined;
  for (const { name, value } of fields) {
    if (!NAME.test(name) || BAD_VALUE.test(value)) return undefined;
    if (name.startsWith(':')) {
      if (regular || !PSEUDO.has(name) || pseudo.has(name)) return undefined;
      pseudo.set(name, value);
      continue;
    }
    regular = true;
    if (CONNECTION_FIELDS.has(name)) return undefined;
    if (name === 'te' && value !== 'trailers') return undefined;
    if (name === 'content-type') contentType ??= value;
    else if (name === 'grpc-encoding') encoding ||= value;
    else if (name === 'content-length') {
      if (!/^\d{1,15}$/.test(value) || (contentLength ?? Number(value)) !== Number(value)) return undefined;
      contentLength = Number(value);
    } else if (name === 'grpc-timeout') {
      const parsed = parseTimeout(value);
      if (typeof parsed === 'number') timeoutMs = Math.min(timeoutMs, parsed);
      else refusal ??= refuse(400, StatusCode.Internal, `malformed grpc-timeout: ${parsed}`);
    } else if (name.endsWith('-bin') && decodeBinary(value) === undefined) {
      const what = `malformed binary metadata ${JSON.stringify(value)} in header ${JSON.stringify(name)}`;
      const at = value.search(/[^A-Za-z0-9+/]/);
      const why = `illegal base64 data at input byte ${at < 0 ? value.length : at}`;
      refusal ??= refuse(400, StatusCode.Internal, `${what}: ${why}`);
    }
  }
  const path = pseudo.get(':path');
  const verb = pseudo.get(':method');
  if (!path || !verb || !pseudo.get(':scheme')) return undefined;
  if (!isGrpc(contentType)) {
    const text = `invalid gRPC request content-type ${JSON.stringify(contentType ?? '')}`;
    refusal = refuse(415, StatusCode.InvalidArgument, text);
  } else if (verb !== 'POST') {
    const text = `Received a HEADERS frame with :method ${JSON.stringify(verb)} which should be POST`;
    refusal = refuse(405, StatusCode.Internal, text);
  }
  const method = refusal === undefined ? methods.get(path) : undefined;
  if (method !== undefined && !ENCODINGS.has(encoding)) {
    const details = `grpc: Decompressor is not installed for grpc-encoding ${JSON.stringify(encoding)}`;
    refusal = refuse(200, StatusCode.Unimplemented, details);
    return { path, method: undefined, fields, timeoutMs, encoding, contentLength, refusal };
  }
  return { path, method, fields, timeoutMs, encoding, contentLength, refusal };
}

/** @see CallInfo.metadata */
export function metadataOf(head: RequestHead, name: string): string | undefined {
  for (const field of head.fields) {
    if (field.name === name) return name.endsWith('-bin') ? decodeBinary(field.value) : field.value;
  }
  return undefined;
}

function isGrpc(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(?:$|[+;])/.test(contentType);
}

function refuse(httpStatus: number, code: number, details: string): Refusal {
  return { httpStatus, code, details };
}
