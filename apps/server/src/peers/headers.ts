import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { hexId } from '../cluster/member-id.js';

/** Who we are, as every request and answer between members says. */
export interface Identity {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  /** The contract this member keeps: `3.6.14`. */
  readonly serverVersion: string;
  /** The oldest member we can talk to: `3.0.0`. */
  readonly minClusterVersion: string;
}

/** Why a request is not listened to, in etcd's words: the sender recognises them. */
export type Mismatch = 'incompatible version' | 'cluster ID mismatch';

/** A member's own word on who it is and where it listens. */
export interface Introduction {
  readonly id: bigint;
  readonly urls: readonly string[];
}

/** What a peer's refusal comes to. */
export type Refusal = 'removed' | { readonly reason: string };

/** Before there were such headers. */
const OLDEST = '2.0.0';

/** On every request to a peer. */
export function requestHeaders(identity: Identity, ownPeerUrls: readonly string[]): OutgoingHttpHeaders {
  return {
    'X-Server-From': hexId(identity.memberId),
    'X-Server-Version': identity.serverVersion,
    'X-Min-Cluster-Version': identity.minClusterVersion,
    'X-Etcd-Cluster-ID': hexId(identity.clusterId),
    'X-PeerURLs': ownPeerUrls.join(','),
  };
}

/**
 * Whether a request comes from our cluster and from a member we can talk to: neither side older than what the other
 * still understands, by major and minor version.
 * @returns undefined: it does
 */
export function mismatchOf(headers: IncomingHttpHeaders, identity: Identity): Mismatch | undefined {
  const server = versionOf(headers['x-server-version']);
  const minCluster = versionOf(headers['x-min-cluster-version']);
  if (server === undefined || minCluster === undefined) return 'incompatible version';
  if (server < versionOf(identity.minClusterVersion)!) return 'incompatible version';
  if (minCluster > versionOf(identity.serverVersion)!) return 'incompatible version';
  return isOurCluster(headers, identity) ? undefined : 'cluster ID mismatch';
}

/** Whether an answer was given by a member of our cluster: anything may listen where a member did yesterday. */
export function isOurCluster(headers: IncomingHttpHeaders, identity: Identity): boolean {
  return headers['x-etcd-cluster-id'] === hexId(identity.clusterId);
}

/** undefined when the sender does not say who it is, or not where. */
export function introductionOf(headers: IncomingHttpHeaders): Introduction | undefined {
  const id = parseId(single(headers['x-server-from']));
  const urls = single(headers['x-peerurls']);
  return id === undefined || urls === '' ? undefined : { id, urls: urls.split(',') };
}

/** An id as members write them: hexadecimal, at most 64 bits, not 0. */
export function parseId(text: string): bigint | undefined {
  if (!/^[0-9a-fA-F]{1,16}$/.test(text)) return undefined;
  const id = BigInt(`0x${text}`);
  return id === 0n ? undefined : id;
}

/**
 * What it means that a peer did not answer as wished. That we were removed ends this member, so it is believed of a
 * member of our cluster only: 410 on a stream, 403 with these words on anything else.
 */
export function refusalOf(status: number, headers: IncomingHttpHeaders, body: string, identity: Identity): Refusal {
  const removed = status === 410 || (status === 403 && body.includes('removed member'));
  if (removed && isOurCluster(headers, identity)) return 'removed';
  const words = body.trim().slice(0, 200);
  if (words === 'cluster ID mismatch')
    return { reason: `${words}: it is in ${headers['x-etcd-cluster-id'] ?? 'none'}` };
  return { reason: words === '' ? `status ${status}` : `status ${status}, ${words}` };
}

function single(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' ? header : (header?.[0] ?? '');
}

/** Major and minor as one number that orders them; undefined when it is no version. */
function versionOf(header: string | readonly string[] | undefined): number | undefined {
  const match = /^v?(\d{1,6})\.(\d{1,6})(?:[.+-]|$)/.exec(single(header) || OLDEST);
  return match === null ? undefined : Number(match[1]) * 1_000_000 + Number(match[2]);
}
