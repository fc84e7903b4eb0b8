/**
 * The wire of etcd v3.6: every message and service as the peers and clients of etcd know them, and nothing else.
 *
 * @packageDocumentation
 */

/** What etcd says when it refuses: conditions, gRPC codes, texts. */
export * as errors from './errors.js';
/** Users, roles and permissions as stored (`authpb`). */
export * as auth from './gen/auth.js';
/** Elections kept by the server (`v3electionpb`). */
export * as election from './gen/election.js';
/** The head of a log and the second API's requests (`etcdserverpb.Metadata`, `etcdserverpb.Request`). */
export * as etcdserver from './gen/etcdserver.js';
/** `grpc.health.v1`. */
export * as health from './gen/health.js';
/** Key, value, event (`mvccpb`). */
export * as kv from './gen/kv.js';
/** Leases as stored, and as members ask each other about them (`leasepb`). */
export * as lease from './gen/lease.js';
/** Locks kept by the server (`v3lockpb`). */
export * as lock from './gen/lock.js';
/** Membership as raft entries carry it (`membershippb`). */
export * as membership from './gen/membership.js';
/** Raft between members (`raftpb`). */
export * as raft from './gen/raft.js';
/** What a normal raft entry holds (`etcdserverpb.InternalRaftRequest`). */
export * as internal from './gen/raft_internal.js';
/** The services clients call, and their messages (`etcdserverpb`). */
export * as rpc from './gen/rpc.js';
/** The snapshot file (`snappb`). */
export * as snap from './gen/snap.js';
/** Records of the write-ahead log (`walpb`). */
export * as wal from './gen/wal.js';

export type { DeepPartial, MessageFns } from './message.js';
export { type EncodedRangeResponse, encodeRangeResponse } from './raw/range-response.js';
export { type EncodedWatchResponse, encodeEvent, encodeWatchResponse } from './raw/watch-response.js';
export type { AnyMethodDefinition, MethodDefinition, RequestOf, ResponseOf, ServiceDefinition } from './service.js';
export { BinaryReader } from './wire/reader.js';
export { BinaryWriter } from './wire/writer.js';
