/**
 * Raft's state as the records of etcd's write-ahead log: what each record type holds, and back.
 */
import { etcdserver, raft, wal as walpb } from '@kontiki/proto';
import type { ConfState, Entry, HardState } from '@kontiki/raft';
import { concat, equals } from '@kontiki/std';
import type { WalRecord } from '@kontiki/wal';

export const METADATA = 1;
export const ENTRY = 2;
export const STATE = 3;
export const SNAPSHOT = 5;

/** Whose log it is; the first record of every segment. */
export interface Metadata {
  readonly nodeId: bigint;
  readonly clusterId: bigint;
}

export function encodeMetadata({ nodeId, clusterId }: Metadata): WalRecord {
  return { type: METADATA, data: etcdserver.Metadata.encode({ NodeID: nodeId, ClusterID: clusterId }).finish() };
}

export function decodeMetadata(data: Uint8Array): Metadata {
  const { NodeID, ClusterID } = etcdserver.Metadata.decode(data);
  return { nodeId: NodeID, clusterId: ClusterID };
}

const ENTRY_TYPES = {
  normal: raft.EntryType.EntryNormal,
  change: raft.EntryType.EntryConfChange,
  changeV2: raft.EntryType.EntryConfChangeV2,
} as const;
const ENTRY_KINDS = ['normal', 'change', 'changeV2'] as const;

/** An empty field of content, said outright. */
const EMPTY_CONTENT = Uint8Array.of(0x22, 0);

export function encodeEntry(entry: Entry): WalRecord {
  const data = raft.Entry.encode({
    Type: ENTRY_TYPES[entry.kind],
    Term: entry.term,
    Index: entry.index,
    Data: entry.data,
  }).finish();
  // Three numbers alone could be taken for a hard state: see checkRecord.
  const bare = entry.kind !== 'normal' && entry.data.length === 0;
  return { type: ENTRY, data: bare ? concat([data, EMPTY_CONTENT]) : data };
}

/** @throws when the entry is of a kind this version does not know */
export function decodeEntry(data: Uint8Array): Entry {
  const { Type, Term, Index, Data } = raft.Entry.decode(data);
  const kind = ENTRY_KINDS[Type];
  if (kind === undefined) throw new Error(`raft entry ${Index} is of unknown type ${Type}`);
  return { kind, term: Term, index: Index, data: Data };
}

export function encodeHardState(state: HardState): WalRecord {
  return {
    type: STATE,
    data: raft.HardState.encode({ term: state.term, vote: state.vote, commit: state.commit }).finish(),
  };
}

export function decodeHardState(data: Uint8Array): HardState {
  const { term, vote, commit } = raft.HardState.decode(data);
  return { term, vote, commit };
}

/** A point the tables have reached on disk: replay may begin after it. */
export interface SnapshotMark {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
}

export function encodeSnapshotMark({ index, term, confState }: SnapshotMark): WalRecord {
  return {
    type: SNAPSHOT,
    data: walpb.Snapshot.encode({ index, term, confState: toConfState(confState) }).finish(),
  };
}

export function decodeSnapshotMark(data: Uint8Array): SnapshotMark {
  const { index, term, confState } = walpb.Snapshot.decode(data);
  return { index, term, confState: fromConfState(confState) };
}

/**
 * What is wrong with a record of this log, if anything: the checksum covers a record's data, not its type, so the type
 * is held against the data. Each kind, read as one of the other kinds, breaks one of these rules.
 */
export function checkRecord({ type, data }: WalRecord): string | undefined {
  try {
    switch (type) {
      case METADATA:
        return equals(data, encodeMetadata(decodeMetadata(data)).data) ? undefined : 'not a metadata record';
      case ENTRY: {
        const { index, term, kind, data: content } = decodeEntry(data);
        // A leader's own first entry carries nothing; neither does the change that leaves a joint configuration.
        const plausible = index > 0 && term > 0 && (kind !== 'change' || content.length > 0);
        return plausible ? undefined : 'not an entry record';
      }
      case STATE: {
        const state = decodeHardState(data);
        const whole = state.term > 0 && equals(data, encodeHardState(state).data);
        return whole ? undefined : 'not a hard state record';
      }
      case SNAPSHOT: {
        decodeSnapshotMark(data);
        return undefined;
      }
      default:
        return `of type ${type}, which this version does not know`;
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function toConfState(state: ConfState): raft.ConfState {
  return {
    voters: [...state.voters],
    learners: [...state.learners],
    votersOutgoing: [...(state.votersOutgoing ?? [])],
    learnersNext: [...(state.learnersNext ?? [])],
    autoLeave: state.autoLeave ?? false,
  };
}

function fromConfState(state: raft.ConfState | undefined): ConfState {
  return {
    voters: state?.voters ?? [],
    learners: state?.learners ?? [],
    ...(state !== undefined &&
      state.votersOutgoing.length > 0 && {
        votersOutgoing: state.votersOutgoing,
        learnersNext: state.learnersNext,
        autoLeave: state.autoLeave,
      }),
  };
}
