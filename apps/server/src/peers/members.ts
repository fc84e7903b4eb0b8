import { hexId } from '../cluster/member-id.js';
import { type HttpHandler, onlyGet } from '../http/answer.js';
import type { Node } from '../node/node.js';

/** `/members` of a peer address: who the members are, as joining members and tools ask. */
export function membersHandler(node: Node): HttpHandler {
  return onlyGet(() => ({
    status: 200,
    headers: { 'Content-Type': 'application/json', 'X-Etcd-Cluster-ID': hexId(node.clusterId) },
    body: `[${node.membership.list().map(describe).join(',')}]\n`,
  }));
}

/** Ids are JSON numbers here, as etcd's members expect, and too large for JSON.stringify. */
function describe({
  id,
  peerUrls,
  name,
  clientUrls,
  isLearner,
}: ReturnType<Node['membership']['list']>[number]): string {
  const rest = JSON.stringify({
    peerURLs: peerUrls,
    ...(isLearner && { isLearner }),
    ...(name !== '' && { name }),
    ...(clientUrls.length > 0 && { clientURLs: clientUrls }),
  });
  return `{"id":${id},${rest.slice(1)}`;
}
