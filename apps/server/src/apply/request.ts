import { internal } from '@kontiki/proto';

/**
 * What a log entry asks for. On disk and between members it is etcd's `InternalRaftRequest`, with exactly one of its
 * operations set and an id under which the proposer waits.
 */
export type Request = internal.InternalRaftRequest;

export function encodeRequest(request: Request): Uint8Array {
  return internal.InternalRaftRequest.encode(request).finish();
}

/** @throws when the bytes are no request; an entry that was committed by us always is one */
export function decodeRequest(data: Uint8Array): Request {
  return internal.InternalRaftRequest.decode(data);
}

/** A request with one operation set, ready to be given an id. */
export function request(operation: Partial<Omit<Request, 'header' | 'ID'>>): Request {
  return internal.InternalRaftRequest.fromPartial(operation);
}
