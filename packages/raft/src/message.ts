import type { Entry, EntryKind, LogIndex, NodeId, Snapshot, Term } from './types.js';

/**
 * What members say to each other: one variant per RPC of the paper, plus what the dissertation adds.
 *
 * Every variant maps onto one raftpb.Message and back without loss:
 *
 * | here             | raftpb               | fields there                                                         |
 * |------------------|----------------------|----------------------------------------------------------------------|
 * | `propose`        | MsgProp              | term 0, entries (type, data)                                         |
 * | `append`         | MsgApp               | index, logTerm = `prev…`, entries, commit                            |
 * | `appendReply`    | MsgAppResp           | index; reject: + reject, rejectHint = `hintIndex`, logTerm = `hintTerm` |
 * | `vote`           | MsgVote              | index, logTerm = `last…`; context = "CampaignTransfer" when `transfer` |
 * | `voteReply`      | MsgVoteResp          | reject                                                               |
 * | `preVote`        | MsgPreVote           | as `vote`; term is the one the sender would campaign in              |
 * | `preVoteReply`   | MsgPreVoteResp       | reject                                                               |
 * | `snapshot`       | MsgSnap              | snapshot                                                             |
 * | `heartbeat`      | MsgHeartbeat         | commit, context                                                      |
 * | `heartbeatReply` | MsgHeartbeatResp     | context                                                              |
 * | `transferLeader` | MsgTransferLeader    | from = who shall lead                                                |
 * | `timeoutNow`     | MsgTimeoutNow        |                                                                      |
 * | `readIndex`      | MsgReadIndex         | term 0, entries[0].data = `context`                                  |
 * | `readIndexReply` | MsgReadIndexResp     | index, entries[0].data = `context`                                   |
 */
export type Message =
  | ProposeMessage
  | AppendMessage
  | AppendReplyMessage
  | VoteMessage
  | VoteReplyMessage
  | PreVoteMessage
  | PreVoteReplyMessage
  | SnapshotMessage
  | HeartbeatMessage
  | HeartbeatReplyMessage
  | TransferLeaderMessage
  | TimeoutNowMessage
  | ReadIndexMessage
  | ReadIndexReplyMessage;

interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
  /** The sender's term; 0 in `propose` and `readIndex`, which are good in any term. */
  readonly term: Term;
}

/** A follower passes proposals on to the leader (§8). */
export interface ProposeMessage extends Envelope {
  readonly type: 'propose';
  readonly entries: readonly ProposedEntry[];
}

/** An entry that has no place in the log yet. */
export interface ProposedEntry {
  readonly kind: EntryKind;
  readonly data: Uint8Array;
}

/** AppendEntries (§5.3). No entries: only tells `commit`. */
export interface AppendMessage extends Envelope {
  readonly type: 'append';
  readonly prevIndex: LogIndex;
  readonly prevTerm: Term;
  /** Follow `prevIndex` without a gap. */
  readonly entries: readonly Entry[];
  readonly commit: LogIndex;
}

/** Answers `append` and `snapshot`. */
export interface AppendReplyMessage extends Envelope {
  readonly type: 'appendReply';
  /** Accepted: everything up to here is durable at the sender. Rejected: the `prevIndex` that did not match. */
  readonly index: LogIndex;
  readonly reject: boolean;
  /** When rejected: the highest place where the logs may still agree, and the sender's term there (0: unknown). */
  readonly hintIndex: LogIndex;
  readonly hintTerm: Term;
}

/** RequestVote (§5.2, §5.4.1). */
export interface VoteMessage extends Envelope {
  readonly type: 'vote';
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
  /** The leader asked for this election: voters need not be loyal to it (dissertation §4.2.3). */
  readonly transfer: boolean;
}

export interface VoteReplyMessage extends Envelope {
  readonly type: 'voteReply';
  readonly reject: boolean;
}

/** "Would you vote for me?": changes nothing at the receiver (dissertation §9.6). */
export interface PreVoteMessage extends Envelope {
  readonly type: 'preVote';
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
}

export interface PreVoteReplyMessage extends Envelope {
  readonly type: 'preVoteReply';
  readonly reject: boolean;
}

/** InstallSnapshot (§7), in one message. */
export interface SnapshotMessage extends Envelope {
  readonly type: 'snapshot';
  readonly snapshot: Snapshot;
}

/** AppendEntries without entries or log check: "I still lead" (§5.2). */
export interface HeartbeatMessage extends Envelope {
  readonly type: 'heartbeat';
  /** Never above what the receiver acknowledged. */
  readonly commit: LogIndex;
  /** Names a round of linearizable reads (dissertation §6.4); empty when there is none. */
  readonly context: Uint8Array;
}

export interface HeartbeatReplyMessage extends Envelope {
  readonly type: 'heartbeatReply';
  /** As received. */
  readonly context: Uint8Array;
}

/** Asks the leader to hand over to `from` (dissertation §3.10). */
export interface TransferLeaderMessage extends Envelope {
  readonly type: 'transferLeader';
}

/** The leader tells a member to campaign at once (dissertation §3.10). */
export interface TimeoutNowMessage extends Envelope {
  readonly type: 'timeoutNow';
}

/** A follower asks the leader for a read index (dissertation §6.4). */
export interface ReadIndexMessage extends Envelope {
  readonly type: 'readIndex';
  /** Chosen by the asker, unique to the question. */
  readonly context: Uint8Array;
}

export interface ReadIndexReplyMessage extends Envelope {
  readonly type: 'readIndexReply';
  readonly index: LogIndex;
  /** As asked. */
  readonly context: Uint8Array;
}
