/** Bounds of everything that waits or grows between members. */
export interface PeerLimits {
  /** From the start of a dial to a connection. */
  readonly dialMs: number;
  /** A stream on which nothing arrives for so long is dead (`--raft-read-timeout`). Streams are never silent longer than a third of it. */
  readonly readMs: number;
  /** A connection that takes no byte for so long is dead (`--raft-write-timeout`). */
  readonly writeMs: number;
  /** Between two attempts at a stream: the first pause, and the longest. Each is shortened at random by up to half. */
  readonly retryMs: number;
  readonly retryMaxMs: number;
  /** Messages, and bytes, that may wait for one stream to one peer; more are dropped. */
  readonly streamMessages: number;
  readonly streamBytes: number;
  /** The same for each of the two lanes of single requests, used while a stream is down. */
  readonly pipelineMessages: number;
  readonly pipelineBytes: number;
  /** The longest frame that is read. */
  readonly frameBytes: number;
  /** The longest message before the contents of a snapshot; it says who the members are, and little else. */
  readonly snapshotHeadBytes: number;
  /** No byte of a snapshot for so long: it is given up. */
  readonly snapshotIdleMs: number;
  /** How long the receiver of a whole snapshot may take to check it and to make it durable. */
  readonly snapshotAnswerMs: number;
  /** Snapshots that may come in at once. */
  readonly snapshotsIn: number;
  /** Single messages that may be coming in at once. */
  readonly postsIn: number;
  /** Members we were not told of, which asked us for something and may be answered. */
  readonly strangers: number;
  /** A peer's clock further off than this is worth a warning. */
  readonly clockDifferenceMs: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_LIMITS: PeerLimits = {
  dialMs: 2000,
  readMs: 5000,
  writeMs: 5000,
  retryMs: 100,
  retryMaxMs: 1000,
  streamMessages: 4096,
  streamBytes: 64 * MIB,
  pipelineMessages: 64,
  pipelineBytes: 16 * MIB,
  frameBytes: 512 * MIB,
  snapshotHeadBytes: 64 * MIB,
  snapshotIdleMs: 30_000,
  snapshotAnswerMs: 600_000,
  snapshotsIn: 2,
  postsIn: 64,
  strangers: 16,
  clockDifferenceMs: 1000,
};
