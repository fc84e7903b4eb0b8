import { describeMember } from '../cluster/member-change.js';
import { hexId } from '../cluster/member-id.js';
import type { Member } from '../cluster/members.js';
import { type HttpHandler, onlyGet } from '../http/answer.js';

/** Who belongs to the cluster, as this member has applied it. */
export interface MembersPorts {
  readonly clusterId: bigint;
  readonly membership: { list(): readonly Member[] };
}

/** `/members` of a peer address: who the members are, as joining members and tools ask. */
export function membersHandler(ports: MembersPorts): HttpHandler {
  return onlyGet(() => ({
    status: 200,
    headers: { 'Content-Type': 'application/json', 'X-Etcd-Cluster-ID': hexId(ports.clusterId) },
    body: membersJson(ports.membership.list()),
  }));
}

/** One line of JSON. Ids are numbers here, as etcd's members expect, and too large for JSON.stringify. */
export function membersJson(members: readonly Member[]): string {
  return `[${members.map((member) => describeMember(member)).join(',')}]\n`;
}
