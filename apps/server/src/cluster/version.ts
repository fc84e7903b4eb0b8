/**
 * The etcd version whose contract this server keeps. Clients switch features on by it (Kubernetes among them), so it
 * is what `Status`, `/version` and the version metric report.
 */
export const ETCD_VERSION = '3.6.14';

/** What the members of a cluster agree on: major and minor of the lowest member, as etcd writes it. */
export const CLUSTER_VERSION = '3.6.0';

/** The layout of the tables on disk, named as etcd 3.6 names its own. */
export const STORAGE_VERSION = '3.6.0';

/** Before the members have agreed. */
export const CLUSTER_VERSION_UNDECIDED = 'not_decided';

/** Kontiki's own version; kept equal to package.json by a test. */
export const KONTIKI_VERSION = '0.1.0';
