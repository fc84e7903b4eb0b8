import type { membership } from '@kontiki/proto';
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
