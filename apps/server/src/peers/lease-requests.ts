import { LeaseError } from '@kontiki/lease';
import { lease, rpc } from '@kontiki/proto';
import { ServerError } from '../errors.js';
import {
  type HttpAnswer,
  type HttpHandler,
  type HttpRequest,
  type Routes,
  readingBody,
  textAnswer,
} from '../http/answer.js';
import { toRpcError } from '../rpc/errors.js';

/** What members ask the leader about leases: only it knows what they have left. */
export interface LeasePorts {
  /**
   * Renews a lease; resolves with its TTL in seconds, 0 when there is no such lease, or none any more.
   * Must reject ServerError TimeoutWaitAppliedIndex when this member has not applied what is committed, and LeaseError
   * NOT_PRIMARY when it does not lead.
   */
  renew(id: bigint, signal: AbortSignal): Promise<number>;
  /** Resolves with undefined when there is no such lease. Must reject as `renew` does. */
  timeToLive(id: bigint, keys: boolean): Promise<RemainingLease | undefined>;
}

export type RemainingLease = Pick<rpc.LeaseTimeToLiveResponse, 'TTL' | 'grantedTTL' | 'keys'>;

const NO_HEADER: rpc.ResponseHeader = { clusterId: 0n, memberId: 0n, revision: 0, raftTerm: 0 };

/** `/leases` renews, `/leases/internal` tells what is left: protobuf in, protobuf out. */
export function leaseHandlers(ports: LeasePorts): Routes {
  return new Map<string, HttpHandler>([
    [
      '/leases',
      asked(rpc.LeaseKeepAliveRequest, async ({ ID }, signal) => {
        const TTL = await ports.renew(ID, signal);
        return TTL === 0 ? undefined : rpc.LeaseKeepAliveResponse.encode({ header: undefined, ID, TTL }).finish();
      }),
    ],
    [
      '/leases/internal',
      asked(lease.LeaseInternalRequest, async ({ LeaseTimeToLiveRequest: wanted }) => {
        const { ID, keys } = wanted ?? { ID: 0n, keys: false };
        const left = await ports.timeToLive(ID, keys);
        if (left === undefined) return undefined;
        const LeaseTimeToLiveResponse = { header: NO_HEADER, ID, ...left };
        return lease.LeaseInternalResponse.encode({ LeaseTimeToLiveResponse }).finish();
      }),
    ],
  ]);
}

/** @param answer resolves with the message's bytes; undefined: no such lease */
function asked<T>(
  type: { decode(bytes: Uint8Array): T },
  answer: (request: T, signal: AbortSignal) => Promise<Uint8Array | undefined>,
): HttpHandler {
  return readingBody(async ({ method, body, signal }: HttpRequest): Promise<HttpAnswer> => {
    if (method !== 'POST') return textAnswer(405, 'Method Not Allowed');
    let request: T;
    try {
      request = type.decode(body);
    } catch {
      // Why does not matter to whoever sent it.
      return textAnswer(400, 'error unmarshalling request');
    }
    try {
      const bytes = await answer(request, signal);
      if (bytes === undefined) return textAnswer(404, 'lease not found');
      return { status: 200, headers: { 'Content-Type': 'application/protobuf' }, body: bytes };
    } catch (error) {
      if (error instanceof LeaseError && error.code === 'NOT_FOUND') return textAnswer(404, 'lease not found');
      if (error instanceof ServerError && error.condition === 'TimeoutWaitAppliedIndex') {
        return textAnswer(408, 'apply waiting timeout');
      }
      return textAnswer(400, toRpcError(error).message);
    }
  });
}
