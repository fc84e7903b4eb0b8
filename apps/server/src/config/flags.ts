import type { FeatureGate } from './feature-gates.js';
import { type Flag, type FlagTable, flag } from './flag.js';
import { type ClusteringFlags, clusteringFlags } from './flags/clustering.js';
import { type MemberFlags, memberFlags } from './flags/member.js';
import { type ObservingFlags, observingFlags } from './flags/observing.js';
import { type TuningFlags, tuningFlags } from './flags/tuning.js';
import { unsupportedFlags } from './flags/unsupported.js';
import * as type from './value-types.js';

export interface ProcessFlags {
  readonly 'config-file': string;
  readonly version: boolean;
  readonly help: boolean;
}

const processFlags: FlagTable<ProcessFlags> = {
  'config-file': flag(
    'Process',
    type.text,
    '',
    '3.4',
    'YAML file with the configuration; everything else is then ignored',
  ),
  version: flag('Process', type.boolean, 'false', '3.4', 'Print the version and exit'),
  help: flag('Process', type.boolean, 'false', '3.4', 'Print this text and exit'),
};

/** Every flag that means something here, with the type of its value. */
export type FlagValues = MemberFlags & ClusteringFlags & ObservingFlags & TuningFlags & ProcessFlags;
export type FlagName = keyof FlagValues;

export const FLAGS: FlagTable<FlagValues> = {
  ...memberFlags,
  ...clusteringFlags,
  ...observingFlags,
  ...tuningFlags,
  ...processFlags,
};

/** Old names of flags, deprecated in etcd 3.6, to the names of today. */
export const OLD_NAMES: ReadonlyMap<string, string> = new Map(
  [
    'compact-hash-check-time',
    'corrupt-check-time',
    'compaction-batch-limit',
    'watch-progress-notify-interval',
    'warning-apply-duration',
    'bootstrap-defrag-threshold-megabytes',
    'memory-mlock',
    'snapshot-catchup-entries',
    'compaction-sleep-interval',
    'downgrade-check-time',
    'peer-skip-client-san-verification',
    'enable-distributed-tracing',
    'distributed-tracing-address',
    'distributed-tracing-service-name',
    'distributed-tracing-instance-id',
    'distributed-tracing-sampling-rate',
    'warning-unary-request-duration',
  ].map((name) => [`experimental-${name}`, name]),
);

/** Old flags that are feature gates today. */
export const OLD_GATE_FLAGS: ReadonlyMap<string, FeatureGate> = new Map<string, FeatureGate>([
  ['experimental-stop-grpc-service-on-defrag', 'StopGRPCServiceOnDefrag'],
  ['experimental-initial-corrupt-check', 'InitialCorruptCheck'],
  ['experimental-compact-hash-check-enabled', 'CompactHashCheck'],
  ['experimental-txn-mode-write-with-shared-buffer', 'TxnModeWriteWithSharedBuffer'],
  ['experimental-enable-lease-checkpoint', 'LeaseCheckpoint'],
  ['experimental-enable-lease-checkpoint-persist', 'LeaseCheckpointPersist'],
]);

/** Flags of the oldest versions, which etcd itself accepts with any value and ignores. */
export const IGNORED_FLAGS: ReadonlySet<string> = new Set([
  'cluster-active-size',
  'cluster-remove-delay',
  'cluster-sync-interval',
  'config',
  'force',
  'max-result-buffer',
  'max-retry-attempts',
  'peer-heartbeat-interval',
  'peer-election-timeout',
  'retry-interval',
  'snapshot',
  'v',
  'vv',
  'test.coverprofile',
  'test.outputdir',
]);

/** Flags that once were, to the etcd version without them: whoever brings an old command line learns why it fails. */
export const REMOVED_FLAGS: ReadonlyMap<string, string> = new Map([
  ...['capnslog', 'debug', 'experimental-backend-bbolt-freelist-type', 'log-output', 'log-package-levels'].map(
    (name): [string, string] => [name, '3.5'],
  ),
  ['next-cluster-version-compatible', '3.5'],
  ...['enable-v2', 'experimental-enable-v2v3', 'proxy', 'proxy-dial-timeout', 'proxy-failure-wait'].map(
    (name): [string, string] => [name, '3.6'],
  ),
  ...['proxy-read-timeout', 'proxy-refresh-interval', 'proxy-write-timeout'].map((name): [string, string] => [
    name,
    '3.6',
  ]),
]);

/** What a name stands for, whoever used it. */
export type KnownFlag =
  | { readonly kind: 'flag'; readonly name: string; readonly flag: Flag<unknown> }
  | { readonly kind: 'gate'; readonly gate: FeatureGate; readonly flag: Flag<unknown> }
  | { readonly kind: 'ignored' };

const gateFlag: Flag<unknown> = flag('Tuning', type.boolean, 'false', '3.5', '') as Flag<unknown>;

/** @param name without dashes, old names included */
export function findFlag(name: string): KnownFlag | undefined {
  const today = OLD_NAMES.get(name) ?? name;
  const flag = Object.hasOwn(FLAGS, today) ? FLAGS[today as FlagName] : unsupportedFlags.get(today);
  if (flag !== undefined) return { kind: 'flag', name: today, flag: flag as Flag<unknown> };
  const gate = OLD_GATE_FLAGS.get(name);
  if (gate !== undefined) return { kind: 'gate', gate, flag: gateFlag };
  return IGNORED_FLAGS.has(name) ? { kind: 'ignored' } : undefined;
}

/** Every name a command line may hold, those of today first. */
export function flagNames(): readonly string[] {
  return [
    ...Object.keys(FLAGS),
    ...unsupportedFlags.keys(),
    ...OLD_NAMES.keys(),
    ...OLD_GATE_FLAGS.keys(),
    ...IGNORED_FLAGS,
  ];
}

/** The names of today: what the environment and a configuration file are searched for first. */
export function envName(prefix: 'ETCD' | 'KONTIKI', name: string): string {
  return `${prefix}_${name.toUpperCase().replaceAll('-', '_')}`;
}
