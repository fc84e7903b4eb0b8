import type { FeatureGate } from './feature-gates.js';
import type { EndpointUrl } from './urls.js';

/** Everything a server is told at its start, checked and in units: nobody behind this reads a flag. */
export interface ServerOptions {
  readonly member: MemberOptions;
  readonly listening: ListeningOptions;
  readonly advertise: AdvertiseOptions;
  readonly clustering: ClusteringOptions;
  readonly logging: LoggingOptions;
  readonly limits: LimitOptions;
  readonly leases: LeaseOptions;
  readonly compaction: CompactionOptions;
  readonly tuning: TuningOptions;
  readonly metrics: MetricsOptions;
  /** Every known gate, on or off. */
  readonly featureGates: ReadonlyMap<FeatureGate, boolean>;
}

export interface MemberOptions {
  readonly name: string;
  readonly dataDirectory: string;
  /** A folder of its own for the log; undefined: inside the data directory. */
  readonly walDirectory: string | undefined;
  /** False under `--unsafe-no-fsync`: nothing written is forced to the disk. */
  readonly sync: boolean;
  readonly heartbeatMs: number;
  /** At least five heartbeats. */
  readonly electionMs: number;
  /** Start an election without waiting a whole election timeout for a leader nobody has. */
  readonly initialElectionTickAdvance: boolean;
  readonly preVote: boolean;
  /** Applied entries between two raft snapshots. */
  readonly snapshotEveryEntries: number;
  /** Entries kept in the log behind a snapshot, for followers that lag. */
  readonly snapshotCatchUpEntries: number;
  /** Log segments kept behind the last snapshot; 0: all. */
  readonly maxWalFiles: number;
  /** A stream from another member that is silent for so long is given up; at least 5 s. */
  readonly raftReadTimeoutMs: number;
  /** A write to another member that makes no progress for so long is given up; at least 5 s. */
  readonly raftWriteTimeoutMs: number;
}

export interface ListeningOptions {
  readonly peerUrls: readonly EndpointUrl[];
  /** gRPC, and HTTP too while `clientHttpUrls` is empty. */
  readonly clientUrls: readonly EndpointUrl[];
  /** HTTP alone; with any of these, `clientUrls` speak gRPC alone. */
  readonly clientHttpUrls: readonly EndpointUrl[];
  /** `/metrics` and the health checks, without the rest. */
  readonly metricsUrls: readonly EndpointUrl[];
  /** Origins that browsers may call from; undefined: all. */
  readonly corsOrigins: readonly string[] | undefined;
  /** Names accepted in the Host header of plaintext HTTP; undefined: all. */
  readonly hostWhitelist: readonly string[] | undefined;
}

export interface AdvertiseOptions {
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
}

export interface ClusteringOptions {
  /** `name=url` pairs, not read yet: they matter to a member that has no data. See `checkBootstrap`. */
  readonly initialCluster: string;
  readonly initialClusterState: 'new' | 'existing';
  readonly initialClusterToken: string;
  /** Refuse changes of the membership that could cost the quorum. */
  readonly strictReconfigCheck: boolean;
  /** Members without a vote the cluster may have; 0: none. Should be the same on all members. */
  readonly maxLearners: number;
  /** Start from the data that is here as a cluster of this member alone. */
  readonly forceNewCluster: boolean;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'panic' | 'fatal';

export type LogOutput =
  | { readonly kind: 'stdout' }
  | { readonly kind: 'stderr' }
  | { readonly kind: 'file'; readonly path: string };

export interface LoggingOptions {
  readonly level: LogLevel;
  readonly format: 'json' | 'console';
  /** At least one. */
  readonly outputs: readonly LogOutput[];
  /** Set only when `outputs` is one file. */
  readonly rotation: LogRotationOptions | undefined;
}

export interface LogRotationOptions {
  /** The file is put aside before it would grow past this many MiB. */
  readonly maxMegabytes: number;
  /** 0: kept whatever their age. */
  readonly maxAgeDays: number;
  /** 0: any number. */
  readonly maxBackups: number;
  /** Backups are named by local time instead of UTC. */
  readonly localTime: boolean;
  readonly compress: boolean;
}

export interface LimitOptions {
  /** undefined: no quota. */
  readonly quotaBackendBytes: number | undefined;
  readonly maxTxnOps: number;
  /** Of one proposal; a gRPC message may be 512 KiB longer. */
  readonly maxRequestBytes: number;
  /** Of one connection. */
  readonly maxConcurrentStreams: number;
  /** Pings to clients that are quiet, and how long one may stay unanswered; undefined: none. */
  readonly grpcKeepAlive: { readonly intervalMs: number; readonly timeoutMs: number } | undefined;
  /** A client that pings more often is told to go. */
  readonly grpcMinPingIntervalMs: number;
  /** How long a proposal or a linearizable read may take: 5 s and two election timeouts. */
  readonly requestTimeoutMs: number;
  /** Leases asked for less get this: one and a half election timeouts, whole seconds. */
  readonly minLeaseTtlSeconds: number;
}

export interface LeaseOptions {
  /** The leader tells the others now and then how long leases have left, for the case that one of them takes over. */
  readonly checkpoint: boolean;
  /** What was told outlasts a restart; never without `checkpoint`. */
  readonly checkpointPersist: boolean;
}

export interface CompactionOptions {
  /** How old revisions go by themselves. */
  readonly policy:
    | { readonly mode: 'off' }
    | { readonly mode: 'periodic'; readonly periodMs: number }
    | { readonly mode: 'revision'; readonly revisions: number };
  /** Revisions looked at in one step. */
  readonly batchLimit: number;
  /** Rest between two steps. */
  readonly pauseMs: number;
}

export interface TuningOptions {
  readonly backendBatchIntervalMs: number;
  readonly backendBatchLimit: number;
  /** An idle watch that asked for progress hears this often. */
  readonly watchProgressNotifyIntervalMs: number;
  /** Applies longer than this are logged and counted. */
  readonly warningApplyDurationMs: number;
  /** Unary calls longer than this are logged. */
  readonly warningUnaryRequestDurationMs: number;
  /** At boot, defragment if that would free at least this much; 0: never. */
  readonly bootstrapDefragThresholdMegabytes: number;
  /** Compare data with the other members before anybody is served. */
  readonly initialCorruptCheck: boolean;
  /** How often the leader compares all data with the other members; 0: never. */
  readonly corruptCheckIntervalMs: number;
  /** The leader compares the hashes of compactions with the other members. */
  readonly compactHashCheck: boolean;
  /** How often it does, above 0. */
  readonly compactHashCheckIntervalMs: number;
}

export interface MetricsOptions {
  /** Adds `grpc_server_handling_seconds`. */
  readonly extensive: boolean;
}
