import { rpc } from '@kontiki/proto';
import type { Counter } from '@kontiki/std';
import { costOfLease } from '../apply/quota.js';
import { GONE } from '../node/leases.js';
import type { Node } from '../node/node.js';
import { header } from './header.js';
import { checkRoom } from './room.js';
import { type Service, service } from './service.js';

/** The TTL that tells a client that asked what is left: there is no such lease. */
const NOT_FOUND = -1;

export interface LeaseServiceOptions {
  /** Leases renewed. */
  readonly renewed: Counter;
}

export function leaseService(node: Node, options: LeaseServiceOptions): Service {
  return service(rpc.LeaseDefinition, {
    async leaseGrant(request) {
      checkRoom(node, costOfLease());
      const reply = await node.leaseGrant(request.ID === 0n ? { ...request, ID: unusedId(node) } : request);
      return { ...reply, header: header(node, reply.header?.revision) };
    },

    async leaseRevoke(request) {
      const reply = await node.leaseRevoke(request);
      return { header: header(node, reply.header?.revision) };
    },

    /** One after another: an answer that waits for a revoke holds back those behind it, as in etcd. */
    async leaseKeepAlive(stream) {
      const abandoned = new AbortController();
      stream.onCancel(() => abandoned.abort());
      for await (const { ID } of stream.requests) {
        // The header is taken first: its revision is not above that of the renewal.
        const response = { header: header(node), ID, TTL: 0 };
        response.TTL = await node.renewals.renew(ID, abandoned.signal);
        if (response.TTL !== GONE) options.renewed.add();
        if (!stream.write(response)) await stream.drained();
      }
    },

    async leaseTimeToLive({ ID, keys }) {
      const left = await node.renewals.timeToLive(ID, keys);
      if (left === undefined) return { header: header(node), ID, TTL: NOT_FOUND, grantedTTL: 0, keys: [] };
      return {
        header: header(node),
        ID,
        TTL: left.ttlSeconds,
        grantedTTL: left.grantedSeconds,
        keys: [...left.keys],
      };
    },

    leaseLeases() {
      return { header: header(node), leases: node.leases.list(node.nowMs()).map(({ id }) => ({ ID: id })) };
    },
  });
}

function unusedId(node: Node): bigint {
  for (;;) {
    const id = node.nextLeaseId();
    if (id !== 0n && !node.leases.has(id)) return id;
  }
}
