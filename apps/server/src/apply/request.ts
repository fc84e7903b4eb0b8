import { internal } from '@kontiki/proto';
import { decodeV2Request, isV2Request, translateV2Request } from './v2-request.js';

/**
 * What a log entry asks for. On disk and between members it is etcd's `InternalRaftRequest`, with exactly one of its
 * operations set and an id under which the proposer waits.
 */
export type Request = internal.InternalRaftRequest;

export function encodeRequest(request: Request): Uint8Array {
  return internal.InternalRaftRequest.encode(request).finish();
}

/**
 * What members of etcd up to 3.5 propose in terms of the second API is translated.
 * @throws when the bytes are no request; an entry that was committed by us always is one
 */
export function decodeRequest(data: Uint8Array): Request {
  if (isV2Request(data)) {
    const v2 = decodeV2Request(data);
    return { ...request(translateV2Request(v2)), ID: v2.ID };
  }
  const decoded = internal.InternalRaftRequest.decode(data);
  return decoded.v2 === undefined ? decoded : { ...decoded, v2: undefined, ...translateV2Request(decoded.v2) };
}

/** A request with one operation set, ready to be given an id. */
export function request(operation: Partial<Omit<Request, 'header' | 'ID'>>): Request {
  return internal.InternalRaftRequest.fromPartial(operation);
}
