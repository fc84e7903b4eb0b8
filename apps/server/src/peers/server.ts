import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { hexId } from '../cluster/member-id.js';
import type { Node } from '../node/node.js';

/**
 * What the peer URLs answer: who the members are and which version runs, as joining members and tools ask. Raft's own
 * traffic comes with clusters of several members.
 */
export function peerRequests(node: Node, version: () => object): RequestListener {
  return (request: IncomingMessage, response: ServerResponse) => {
    const path = (request.url ?? '/').split('?')[0];
    if (path !== '/members' && path !== '/version') return answer(response, 404, 'text/plain', '404 page not found\n');
    if (request.method !== 'GET') {
      response.setHeader('Allow', 'GET');
      return answer(response, 405, 'text/plain', 'Method Not Allowed\n');
    }
    response.setHeader('X-Etcd-Cluster-ID', hexId(node.clusterId));
    if (path === '/version') return answer(response, 200, 'application/json', JSON.stringify(version()));
    return answer(response, 200, 'application/json', `${members(node)}\n`);
  };
}

export function createPeerServer(listener: RequestListener): Server {
  return createServer({ requestTimeout: 30_000, headersTimeout: 10_000, maxHeaderSize: 16 * 1024 }, listener);
}

/** Ids are JSON numbers here, as etcd's members expect, and too large for JSON.stringify. */
function members(node: Node): string {
  const list = node.membership.list().map(({ id, peerUrls, name, clientUrls, isLearner }) => {
    const rest = JSON.stringify({
      peerURLs: peerUrls,
      ...(isLearner && { isLearner }),
      ...(name !== '' && { name }),
      ...(clientUrls.length > 0 && { clientURLs: clientUrls }),
    });
    return `{"id":${id},${rest.slice(1)}`;
  });
  return `[${list.join(',')}]`;
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}
