import { rpc } from '@kontiki/proto';
import { ETCD_VERSION } from '../cluster/version.js';
import { ServerError } from '../errors.js';
import type { Node } from '../node/node.js';
import { header } from './header.js';
import { type Service, service } from './service.js';

export interface MaintenanceOptions {
  /** The layout of this member's tables, "3.6.0". */
  readonly storageVersion: string;
}

export function maintenanceService(node: Node, options: MaintenanceOptions): Service {
  return service(rpc.MaintenanceDefinition, {
    async alarm(request) {
      const reply = await node.alarm(request);
      return { ...reply, header: header(node, reply.header?.revision) };
    },

    status() {
      const raft = node.raft();
      return {
        header: header(node),
        version: ETCD_VERSION,
        dbSize: node.database.sizeBytes(),
        leader: raft.leader,
        raftIndex: raft.commit,
        raftTerm: raft.term,
        raftAppliedIndex: raft.applied,
        errors: statusErrors(node),
        dbSizeInUse: node.database.sizeInUseBytes(),
        isLearner: node.isLearner,
        storageVersion: options.storageVersion,
        dbSizeQuota: node.quota.limitBytes ?? 0,
        downgradeInfo: { enabled: false, targetVersion: '' },
      };
    },

    async defragment() {
      await node.database.defragment();
      return { header: undefined };
    },

    /** A leader of nobody else may keep what it has. */
    moveLeader({ targetID }) {
      if (!node.isLeader) throw new ServerError('NotLeader');
      const target = node.membership.member(targetID);
      if (target === undefined || target.isLearner) throw new ServerError('BadLeaderTransferee');
      return { header: undefined };
    },

    async hash() {
      return { header: header(node), hash: await node.database.hash() };
    },

    async hashKV(request) {
      const { hash, compactRevision, hashRevision } = await node.store.hash(request.revision);
      return { header: header(node), hash, compactRevision, hashRevision };
    },
  });
}

/** As etcd writes them: its error's text, then each alarm in protobuf's text form. */
function statusErrors(node: Node): string[] {
  const errors = node.hasLeader ? [] : ['etcdserver: no leader'];
  for (const { memberID, alarm } of node.alarms.list(0)) {
    const kind = Object.entries(rpc.AlarmType).find(([, value]) => value === alarm)?.[0] ?? String(alarm);
    // A member of id 0 is left out, as zero fields are in that form.
    errors.push(`${memberID === 0n ? '' : `memberID:${memberID} `}alarm:${kind} `);
  }
  return errors;
}
