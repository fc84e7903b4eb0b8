import { type FlagTable, flag } from '../flag.js';
import type { EndpointUrl } from '../urls.js';
import * as type from '../value-types.js';

export interface ClusteringFlags {
  readonly 'initial-advertise-peer-urls': readonly EndpointUrl[];
  readonly 'initial-cluster': string;
  readonly 'initial-cluster-state': 'new' | 'existing';
  readonly 'initial-cluster-token': string;
  readonly 'advertise-client-urls': readonly EndpointUrl[];
  readonly 'pre-vote': boolean;
  readonly 'auto-compaction-retention': string;
  readonly 'auto-compaction-mode': 'periodic' | 'revision';
  readonly 'strict-reconfig-check': boolean;
  readonly 'max-learners': number;
  readonly 'force-new-cluster': boolean;
  readonly 'v2-deprecation': string;
}

export const clusteringFlags: FlagTable<ClusteringFlags> = {
  'initial-advertise-peer-urls': flag(
    'Clustering',
    type.urls,
    'http://localhost:2380',
    '3.4',
    'Where other members reach this one; part of its identity when the cluster is made',
  ),
  'initial-cluster': flag(
    'Clustering',
    type.text,
    '',
    '3.4',
    'Members of the cluster as name=url pairs, this one among them; a name comes once for each of its URLs. Empty: this member alone',
  ),
  'initial-cluster-state': flag(
    'Clustering',
    type.choice('new', 'existing'),
    'new',
    '3.4',
    'Whether a member without data makes a cluster with the others or joins one that has added it; without effect on a restart',
  ),
  'initial-cluster-token': flag(
    'Clustering',
    type.text,
    'etcd-cluster',
    '3.4',
    'Tells clusters with the same members apart; part of the identity of cluster and member',
  ),
  'advertise-client-urls': flag(
    'Clustering',
    type.urls,
    'http://localhost:2379',
    '3.4',
    'Where clients reach this member; required when --listen-client-urls is set',
  ),
  'pre-vote': flag(
    'Clustering',
    type.boolean,
    'true',
    '3.4',
    'Ask whether an election could be won before starting it',
  ),
  'auto-compaction-retention': flag(
    'Clustering',
    type.text,
    '0',
    '3.4',
    'History kept when compacting by itself: hours or a duration in periodic mode, a number of revisions in revision mode; 0 turns it off',
  ),
  'auto-compaction-mode': flag(
    'Clustering',
    type.choice('periodic', 'revision'),
    'periodic',
    '3.4',
    'What --auto-compaction-retention counts',
  ),
  'strict-reconfig-check': flag(
    'Clustering',
    type.boolean,
    'true',
    '3.4',
    'Refuse changes of the membership that could cost the cluster its quorum',
  ),
  'max-learners': flag(
    'Clustering',
    type.integer(0),
    '1',
    '3.6',
    'Members without a vote a cluster may have; should be the same on all members',
  ),
  'force-new-cluster': flag(
    'Unsafe',
    type.boolean,
    'false',
    '3.4',
    'Start from the data that is here as a cluster of this member alone, forgetting all others. For when a majority is lost for good',
  ),
  'v2-deprecation': flag(
    'Clustering',
    type.choice('not-yet', 'write-only', 'write-only-skip-check', 'write-only-drop-data', 'gone'),
    'write-only',
    '3.5',
    'Without effect, as in etcd 3.6: there is no v2 store',
  ),
};
