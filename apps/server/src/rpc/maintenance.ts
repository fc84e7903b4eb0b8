import { rpc } from '@kontiki/proto';
import { ETCD_VERSION } from '../cluster/version.js';
import type { Node } from '../node/node.js';
import type { Sha256 } from '../storage/snapshots.js';
import { header } from './header.js';
import { type Service, service } from './service.js';

export interface MaintenanceOptions {
  /** The layout of this member's tables, "3.6.0". */
  readonly storageVersion: string;
  sha256(): Sha256;
}

/** How etcd cuts a snapshot. */
const PIECE_BYTES = 32 * 1024;

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

    async moveLeader({ targetID }) {
      await node.members.moveLeader(targetID);
      return { header: undefined };
    },

    /** A database file in pieces, then its SHA-256: what etcd's tools save and restore. */
    async snapshot(stream) {
      const file = await node.snapshots.export();
      const hash = options.sha256();
      const version = ETCD_VERSION;
      try {
        let remainingBytes = file.sizeBytes;
        const send = async (blob: Uint8Array): Promise<void> => {
          if (!stream.write({ header: undefined, remainingBytes, blob, version })) await stream.drained();
        };
        for await (const chunk of file.chunks) {
          hash.update(chunk);
          for (let at = 0; at < chunk.length && !stream.cancelled; at += PIECE_BYTES) {
            const piece = chunk.subarray(at, at + PIECE_BYTES);
            remainingBytes -= piece.length;
            await send(piece);
          }
          if (stream.cancelled) return;
        }
        await send(hash.digest());
      } finally {
        await file.release();
      }
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
