import { raft } from '@kontiki/proto';
import type { ConfState, Entry, EntryKind, Message, ProposedEntry, Snapshot } from '@kontiki/raft';
import { EMPTY } from '@kontiki/std';
import { ENTRY_KINDS } from './entry-bytes.js';
import { PeerError } from './errors.js';

const TYPES = raft.MessageType;
const TRANSFER: Uint8Array = new TextEncoder().encode('CampaignTransfer');

/** The message as raftpb.Message bytes. `@kontiki/raft`'s message.ts has the table of what becomes what. */
export function encodeMessage(message: Message): Uint8Array {
  return raft.Message.encode(toWire(message)).finish();
}

/**
 * Back from the bytes. Byte strings are views of `bytes`.
 *
 * @returns undefined for what this version does not know, and for what members only say to themselves: it is not for us
 * @throws PeerError MALFORMED_FRAME when it is no message, or one that contradicts itself
 */
export function decodeMessage(bytes: Uint8Array): Message | undefined {
  return fromWire(decoded(() => raft.Message.decode(bytes)));
}

/** From raftpb.Entry bytes. @throws PeerError MALFORMED_FRAME */
export function decodeEntry(bytes: Uint8Array): Entry {
  return entryFromWire(decoded(() => raft.Entry.decode(bytes)));
}

/** Whether a raftpb.Message only keeps a connection alive: a heartbeat of nobody to nobody. */
export function isLinkHeartbeat({ type, from, to }: raft.Message): boolean {
  return type === TYPES.MsgHeartbeat && from === 0n && to === 0n;
}

/** A raftpb.Message that only keeps a connection alive. */
export function encodeLinkHeartbeat(): Uint8Array {
  const type = raft.MessageType.MsgHeartbeat;
  return raft.Message.encode({ ...NOTHING, type, from: 0n, to: 0n, term: 0 }).finish();
}

/** About as many bytes as the message takes on the wire. */
export function roughBytes(message: Message): number {
  let bytes = 64;
  if (message.type === 'append' || message.type === 'propose') {
    for (const { data } of message.entries) bytes += data.length + 24;
  } else if ('context' in message) bytes += message.context.length;
  return bytes;
}

export function toWire(message: Message): raft.Message {
  const { from, to, term } = message;
  const envelope = { ...NOTHING, from, to, term };
  switch (message.type) {
    case 'propose':
      return { ...envelope, type: TYPES.MsgProp, entries: message.entries.map(proposedToWire) };
    case 'append': {
      const { prevIndex, prevTerm, entries, commit } = message;
      const wired = entries.map(entryToWire);
      return { ...envelope, type: TYPES.MsgApp, index: prevIndex, logTerm: prevTerm, entries: wired, commit };
    }
    case 'appendReply': {
      const { index, reject, hintIndex, hintTerm } = message;
      return { ...envelope, type: TYPES.MsgAppResp, index, reject, rejectHint: hintIndex, logTerm: hintTerm };
    }
    case 'vote': {
      const { lastIndex, lastTerm, transfer } = message;
      const context = transfer ? TRANSFER : EMPTY;
      return { ...envelope, type: TYPES.MsgVote, index: lastIndex, logTerm: lastTerm, context };
    }
    case 'preVote':
      return { ...envelope, type: TYPES.MsgPreVote, index: message.lastIndex, logTerm: message.lastTerm };
    case 'voteReply':
      return { ...envelope, type: TYPES.MsgVoteResp, reject: message.reject };
    case 'preVoteReply':
      return { ...envelope, type: TYPES.MsgPreVoteResp, reject: message.reject };
    case 'snapshot':
      return { ...envelope, type: TYPES.MsgSnap, snapshot: snapshotToWire(message.snapshot) };
    case 'heartbeat':
      return { ...envelope, type: TYPES.MsgHeartbeat, commit: message.commit, context: message.context };
    case 'heartbeatReply':
      return { ...envelope, type: TYPES.MsgHeartbeatResp, context: message.context };
    case 'transferLeader':
      return { ...envelope, type: TYPES.MsgTransferLeader };
    case 'timeoutNow':
      return { ...envelope, type: TYPES.MsgTimeoutNow };
    case 'readIndex':
      return { ...envelope, type: TYPES.MsgReadIndex, entries: [carrier(message.context)] };
    case 'readIndexReply':
      return { ...envelope, type: TYPES.MsgReadIndexResp, index: message.index, entries: [carrier(message.context)] };
  }
}

/** As {@link decodeMessage}, from the generated form. */
export function fromWire(wire: raft.Message): Message | undefined {
  const message = variantOf(wire);
  // Without a term it would be taken for one of any term: only these two may be.
  const termless = message?.type === 'propose' || message?.type === 'readIndex';
  if (message?.term === 0 && !termless) throw malformed(`${message.type} without a term`);
  return message;
}

function variantOf(wire: raft.Message): Message | undefined {
  const { from, to, term, index } = wire;
  switch (wire.type) {
    case TYPES.MsgProp:
      if (wire.entries.length === 0) throw malformed('a proposal of nothing');
      return { type: 'propose', from, to, term: 0, entries: wire.entries.map(proposedFromWire) };
    case TYPES.MsgApp: {
      const entries = wire.entries.map(entryFromWire);
      checkSequence(entries, index, wire.logTerm, term);
      return { type: 'append', from, to, term, prevIndex: index, prevTerm: wire.logTerm, entries, commit: wire.commit };
    }
    case TYPES.MsgAppResp: {
      const { reject, rejectHint: hintIndex, logTerm: hintTerm } = wire;
      return { type: 'appendReply', from, to, term, index, reject, hintIndex, hintTerm };
    }
    case TYPES.MsgVote: {
      const transfer = equal(wire.context, TRANSFER);
      return { type: 'vote', from, to, term, lastIndex: index, lastTerm: wire.logTerm, transfer };
    }
    case TYPES.MsgPreVote:
      return { type: 'preVote', from, to, term, lastIndex: index, lastTerm: wire.logTerm };
    case TYPES.MsgVoteResp:
      return { type: 'voteReply', from, to, term, reject: wire.reject };
    case TYPES.MsgPreVoteResp:
      return { type: 'preVoteReply', from, to, term, reject: wire.reject };
    case TYPES.MsgSnap:
      return { type: 'snapshot', from, to, term, snapshot: snapshotFromWire(wire.snapshot) };
    case TYPES.MsgHeartbeat:
      return { type: 'heartbeat', from, to, term, commit: wire.commit, context: wire.context };
    case TYPES.MsgHeartbeatResp:
      return { type: 'heartbeatReply', from, to, term, context: wire.context };
    case TYPES.MsgTransferLeader:
      return { type: 'transferLeader', from, to, term };
    case TYPES.MsgTimeoutNow:
      return { type: 'timeoutNow', from, to, term };
    case TYPES.MsgReadIndex:
      return { type: 'readIndex', from, to, term: 0, context: contextOf(wire) };
    case TYPES.MsgReadIndexResp:
      return { type: 'readIndexReply', from, to, term, index, context: contextOf(wire) };
    default:
      return undefined;
  }
}

/**
 * That entries follow each other, and `prevIndex`, without a gap, and that no term falls or is above the sender's.
 * @throws PeerError MALFORMED_FRAME
 */
export function checkSequence(entries: readonly Entry[], prevIndex: number, prevTerm: number, term: number): void {
  let index = prevIndex;
  let last = prevTerm;
  for (const entry of entries) {
    if (entry.index !== ++index) throw malformed(`entry ${entry.index} stands where ${index} should`);
    if (entry.term < last || entry.term > term) throw malformed(`an entry of term ${entry.term} in term ${term}`);
    last = entry.term;
  }
}

const NOTHING: Omit<raft.Message, 'type' | 'from' | 'to' | 'term'> = {
  logTerm: 0,
  index: 0,
  entries: [],
  commit: 0,
  snapshot: undefined,
  reject: false,
  rejectHint: 0,
  context: EMPTY,
  vote: 0n,
  responses: [],
};

function entryToWire({ index, term, kind, data }: Entry): raft.Entry {
  return { Type: typeOf(kind), Term: term, Index: index, Data: data };
}

function proposedToWire({ kind, data }: ProposedEntry): raft.Entry {
  return { Type: typeOf(kind), Term: 0, Index: 0, Data: data };
}

function carrier(context: Uint8Array): raft.Entry {
  return { Type: raft.EntryType.EntryNormal, Term: 0, Index: 0, Data: context };
}

function entryFromWire({ Type, Term, Index, Data }: raft.Entry): Entry {
  return { index: Index, term: Term, kind: kindOf(Type), data: Data };
}

function proposedFromWire({ Type, Data }: raft.Entry): ProposedEntry {
  return { kind: kindOf(Type), data: Data };
}

function typeOf(kind: EntryKind): raft.EntryType {
  return ENTRY_KINDS.indexOf(kind) as raft.EntryType;
}

function kindOf(type: number): EntryKind {
  const kind = ENTRY_KINDS[type];
  if (kind === undefined) throw malformed(`an entry of type ${type}`);
  return kind;
}

function snapshotToWire({ meta, data }: Snapshot): raft.Snapshot {
  const { index, term, confState } = meta;
  return {
    data,
    metadata: {
      index,
      term,
      confState: {
        voters: [...confState.voters],
        learners: [...confState.learners],
        votersOutgoing: [...(confState.votersOutgoing ?? [])],
        learnersNext: [...(confState.learnersNext ?? [])],
        autoLeave: confState.autoLeave ?? false,
      },
    },
  };
}

function snapshotFromWire(snapshot: raft.Snapshot | undefined): Snapshot {
  const metadata = snapshot?.metadata;
  const confState = metadata?.confState;
  if (snapshot === undefined || metadata === undefined || confState === undefined) {
    throw malformed('a snapshot that does not say up to where it goes and who the members are');
  }
  const { index, term } = metadata;
  return { meta: { index, term, confState: confStateFromWire(confState) }, data: snapshot.data };
}

/** Outside a joint configuration its three fields are absent, as raft has it. */
function confStateFromWire(wire: raft.ConfState): ConfState {
  const { voters, learners, votersOutgoing, learnersNext, autoLeave } = wire;
  if (voters.length === 0) throw malformed('a configuration without voters');
  if (votersOutgoing.length > 0) return { voters, learners, votersOutgoing, learnersNext, autoLeave };
  if (learnersNext.length > 0 || autoLeave) throw malformed('a configuration that is half a joint one');
  return { voters, learners };
}

function contextOf({ entries }: raft.Message): Uint8Array {
  const context = entries[0]?.Data;
  if (context === undefined) throw malformed('a read without the name of the question');
  return context;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function decoded<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw new PeerError('MALFORMED_FRAME', 'bytes that are no raft message', { cause: error });
  }
}

function malformed(what: string): PeerError {
  return new PeerError('MALFORMED_FRAME', what);
}
