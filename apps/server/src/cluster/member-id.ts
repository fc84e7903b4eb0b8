/** SHA-1, as a port: the ids below are defined by it and need no secrecy. Answers 20 bytes. */
export type Sha1 = (bytes: Uint8Array) => Uint8Array;

/**
 * The id of a member of a static cluster: the first 8 bytes, big-endian, of SHA-1 over its sorted peer URLs, joined
 * without a separator, and the cluster token. etcd computes the same, so its tools and members agree with ours.
 */
export function memberId(peerUrls: readonly string[], clusterToken: string, sha1: Sha1): bigint {
  return first8(sha1(new TextEncoder().encode([...peerUrls].sort().join('') + clusterToken)));
}

/** The id of the cluster that these members found: SHA-1 over their ids, ascending, 8 bytes each. Fixed from then on. */
export function clusterId(memberIds: readonly bigint[], sha1: Sha1): bigint {
  const bytes = new Uint8Array(memberIds.length * 8);
  const view = new DataView(bytes.buffer);
  [...memberIds]
    .sort((a, b) => (a < b ? -1 : 1))
    .forEach((id, i) => {
      view.setBigUint64(i * 8, id);
    });
  return first8(sha1(bytes));
}

/** Ids for people: hexadecimal without padding, as etcd's logs and peers write them. */
export function hexId(id: bigint): string {
  return BigInt.asUintN(64, id).toString(16);
}

function first8(digest: Uint8Array): bigint {
  return new DataView(digest.buffer, digest.byteOffset, 8).getBigUint64(0);
}
