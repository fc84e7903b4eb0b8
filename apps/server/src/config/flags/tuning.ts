import type { FeatureGateSettings } from '../feature-gates.js';
import { type FlagTable, flag } from '../flag.js';
import * as type from '../value-types.js';

export interface TuningFlags {
  readonly 'feature-gates': FeatureGateSettings;
  readonly 'snapshot-catchup-entries': number;
  readonly 'compaction-batch-limit': number;
  readonly 'compaction-sleep-interval': number;
  readonly 'watch-progress-notify-interval': number;
  readonly 'warning-apply-duration': number;
  readonly 'bootstrap-defrag-threshold-megabytes': number;
  readonly 'corrupt-check-time': number;
  readonly 'compact-hash-check-time': number;
  readonly 'socket-reuse-address': boolean;
  readonly 'enable-grpc-gateway': boolean;
  readonly 'unsafe-no-fsync': boolean;
}

export const tuningFlags: FlagTable<TuningFlags> = {
  'feature-gates': flag('Tuning', type.gates, '', '3.6', 'Features to turn on or off, as Name=true,Other=false'),
  'snapshot-catchup-entries': flag(
    'Tuning',
    type.integer(0),
    '5000',
    '3.6',
    'Log entries kept behind a snapshot for members that lag',
  ),
  'compaction-batch-limit': flag(
    'Tuning',
    type.integer(1),
    '1000',
    '3.6',
    'Revisions removed in one step of a compaction',
  ),
  'compaction-sleep-interval': flag('Tuning', type.duration, '10ms', '3.6', 'Rest between two steps of a compaction'),
  'watch-progress-notify-interval': flag(
    'Tuning',
    type.duration,
    '10m',
    '3.6',
    'How often an idle watch that asked for progress hears of it',
  ),
  'warning-apply-duration': flag(
    'Tuning',
    type.duration,
    '100ms',
    '3.6',
    'Requests that take longer to apply are logged',
  ),
  'bootstrap-defrag-threshold-megabytes': flag(
    'Tuning',
    type.integer(0),
    '0',
    '3.6',
    'Defragment at start if that frees at least this many megabytes; 0 never',
  ),
  'corrupt-check-time': flag(
    'Tuning',
    type.duration,
    '0s',
    '3.6',
    'How often the leader compares all data between members, 0 never. A difference raises the alarm CORRUPT',
  ),
  'compact-hash-check-time': flag(
    'Tuning',
    type.duration,
    '1m',
    '3.6',
    'How often the leader compares the hashes of compactions between members; needs the gate CompactHashCheck',
  ),
  'socket-reuse-address': flag(
    'Tuning',
    type.boolean,
    'false',
    '3.5',
    'Without effect: listeners always may take an address that is in TIME_WAIT',
  ),
  'enable-grpc-gateway': flag('Tuning', type.boolean, 'true', '3.4', 'The JSON gateway under /v3/; not served yet'),
  'unsafe-no-fsync': flag('Unsafe', type.boolean, 'false', '3.4', 'Force nothing to the disk. A crash loses data'),
};
