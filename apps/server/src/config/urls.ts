import { isIP } from 'node:net';
import type { Parsed } from './parsed.js';

/** An address of the configuration. `text` is the URL as it is printed and advertised. */
export type EndpointUrl =
  | {
      readonly kind: 'tcp';
      readonly scheme: 'http' | 'https';
      /** Without brackets; may be a name only where nothing is bound to it. */
      readonly host: string;
      readonly port: number;
      readonly text: string;
    }
  | {
      readonly kind: 'unix';
      readonly scheme: 'unix' | 'unixs';
      /** Of the socket file; relative ones start at the working directory. */
      readonly path: string;
      readonly text: string;
    };

/**
 * URLs separated by commas, sorted by their text, each once: `http://10.0.0.1:2379,unix:///run/kontiki.sock`.
 * An empty text is an empty list.
 */
export function parseUrls(text: string): Parsed<readonly EndpointUrl[]> {
  const found = new Map<string, EndpointUrl>();
  if (text.trim() === '') return { value: [] };
  for (const part of text.split(',')) {
    const parsed = parseUrl(part.trim());
    if ('problem' in parsed) return parsed;
    found.set(parsed.value.text, parsed.value);
  }
  return { value: [...found.values()].sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0)) };
}

function parseUrl(text: string): Parsed<EndpointUrl> {
  const match = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\/([^/?#]*)([^?#]*)$/.exec(text);
  const scheme = match?.[1]?.toLowerCase() ?? '';
  if (match === null || !['http', 'https', 'unix', 'unixs'].includes(scheme)) {
    return { problem: `URL scheme must be http, https, unix, or unixs: ${text}` };
  }
  const authority = match[2]!;
  const path = match[3]!;
  if (scheme === 'unix' || scheme === 'unixs') {
    if (authority + path === '') return { problem: `URL names no socket file: ${text}` };
    return { value: { kind: 'unix', scheme, path: authority + path, text: `${scheme}://${authority}${path}` } };
  }
  const address = /^(?:\[([^\]]*)\]|([^:@[\]]*)):(\d+)$/.exec(authority);
  const port = Number(address?.[3]);
  if (address === null || port > 65_535) {
    return { problem: `URL address does not have the form "host:port": ${text}` };
  }
  if (path !== '') return { problem: `URL must not contain a path: ${text}` };
  const host = address[1] ?? address[2]!;
  return { value: { kind: 'tcp', scheme: scheme as 'http' | 'https', host, port, text: `${scheme}://${authority}` } };
}

/** Why nothing can be bound to one of these, or undefined: a listener takes an IP address or `localhost`. */
export function bindProblem(urls: readonly EndpointUrl[]): string | undefined {
  for (const url of urls) {
    if (url.kind === 'tcp' && url.host !== 'localhost' && isIP(url.host.split('%')[0]!) === 0) {
      return `expected IP in URL for binding (${url.text})`;
    }
  }
  return undefined;
}

/** True when a connection from another machine could reach the listener. */
export function isReachable(url: EndpointUrl): boolean {
  return url.kind === 'tcp' && url.host !== 'localhost' && url.host !== '::1' && !url.host.startsWith('127.');
}
