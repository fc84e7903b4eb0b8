import type { HttpAnswer, HttpRequest } from './answer.js';
import { textAnswer } from './answer.js';

/** Who may ask; undefined: everybody. */
export interface AccessRules {
  readonly corsOrigins: readonly string[] | undefined;
  /** Names, compared as they are: `a` is neither `A` nor `a.b`. */
  readonly hostWhitelist: readonly string[] | undefined;
}

/** What the rules say to a request: an answer at once, or headers for the answer it gets from elsewhere. */
export type Verdict = { readonly answer: HttpAnswer } | { readonly headers: Readonly<Record<string, string>> };

/** The checks of a client address, in etcd's order: host, then origin, then OPTIONS. */
export function checkAccess(rules: AccessRules, { method, headers }: Pick<HttpRequest, 'method' | 'headers'>): Verdict {
  const host = hostname(headers.host ?? '');
  if (rules.hostWhitelist !== undefined && !rules.hostWhitelist.includes(host)) return { answer: misdirected(host) };
  const cors = corsHeaders(rules.corsOrigins, headers.origin);
  return method === 'OPTIONS' ? { answer: { status: 200, headers: cors, body: '' } } : { headers: cors };
}

/** @see CVE-2018-5702: a page of any site can make its visitor's browser send requests here under a name of its own */
function misdirected(host: string): HttpAnswer {
  const shown = host.replace(/[^\w.:[\]-]/g, '?').slice(0, 255);
  return textAnswer(
    421,
    `The Host header of this request, "${shown}", is not a name this server answers to.\n` +
      `Add it to the names that are accepted, for example: --host-whitelist "${shown}"\n` +
      'The check keeps web pages from reaching the server through DNS rebinding (CVE-2018-5702).',
  );
}

function corsHeaders(
  origins: readonly string[] | undefined,
  origin: string | undefined,
): Readonly<Record<string, string>> {
  const allowed = origins === undefined ? '*' : origin !== undefined && origins.includes(origin) ? origin : undefined;
  if (allowed === undefined) return {};
  return {
    'Access-Control-Allow-Headers': 'accept, content-type, authorization',
    'Access-Control-Allow-Methods': 'POST, GET, OPTIONS, PUT, DELETE',
    'Access-Control-Allow-Origin': allowed,
  };
}

/** Without the port; IPv6 addresses without their brackets. */
function hostname(host: string): string {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):\d*$/.exec(host);
  return match === null ? host : (match[1] ?? match[2] ?? '');
}
