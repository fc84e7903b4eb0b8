import { hexId } from '../cluster/member-id.js';
import { CLUSTER_VERSION_UNDECIDED, ETCD_VERSION, KONTIKI_VERSION } from '../cluster/version.js';
import { type HttpHandler, onlyGet } from './answer.js';

/** What a member knows of versions besides its own; undefined: not yet. */
export interface Versions {
  clusterVersion(): string | undefined;
  storageVersion(): string | undefined;
}

/** `/version`: what tools ask before they choose their words. Our own version is a field more than etcd has. */
export function versionHandler(versions: Versions): HttpHandler {
  return onlyGet(() => ({
    status: 200,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      etcdserver: ETCD_VERSION,
      etcdcluster: versions.clusterVersion() ?? CLUSTER_VERSION_UNDECIDED,
      storage: versions.storageVersion() ?? 'unknown',
      kontiki: KONTIKI_VERSION,
    }),
  }));
}

/** `/downgrade/enabled`: whether the cluster is on its way to an older version. It cannot be: nothing here begins one. */
export function downgradeHandler(clusterId: bigint): HttpHandler {
  return onlyGet(() => ({
    status: 200,
    headers: { 'Content-Type': 'text/plain', 'X-Etcd-Cluster-ID': hexId(clusterId) },
    body: 'false',
  }));
}
