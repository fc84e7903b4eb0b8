import type { rpc } from '@kontiki/proto';
import type { State } from './handlers.js';
import { deleteKeys } from './kv.js';
import { revisionHeader } from './txn-form.js';

export function applyLeaseGrant(request: rpc.LeaseGrantRequest, state: State): rpc.LeaseGrantResponse {
  const lease = state.leases.grant(request.ID, request.TTL, state.nowMs());
  state.leaseStore.save(lease.id, lease.ttlSeconds);
  return { header: revisionHeader(state.store.revision), ID: lease.id, TTL: lease.ttlSeconds, error: '' };
}

/** Every key of the lease goes in one revision, in byte order. */
export function applyLeaseRevoke(request: rpc.LeaseRevokeRequest, state: State): rpc.LeaseRevokeResponse {
  const keys = state.leases.revoke(request.ID);
  state.leaseStore.remove(request.ID);
  const revision = keys.length === 0 ? state.store.revision : deleteKeys(keys, state);
  return { header: revisionHeader(revision) };
}

/** Kept on the disk once all members are of a version that expects it there, or where that was asked for. */
export function applyLeaseCheckpoint(request: rpc.LeaseCheckpointRequest, state: State): rpc.LeaseCheckpointResponse {
  const persists = state.keepCheckpoints || isAtLeast36(state.membership.clusterVersion);
  for (const { ID, remainingTTL } of request.checkpoints) {
    const lease = state.leases.get(ID);
    // Revoked since the leader wrote the checkpoint down.
    if (lease === undefined) continue;
    state.leases.checkpoint(ID, remainingTTL);
    if (persists) state.leaseStore.save(ID, lease.ttlSeconds, remainingTTL);
  }
  return { header: revisionHeader(state.store.revision) };
}

function isAtLeast36(version: string | undefined): boolean {
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  return major > 3 || (major === 3 && minor >= 6);
}
