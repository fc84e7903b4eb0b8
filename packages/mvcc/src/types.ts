/** A key in memory: its latin1 form (character i is byte i), ordered as the bytes are. */
export type Key = string;

/**
 * Half-open: `start <= key < end`; `end` null has no upper bound. May be empty (`end <= start`): reads then find nothing.
 * `single` says it is exactly one key, `[start, start + "\0")`.
 */
export interface KeyRange {
  readonly start: Key;
  readonly end: Key | null;
  readonly single: boolean;
}

/**
 * What is stored under one revision of a key. Structurally etcd's `mvccpb.KeyValue`.
 * `key` and `value` are views of shared memory: never write to them.
 */
export interface KeyValue {
  key: Uint8Array;
  /** Main revision of the put that made the key, since it last did not exist. */
  createRevision: number;
  /** Main revision of the last put; of the delete, in a delete's event. */
  modRevision: number;
  /** Puts since it last did not exist, from 1. */
  version: number;
  value: Uint8Array;
  /** A name, nothing more, to this package; 0n is none. Signed, as on the wire. */
  lease: bigint;
}

/** Where a change stands in history: revision of the request, then its place inside that request, from 0. */
export interface Revision {
  readonly main: number;
  readonly sub: number;
}

export type SortOrder = 'none' | 'ascend' | 'descend';
export type SortTarget = 'key' | 'version' | 'create' | 'mod' | 'value';

/** How a range is read. As etcd's RangeRequest: the odd corners are kept and named in txn/view.ts. */
export interface RangeOptions {
  /** The state right after this main revision; absent or <= 0: the current one. */
  readonly revision?: number;
  /** At most so many entries; absent or <= 0: all. */
  readonly limit?: number;
  readonly sortOrder?: SortOrder;
  readonly sortTarget?: SortTarget;
  /** Values are left out. */
  readonly keysOnly?: boolean;
  /** Only the count. */
  readonly countOnly?: boolean;
  /** Filters on what was read, before `limit`; absent or 0: off. */
  readonly minModRevision?: number;
  readonly maxModRevision?: number;
  readonly minCreateRevision?: number;
  readonly maxCreateRevision?: number;
}

export interface RangeResult {
  /** The store's current revision, whichever was asked for; inside a write the one it is making once something changed. */
  readonly revision: number;
  readonly kvs: readonly KeyValue[];
  /** `limit` cut something off. */
  readonly more: boolean;
  /** Keys in the range at that revision, whatever the limit and the filters. */
  readonly count: number;
}

/** A {@link RangeResult} whose entries are stored bytes (a protobuf `mvccpb.KeyValue` each), for servers that pass them on unparsed. */
export interface EncodedRangeResult {
  readonly revision: number;
  readonly kvs: readonly Uint8Array[];
  readonly more: boolean;
  readonly count: number;
}

/** One change of one write, as the store keeps it. */
export interface StoredChange {
  readonly key: Key;
  readonly type: 'put' | 'delete';
  /** The stored bytes: of a put the whole KeyValue, of a delete one with nothing but the key. */
  readonly encoded: Uint8Array;
  readonly revision: Revision;
}

/** A change as watchers see it. Made once per change and shared by all of them, so anything may be remembered by its identity. */
export interface Event {
  readonly type: 'put' | 'delete';
  /** Of a delete: key and modRevision, the rest zero or empty. */
  readonly kv: KeyValue;
  /** Before the change; absent when there was none, it is compacted, or nobody asked. */
  readonly prevKv?: KeyValue;
  /** `kv` as protobuf bytes. */
  readonly encodedKv: Uint8Array;
  readonly encodedPrevKv?: Uint8Array;
}
