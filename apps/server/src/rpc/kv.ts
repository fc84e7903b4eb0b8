import { fromEtcd, MvccError } from '@kontiki/mvcc';
import { rpc } from '@kontiki/proto';
import type { Histogram } from '@kontiki/std';
import { costOfPut, costOfTxn } from '../apply/quota.js';
import { fromRangeResult, fromTxnResult, toRangeOptions, toTxn } from '../apply/txn-form.js';
import { ServerError } from '../errors.js';
import type { Node } from '../node/node.js';
import { header } from './header.js';
import { checkRoom } from './room.js';
import { type Service, service } from './service.js';
import { checkDelete, checkPut, checkRange, checkTxn } from './validate.js';

export interface KvOptions {
  /** The most compares, then-ops and else-ops each. */
  readonly maxTxnOps: number;
  /** Of reading a range, once it may be read; ranges of transactions are not among them. */
  rangeSeconds(success: boolean): Histogram;
}

export function kvService(node: Node, options: KvOptions): Service {
  return service(rpc.KVDefinition, {
    async range(request) {
      if (node.isLearner && !request.serializable) throw new ServerError('NotSupportedForLearner');
      checkRange(request);
      if (!request.serializable) await node.readBarrier();
      const startedMs = node.nowMs();
      let success = false;
      try {
        const result = await node.store.rangeInSlices(fromEtcd(request.key, request.rangeEnd), toRangeOptions(request));
        success = true;
        return { ...fromRangeResult(result), header: header(node, result.revision) };
      } finally {
        options.rangeSeconds(success).observe((node.nowMs() - startedMs) / 1000);
      }
    },

    async put(request) {
      checkRoom(node, costOfPut(request));
      checkPut(request);
      const reply = await node.put(request);
      return { ...reply, header: header(node, reply.header?.revision) };
    },

    async deleteRange(request) {
      checkDelete(request);
      const reply = await node.deleteRange(request);
      return { ...reply, header: header(node, reply.header?.revision) };
    },

    async txn(request) {
      checkRoom(node, costOfTxn(request));
      checkTxn(request, options.maxTxnOps);
      if (isReadOnly(request)) {
        if (!isSerializable(request)) await node.readBarrier();
        const reply = fromTxnResult(node.store.read(toTxn(request)));
        return { ...reply, header: header(node, reply.header?.revision) };
      }
      const reply = await node.txn(request);
      return { ...reply, header: header(node, reply.header?.revision) };
    },

    async compact(request) {
      try {
        const reply = await node.compact(request);
        if (request.physical) await reply.deleted;
        return { header: header(node, reply.header?.revision) };
      } catch (error) {
        // Somebody else compacted as far: whoever asked for `physical` still wants to hear when it is deleted.
        if (request.physical && error instanceof MvccError && error.code === 'COMPACTED') await node.store.compacted();
        throw error;
      }
    },
  });
}

/** Nothing but reads at the top level; a nested transaction goes through the log even if it only reads, as in etcd. */
function isReadOnly(txn: rpc.TxnRequest): boolean {
  return [...txn.success, ...txn.failure].every((op) => op.request?.$case === 'requestRange');
}

/** A transaction without any op counts as one whose reads may be stale: etcd's quirk. */
function isSerializable(txn: rpc.TxnRequest): boolean {
  return [...txn.success, ...txn.failure].every(
    (op) => op.request?.$case === 'requestRange' && op.request.value.serializable,
  );
}
