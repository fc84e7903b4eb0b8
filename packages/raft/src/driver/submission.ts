import { RaftError } from '../errors.js';
import type { MembershipChange } from '../membership/change.js';
import type { Proposed, RawNode } from '../raw-node.js';
import type { Proposal, Proposals } from './proposals.js';

/**
 * Everything queued goes to the node, proposals in a row as one batch; what no leader takes now stays queued, what
 * can never be taken fails.
 */
export function submitQueued<Outcome>(node: RawNode, proposals: Proposals<Outcome>): void {
  const queue = withoutDeposed(node, proposals, proposals.takeQueue());
  for (let at = 0; at < queue.length; ) {
    const { accepted, refused } = submitFrom(node, proposals, queue, at);
    for (const end = at + accepted; at < end; at++) queue[at]!.submitted = true;
    if (refused === 'removed') {
      const error = new RaftError('PROPOSAL_DROPPED', 'this member leads but was removed');
      for (; at < queue.length; at++) proposals.fail(queue[at]!, error);
    } else if (refused !== undefined) {
      proposals.putBack(queue.slice(at));
      return;
    }
  }
}

/** What was meant for the leader of one term, this member, must not reach another leader or another term. */
function withoutDeposed<Outcome>(
  node: RawNode,
  proposals: Proposals<Outcome>,
  queue: Proposal<Outcome>[],
): Proposal<Outcome>[] {
  if (!queue.some(({ term }) => term !== undefined)) return queue;
  const { role, term: now } = node.status();
  return queue.filter((proposal) => {
    const { term } = proposal;
    if (term === undefined || (role === 'leader' && term === now)) return true;
    proposals.fail(proposal, new RaftError('LEADER_CHANGED', `this member does not lead in term ${term}`));
    return false;
  });
}

/** A change by itself, or as many proposals as come in a row. */
function submitFrom<Outcome>(
  node: RawNode,
  proposals: Proposals<Outcome>,
  queue: readonly Proposal<Outcome>[],
  at: number,
): Proposed {
  const first = queue[at]!;
  if (!(first.content instanceof Uint8Array)) return submitChange(node, proposals, first, first.content);
  const data: Uint8Array[] = [];
  for (let next = at; next < queue.length; next++) {
    const { content } = queue[next]!;
    if (!(content instanceof Uint8Array)) break;
    data.push(content);
  }
  return node.propose(data);
}

function submitChange<Outcome>(
  node: RawNode,
  proposals: Proposals<Outcome>,
  proposal: Proposal<Outcome>,
  change: MembershipChange,
): Proposed {
  try {
    return node.proposeChange(change);
  } catch (error) {
    if (!(error instanceof RaftError)) throw error;
    proposals.fail(proposal, error);
    return { accepted: 1 };
  }
}
