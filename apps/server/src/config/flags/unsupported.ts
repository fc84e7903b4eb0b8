import type { Flag, FlagGroup } from '../flag.js';
import * as type from '../value-types.js';

/** Kinds by the name of their column below; a value is checked for its form before it is refused. */
const TYPES = {
  text: type.text,
  boolean: type.boolean,
  integer: type.integer(),
  duration: type.duration,
} as const;

type Row = readonly [
  name: string,
  kind: keyof typeof TYPES,
  byDefault: string,
  since: Flag<unknown>['since'],
  missing: string,
];

const TLS = 'TLS is not built yet';
const DISCOVERY = 'discovery of members is not built yet';
const TRACING = 'tracing is not built yet';

const ROWS: Readonly<Partial<Record<FlagGroup, readonly Row[]>>> = {
  Member: [
    [
      'memory-mlock',
      'boolean',
      'false',
      '3.6',
      'the database is not mapped into memory, so nothing can be locked there',
    ],
    ['backend-bbolt-freelist-type', 'text', 'map', '3.5', 'the database is not a bbolt file'],
    ['socket-reuse-port', 'boolean', 'false', '3.5', 'Node 20 cannot set SO_REUSEPORT'],
  ],
  Clustering: [
    ['discovery', 'text', '', '3.4', DISCOVERY],
    ['discovery-endpoints', 'text', '', '3.6', DISCOVERY],
    ['discovery-token', 'text', '', '3.6', DISCOVERY],
    ['discovery-dial-timeout', 'duration', '2s', '3.6', DISCOVERY],
    ['discovery-request-timeout', 'duration', '5s', '3.6', DISCOVERY],
    ['discovery-keepalive-time', 'duration', '2s', '3.6', DISCOVERY],
    ['discovery-keepalive-timeout', 'duration', '6s', '3.6', DISCOVERY],
    ['discovery-insecure-transport', 'boolean', 'true', '3.6', DISCOVERY],
    ['discovery-insecure-skip-tls-verify', 'boolean', 'false', '3.6', DISCOVERY],
    ['discovery-cert', 'text', '', '3.6', DISCOVERY],
    ['discovery-key', 'text', '', '3.6', DISCOVERY],
    ['discovery-cacert', 'text', '', '3.6', DISCOVERY],
    ['discovery-user', 'text', '', '3.6', DISCOVERY],
    ['discovery-password', 'text', '', '3.6', DISCOVERY],
    ['discovery-fallback', 'text', 'exit', '3.4', DISCOVERY],
    ['discovery-proxy', 'text', '', '3.4', DISCOVERY],
    ['discovery-srv', 'text', '', '3.4', DISCOVERY],
    ['discovery-srv-name', 'text', '', '3.4', DISCOVERY],
    ['downgrade-check-time', 'duration', '5s', '3.6', 'downgrades are not built yet'],
  ],
  Security: [
    ['cert-file', 'text', '', '3.4', TLS],
    ['key-file', 'text', '', '3.4', TLS],
    ['client-cert-file', 'text', '', '3.5', TLS],
    ['client-key-file', 'text', '', '3.5', TLS],
    ['client-cert-auth', 'boolean', 'false', '3.4', TLS],
    ['client-crl-file', 'text', '', '3.4', TLS],
    ['client-cert-allowed-hostname', 'text', '', '3.4', TLS],
    ['trusted-ca-file', 'text', '', '3.4', TLS],
    ['auto-tls', 'boolean', 'false', '3.4', TLS],
    ['self-signed-cert-validity', 'integer', '1', '3.5', TLS],
    ['cipher-suites', 'text', '', '3.4', TLS],
    ['tls-min-version', 'text', 'TLS1.2', '3.5', TLS],
    ['tls-max-version', 'text', '', '3.5', TLS],
    ['peer-cert-file', 'text', '', '3.4', TLS],
    ['peer-key-file', 'text', '', '3.4', TLS],
    ['peer-client-cert-file', 'text', '', '3.5', TLS],
    ['peer-client-key-file', 'text', '', '3.5', TLS],
    ['peer-client-cert-auth', 'boolean', 'false', '3.4', TLS],
    ['peer-trusted-ca-file', 'text', '', '3.4', TLS],
    ['peer-cert-allowed-cn', 'text', '', '3.4', TLS],
    ['peer-cert-allowed-hostname', 'text', '', '3.4', TLS],
    ['peer-auto-tls', 'boolean', 'false', '3.4', TLS],
    ['peer-crl-file', 'text', '', '3.4', TLS],
    ['peer-skip-client-san-verification', 'boolean', 'false', '3.6', TLS],
  ],
  Auth: [
    ['auth-token', 'text', 'simple', '3.4', 'users and tokens are not built yet'],
    ['bcrypt-cost', 'integer', '10', '3.4', 'users and tokens are not built yet'],
    ['auth-token-ttl', 'integer', '300', '3.4', 'users and tokens are not built yet'],
  ],
  'Profiling and monitoring': [
    ['enable-pprof', 'boolean', 'false', '3.4', 'profiles of a Go program have no counterpart here'],
    ['enable-distributed-tracing', 'boolean', 'false', '3.6', TRACING],
    ['distributed-tracing-address', 'text', 'localhost:4317', '3.6', TRACING],
    ['distributed-tracing-service-name', 'text', 'etcd', '3.6', TRACING],
    ['distributed-tracing-instance-id', 'text', '', '3.6', TRACING],
    ['distributed-tracing-sampling-rate', 'integer', '0', '3.6', TRACING],
  ],
};

/** Flags of etcd that are accepted at their default alone: taking another value and ignoring it would be a lie. */
export const unsupportedFlags: ReadonlyMap<string, Flag<unknown>> = new Map(
  Object.entries(ROWS).flatMap(([group, rows]) =>
    rows.map(([name, kind, byDefault, since, missing]): [string, Flag<unknown>] => [
      name,
      {
        type: TYPES[kind] as Flag<unknown>['type'],
        byDefault,
        group: group as FlagGroup,
        help: missing,
        since,
        unsupported: missing,
      },
    ]),
  ),
);
