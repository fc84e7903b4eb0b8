import type { Message, SnapshotMessage } from '@kontiki/raft';
import type { Clock, Logger, Random } from '@kontiki/std';
import type { Dialer } from './dial.js';
import type { Identity } from './headers.js';
import type { PeerLimits } from './limits.js';
import type { PeerMetrics } from './metrics.js';

/** Where the contents of snapshots come from and go to: not in messages, but as a stream beside them. */
export interface SnapshotPort {
  /** What a snapshot message's `data` names. Rejects when it is not there any more. */
  open(data: Uint8Array): Promise<OutgoingSnapshot>;
  /**
   * Takes a snapshot's contents in. Must resolve only once they are checked and durable, with the `data` that our raft's
   * message shall carry. Rejects when `body` ends early or anything is wrong with it: nothing was kept.
   *
   * @param sha256 of the contents, as the sender gave it; undefined from an etcd, which gives none
   */
  receive(
    message: SnapshotMessage,
    body: AsyncIterable<Uint8Array>,
    sha256: Uint8Array | undefined,
  ): Promise<Uint8Array>;
}

export interface OutgoingSnapshot {
  /** Of all `chunks` together. */
  readonly sizeBytes: number;
  /** Of the same bytes. */
  readonly sha256: Uint8Array;
  /** Goes into the `data` of raftpb.Snapshot on the wire. */
  readonly messageData: Uint8Array;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Called once, whatever became of it. */
  release(): Promise<void>;
}

/** What a member does about its peers. */
export interface PeerEvents {
  /** A message for our raft: for this member, of this cluster, from nobody who was removed. */
  receive(message: Message): void;
  reportUnreachable(id: bigint): void;
  reportSnapshot(id: bigint, delivered: boolean): void;
  /** The member's process has ended, as far as its connections show. */
  reportGone(id: bigint): void;
  /** Whether the member once was one and was removed for good. */
  isRemoved(id: bigint): boolean;
  /** A peer says that we are no member any more, and never will be again. May be called many times. */
  onRemoved(): void;
}

/** What all that deals with peers has in common. */
export interface PeerContext {
  readonly identity: Identity;
  readonly ownPeerUrls: () => readonly string[];
  readonly events: PeerEvents;
  readonly snapshots: SnapshotPort;
  readonly dialer: Dialer;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: PeerMetrics;
  readonly limits: PeerLimits;
}
