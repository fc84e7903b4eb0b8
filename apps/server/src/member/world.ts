import type { Backend, MvccMetrics } from '@kontiki/mvcc';
import type { rpc } from '@kontiki/proto';
import type { Transport } from '@kontiki/raft';
import type { Clock, Counter, FileSystem, Logger, Random } from '@kontiki/std';
import type { WalOptions } from '@kontiki/wal';
import type { Request } from '../apply/request.js';
import type { Outcome } from '../apply/state-machine.js';
import type { KnownMember } from '../cluster/founding.js';
import type { Sha1 } from '../cluster/member-id.js';
import type { Member as ClusterMember } from '../cluster/members.js';
import type { PeerLinks } from '../cluster/peer-set.js';
import type { PeerHash } from '../node/corruption-check.js';
import type { Links, MembersMetrics } from '../node/members.js';
import type { ReadBarrierMetrics } from '../node/read-barrier.js';
import type { PeerEvents } from '../peers/context.js';
import type { DatabaseMetrics } from '../storage/database.js';
import type { MemberSnapshots, Sha256, SnapshotMetrics } from '../storage/snapshots.js';

/** What a member needs of the world. A simulator gives its own. */
export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly fileSystem: FileSystem;
  readonly sha1: Sha1;
  sha256(): Sha256;
  /** Opens the database in a folder, a new one where there is none; must reject when it is damaged. */
  openBackend(directory: string, onError: (error: unknown) => void): Promise<Backend>;
  /** Removes a database that nobody has open; nothing when there is none. */
  removeDatabase(directory: string): Promise<void>;
  /** The way to the other members. */
  connect(options: PeerOptions): PeerConnections;
  /** Questions to other members that raft does not carry. */
  readonly remote: RemoteMembers;
  /** URLs with their hosts as addresses; what cannot be resolved stays as it is. */
  resolve(urls: readonly string[]): Promise<readonly string[]>;
  readonly logger: (caller: string) => Logger;
  readonly metrics: MemberMetrics;
}

/** What a member tells those who connect it to others. */
export interface PeerOptions extends PeerEvents {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  ownPeerUrls(): readonly string[];
  readonly snapshots: MemberSnapshots;
}

export interface PeerConnections extends Transport, PeerLinks, Links {
  stop(): Promise<void>;
}

/** Calls to the peer addresses of one other member; they reject when it cannot be asked. */
export interface RemoteMembers {
  members(
    peerUrls: readonly string[],
    timeoutMs: number,
  ): Promise<{ readonly clusterId: bigint; readonly members: readonly KnownMember[] }>;
  version(peerUrls: readonly string[], timeoutMs: number): Promise<{ readonly server: string }>;
  renewLease(peerUrls: readonly string[], id: bigint, timeoutMs: number, signal?: AbortSignal): Promise<number>;
  leaseTimeToLive(
    peerUrls: readonly string[],
    request: { readonly id: bigint; readonly keys: boolean },
    timeoutMs: number,
  ): Promise<{ readonly TTL: number; readonly grantedTTL: number; readonly keys: readonly Uint8Array[] } | undefined>;
  promote(peerUrls: readonly string[], id: bigint, timeoutMs: number): Promise<readonly ClusterMember[]>;
  hashKv(peerUrls: readonly string[], revision: number, timeoutMs: number): Promise<PeerHash>;
}

/** What a member counts on its way. */
export interface MemberMetrics {
  readonly mvcc: Partial<MvccMetrics>;
  readonly wal: Pick<WalOptions, 'fsyncSeconds' | 'writeSeconds' | 'writtenBytes'>;
  readonly database: DatabaseMetrics;
  readonly snapshots: SnapshotMetrics;
  readonly reads: ReadBarrierMetrics;
  readonly leaseExpired: Counter;
  readonly lateHeartbeats: Counter;
  readonly members: MembersMetrics;
  /** A request was applied. */
  applied(request: Request, outcome: Outcome, tookMs: number): void;
  alarm(alarm: rpc.AlarmMember, raised: boolean): void;
}
