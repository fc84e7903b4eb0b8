/** gRPC's own vocabulary on HTTP/2: status codes and how values are spelled in headers. */

export const StatusCode = {
  Ok: 0,
  Cancelled: 1,
  Unknown: 2,
  InvalidArgument: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  AlreadyExists: 6,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  FailedPrecondition: 9,
  Aborted: 10,
  OutOfRange: 11,
  Unimplemented: 12,
  Internal: 13,
  Unavailable: 14,
  DataLoss: 15,
  Unauthenticated: 16,
} as const;

/** How a call ended. */
export interface Status {
  readonly code: number;
  readonly details: string;
}

const NEEDS_ENCODING = /[^\x20-\x24\x26-\x7e]/;

/** Text as `grpc-message` spells it: UTF-8, everything but printable ASCII as `%XX`, and `%` too. */
export function encodeMessage(text: string): string {
  if (!NEEDS_ENCODING.test(text)) return text;
  let encoded = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** A `grpc-timeout` in milliseconds, or, as a text, what is wrong with it. At most eight digits and a unit. */
export function parseTimeout(text: string): number | string {
  if (text.length < 2) return `transport: timeout string is too short: ${JSON.stringify(text)}`;
  if (text.length > 9) return `transport: timeout string is too long: ${JSON.stringify(text)}`;
  const unitMs = UNIT_MS[text.at(-1)!];
  if (unitMs === undefined) return `transport: timeout unit is not recognized: ${JSON.stringify(text)}`;
  const digits = text.slice(0, -1);
  if (!/^\d+$/.test(digits)) return `strconv.ParseUint: parsing ${JSON.stringify(digits)}: invalid syntax`;
  return Number(digits) * unitMs;
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * The first value of a `-bin` header, as latin1.
 * @returns undefined when it is not base64 (padded or not)
 */
export function decodeBinary(value: string): string | undefined {
  const comma = value.indexOf(',');
  const first = comma < 0 ? value : value.slice(0, comma);
  const bare = first.replace(/=+$/, '');
  if (!BASE64.test(first) || bare.length % 4 === 1) return undefined;
  if (first.length !== bare.length && first.length % 4 !== 0) return undefined;
  return Buffer.from(first, 'base64').toString('latin1');
}
