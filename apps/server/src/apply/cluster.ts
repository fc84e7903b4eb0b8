import type { membership } from '@kontiki/proto';
import type { MembershipChange } from '@kontiki/raft';
import { decodeMemberChange } from '../cluster/member-change.js';
import type { Member, Membership } from '../cluster/members.js';
import { type Condition, ServerError } from '../errors.js';
import type { Reply, State } from './handlers.js';
import { revisionHeader } from './txn-form.js';

/** A member has started and tells its name and client URLs. */
export function applyPublish(request: membership.ClusterMemberAttrSetRequest, state: State): Reply {
  state.membership.publish(
    request.memberID,
    request.memberAttributes?.name ?? '',
    request.memberAttributes?.clientUrls ?? [],
  );
  return { header: revisionHeader(state.store.revision) };
}

export function applyClusterVersion(request: membership.ClusterVersionSetRequest, state: State): Reply {
  state.membership.setClusterVersion(request.ver);
  return { header: revisionHeader(state.store.revision) };
}

/** Who is a member after a change. */
export interface MembersReply extends Reply {
  readonly members: readonly Member[];
}

/** Why the members do not agree to a committed change; undefined: they do. Alike on every member. */
export function refusalOf(change: MembershipChange, members: Membership): Condition | undefined {
  const asked = decodeMemberChange(change);
  // Leaving a joint configuration is raft's own affair.
  return asked === undefined ? undefined : members.refusal(asked);
}

/**
 * A membership change in its place in the log.
 * @param effective whether raft has made it, too
 * @throws ServerError why it was not made
 */
export function applyMemberChange(change: MembershipChange, effective: boolean, state: State): MembersReply {
  const { membership } = state;
  const asked = decodeMemberChange(change);
  if (asked !== undefined) {
    const refused = membership.refusal(asked);
    if (refused !== undefined) throw new ServerError(refused);
    // Raft makes every change the members agree to, but one: the last voter stays.
    if (!effective) throw new ServerError('MemberNotEnoughStarted');
    membership.apply(asked);
  }
  return { header: revisionHeader(state.store.revision), members: membership.list() };
}
