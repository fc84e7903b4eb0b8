import { errors } from '@kontiki/proto';
import { hexId } from '../cluster/member-id.js';
import type { Member } from '../cluster/members.js';
import { ServerError } from '../errors.js';
import { type HttpAnswer, type HttpHandler, textAnswer } from '../http/answer.js';
import { toRpcError } from '../rpc/errors.js';
import { membersJson } from './members.js';
import { textBetweenMembers } from './remote-text.js';

export interface PromotePorts {
  readonly clusterId: bigint;
  /** Gives a learner its vote, on the leader; resolves with all members. Rejects with the ServerError that forbids it. */
  promote(id: bigint): Promise<readonly Member[]>;
}

/** Where it is to be put among the routes. */
export const PROMOTE_PATH = '/members/promote/';

const LARGEST_ID = 2n ** 64n - 1n;

/** `/members/promote/<decimal id>`: another member was asked, and hands it on to the leader. */
export function promoteHandler(ports: PromotePorts): HttpHandler {
  const headers = { 'X-Etcd-Cluster-ID': hexId(ports.clusterId) };
  return async ({ method, path }): Promise<HttpAnswer> => {
    if (method !== 'POST') return textAnswer(405, 'Method Not Allowed', { Allow: 'POST' });
    const text = path.slice(PROMOTE_PATH.length);
    const id = /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
    if (id === undefined || id > LARGEST_ID) return textAnswer(404, `member ${text} not found in cluster`, headers);
    try {
      const members = await ports.promote(id);
      return { status: 200, headers: { ...headers, 'Content-Type': 'application/json' }, body: membersJson(members) };
    } catch (error) {
      return refusal(error, headers);
    }
  };
}

function refusal(error: unknown, headers: Readonly<Record<string, string>>): HttpAnswer {
  const condition = error instanceof ServerError ? error.condition : undefined;
  switch (condition) {
    case 'MemberNotFound':
      return textAnswer(404, textBetweenMembers(condition), headers);
    case 'MemberNotLearner':
    case 'LearnerNotReady':
      return textAnswer(412, textBetweenMembers(condition), headers);
    default: {
      const message = condition === undefined ? toRpcError(error).message : errors.rpcError(condition).message;
      return {
        status: 500,
        headers: { ...headers, 'Content-Type': 'application/json' },
        body: JSON.stringify({ message }),
      };
    }
  }
}
