import { fromEtcd, MvccError } from '@kontiki/mvcc';
import { encodeRangeResponse, rpc } from '@kontiki/proto';
import { assert, type Histogram } from '@kontiki/std';
import type { Reply } from '../apply/handlers.js';
import { costOfPut, costOfTxn } from '../apply/quota.js';
import { fromTxnResult, toRangeOptions, toTxn } from '../apply/txn-form.js';
import { ServerError } from '../errors.js';
import type { Node } from '../node/node.js';
import { HeaderField, header } from './header.js';
import { checkRoom } from './room.js';
import { type Call, Encoded, type Service, service } from './service.js';
import { checkDelete, checkPut, checkRange, checkTxn } from './validate.js';

export interface KvOptions {
  /** The most compares, then-ops and else-ops each. */
  readonly maxTxnOps: number;
  /** Of reading a range, once it may be read; ranges of transactions are not among them. */
  rangeSeconds(success: boolean): Histogram;
}

export function kvService(node: Node, options: KvOptions): Service {
  const headers = new HeaderField(node);
  return service(rpc.KVDefinition, {
    async range(request) {
      if (node.isLearner && !request.serializable) throw new ServerError('NotSupportedForLearner');
      checkRange(request);
      if (!request.serializable) await node.readBarrier();
      const startedMs = node.nowMs();
      let success = false;
      try {
        const range = fromEtcd(request.key, request.rangeEnd);
        const result = await node.store.rangeEncodedInSlices(range, toRangeOptions(request));
        success = true;
        const { kvs, more, count, revision } = result;
        return new Encoded([headers.encode(revision), encodeRangeResponse({ header: undefined, kvs, more, count })]);
      } finally {
        options.rangeSeconds(success).observe((node.nowMs() - startedMs) / 1000);
      }
    },

    put(request, call) {
      checkRoom(node, costOfPut(request));
      checkPut(request);
      return node.operate('put', bytesOf(call)).then((reply) => {
        if (reply.prevKv !== undefined) return complete(node, reply);
        return new Encoded([headers.encode(reply.header?.revision)]);
      });
    },

    deleteRange(request, call) {
      checkDelete(request);
      return node.operate('deleteRange', bytesOf(call)).then((reply) => complete(node, reply));
    },

    async txn(request, call) {
      checkRoom(node, costOfTxn(request));
      checkTxn(request, options.maxTxnOps);
      if (!isReadOnly(request)) return complete(node, await node.operate('txn', bytesOf(call)));
      if (!isSerializable(request)) await node.readBarrier();
      return complete(node, fromTxnResult(node.store.read(toTxn(request))));
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

/** The reply with its header filled in. */
function complete<R extends Reply>(node: Node, reply: R): R & { readonly header: rpc.ResponseHeader } {
  return { ...reply, header: header(node, reply.header?.revision) };
}

function bytesOf({ message }: Call): Uint8Array {
  assert(message !== undefined, 'a unary call has its message');
  return message;
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
