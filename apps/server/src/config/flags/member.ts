import { type FlagTable, flag } from '../flag.js';
import type { EndpointUrl } from '../urls.js';
import * as type from '../value-types.js';

export interface MemberFlags {
  readonly name: string;
  readonly 'data-dir': string;
  readonly 'wal-dir': string;
  readonly 'snapshot-count': number;
  readonly 'heartbeat-interval': number;
  readonly 'election-timeout': number;
  readonly 'initial-election-tick-advance': boolean;
  readonly 'listen-peer-urls': readonly EndpointUrl[];
  readonly 'listen-client-urls': readonly EndpointUrl[];
  readonly 'listen-client-http-urls': readonly EndpointUrl[];
  readonly 'max-snapshots': number;
  readonly 'max-wals': number;
  readonly 'quota-backend-bytes': number;
  readonly 'backend-batch-interval': number;
  readonly 'backend-batch-limit': number;
  readonly 'max-txn-ops': number;
  readonly 'max-request-bytes': number;
  readonly 'max-concurrent-streams': number;
  readonly 'grpc-keepalive-min-time': number;
  readonly 'grpc-keepalive-interval': number;
  readonly 'grpc-keepalive-timeout': number;
  readonly 'raft-read-timeout': number;
  readonly 'raft-write-timeout': number;
}

const MAX_UINT32 = 2 ** 32 - 1;
const count = type.integer(0);

export const memberFlags: FlagTable<MemberFlags> = {
  name: flag('Member', type.text, 'default', '3.4', 'Name of this member, for people and for --initial-cluster'),
  'data-dir': flag('Member', type.text, '', '3.4', 'Folder that holds all data; empty: the name followed by .etcd'),
  'wal-dir': flag('Member', type.text, '', '3.4', 'Folder for the write-ahead log, for a disk of its own'),
  'snapshot-count': flag('Member', type.integer(1), '10000', '3.4', 'Applied entries between two raft snapshots'),
  'heartbeat-interval': flag('Member', count, '100', '3.4', 'Milliseconds between two heartbeats of the leader'),
  'election-timeout': flag(
    'Member',
    count,
    '1000',
    '3.4',
    'Milliseconds without a leader before an election; at least five heartbeats and at most 50000. Request timeouts and the shortest lease follow from it',
  ),
  'initial-election-tick-advance': flag(
    'Member',
    type.boolean,
    'true',
    '3.4',
    'Start the first election without waiting a whole election timeout',
  ),
  'listen-peer-urls': flag('Member', type.urls, 'http://localhost:2380', '3.4', 'Where other members connect'),
  'listen-client-urls': flag(
    'Member',
    type.urls,
    'http://localhost:2379',
    '3.4',
    'Where clients connect: gRPC, and HTTP unless --listen-client-http-urls is set. IP addresses, localhost or unix sockets',
  ),
  'listen-client-http-urls': flag(
    'Member',
    type.urls,
    '',
    '3.5',
    'Where HTTP is served alone; --listen-client-urls then speak gRPC alone',
  ),
  'max-snapshots': flag(
    'Member',
    count,
    '5',
    '3.4',
    'Without effect: snapshots are part of the database, not files that pile up',
  ),
  'max-wals': flag('Member', count, '5', '3.4', 'Write-ahead log files to keep; 0 keeps all'),
  'quota-backend-bytes': flag(
    'Member',
    type.integer(),
    '0',
    '3.4',
    'Size of the database at which writes are refused; 0 means 2 GiB, below 0 no limit',
  ),
  'backend-batch-interval': flag(
    'Member',
    type.duration,
    '0s',
    '3.4',
    'Longest wait before a backend commit; 0 means 100ms',
  ),
  'backend-batch-limit': flag('Member', count, '0', '3.4', 'Most changes in one backend commit; 0 means 10000'),
  'max-txn-ops': flag(
    'Member',
    count,
    '128',
    '3.4',
    'Most compares, and operations on either branch, of one transaction',
  ),
  'max-request-bytes': flag('Member', type.integer(1), '1572864', '3.4', 'Largest request accepted, in bytes'),
  'max-concurrent-streams': flag(
    'Member',
    type.integer(1, MAX_UINT32),
    String(MAX_UINT32),
    '3.5',
    'Calls a client may have open on one connection',
  ),
  'grpc-keepalive-min-time': flag(
    'Member',
    type.duration,
    '5s',
    '3.4',
    'A client may ping no more often than this, and only while it has calls; one that does is told to go',
  ),
  'grpc-keepalive-interval': flag('Member', type.duration, '2h', '3.4', 'How often an idle client is pinged; 0 never'),
  'grpc-keepalive-timeout': flag(
    'Member',
    type.duration,
    '20s',
    '3.4',
    'How long a ping may stay unanswered before the connection is dropped',
  ),
  'raft-read-timeout': flag(
    'Member',
    type.duration,
    '5s',
    '3.5',
    'How long a connection from another member may be silent before it is dropped; less than 5s counts as 5s',
  ),
  'raft-write-timeout': flag(
    'Member',
    type.duration,
    '5s',
    '3.5',
    'How long a write to another member may stand still before its connection is dropped; less than 5s counts as 5s',
  ),
};
