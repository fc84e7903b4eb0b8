/** What became of a call that was not answered with a response. */
export type Failure = 'refused' | 'unknown';

/**
 * Texts that clients of a cluster in trouble are told to expect, and what each leaves open. A text that is not here is a
 * failure of the run.
 */
const EXPECTED: readonly (readonly [RegExp, Failure])[] = [
  [/^etcdserver: leader changed$/, 'unknown'],
  [/^etcdserver: no leader$/, 'unknown'],
  [/^etcdserver: request timed out(, .*)?$/, 'unknown'],
  [/^etcdserver: server stopped$/, 'unknown'],
  [/^etcdserver: request cancelled$/, 'unknown'],
  [/^etcdserver: too many requests$/, 'refused'],
  [/^etcdserver: not capable$/, 'refused'],
  [/^etcdserver: rpc not supported for learner$/, 'refused'],
  [/^raft proposal dropped$/, 'unknown'],
  [/^context deadline exceeded$/, 'unknown'],
  [/^context canceled$/, 'unknown'],
  // The transport's own, on the client's side. Without a connection nothing was sent.
  [/^No connection established/, 'refused'],
  [/^Name resolution failed/, 'refused'],
  [/^Connection dropped$/, 'unknown'],
  [/^Deadline exceeded/, 'unknown'],
  [/^Call cancelled/, 'unknown'],
  [/^Cancelled on client$/, 'unknown'],
  [/^Received RST_STREAM with code [0-9]+/, 'unknown'],
  [/(ECONNRESET|ECONNREFUSED|EPIPE|socket hang up)/, 'unknown'],
  [/^(transport is closing|The server is (closing|shutting down).*|stream terminated.*)$/, 'unknown'],
];

/** Texts with changing parts, as one line of a table. */
export function shorten(text: string): string {
  return text
    .replace(/127\.0\.0\.1:[0-9]+/g, '<address>')
    .replace(/[0-9]+\.[0-9]+s/g, '<time>')
    .replace(/^(No connection established|Deadline exceeded|Received RST_STREAM with code [0-9]+).*/s, '$1')
    .slice(0, 160);
}

/** @returns undefined: nobody was told to expect this */
export function judge(details: string): Failure | undefined {
  return EXPECTED.find(([pattern]) => pattern.test(details))?.[1];
}
