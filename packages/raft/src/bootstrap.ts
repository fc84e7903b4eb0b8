import { encodeChange } from './membership/codec.js';
import { toConfState } from './membership/configuration.js';
import { fromConfState } from './membership/restore.js';
import type { ConfState, Entry, HardState, NodeId } from './types.js';

/** What the first members of a cluster write to their disks before they start. */
export interface Bootstrap {
  readonly hardState: HardState;
  readonly entries: readonly Entry[];
  /** For the start of these members; whoever joins later starts with nobody: `{ voters: [], learners: [] }`. */
  readonly confState: ConfState;
}

/**
 * A log that begins with its members: a committed `change` entry for each, in term 1. A member that joins later learns
 * from it who was there first. Every first member must write the same: same order, same contexts.
 *
 * @param members by the order in which they are to be added; `context` is the application's (an address, say)
 */
export function bootstrap(members: readonly { readonly id: NodeId; readonly context?: Uint8Array }[]): Bootstrap {
  const entries = members.map(({ id, context = new Uint8Array(0) }, i): Entry => {
    const step = { action: 'addVoter', node: id } as const;
    return { index: i + 1, term: 1, kind: 'change', data: encodeChange({ kind: 'change', id: 0n, step, context }) };
  });
  return {
    hardState: { term: 1, vote: 0n, commit: entries.length },
    entries,
    confState: toConfState(fromConfState({ voters: members.map(({ id }) => id), learners: [] })),
  };
}
