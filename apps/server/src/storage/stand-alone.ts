import { type ConfState, decodeChange, type Entry, encodeChange, NOBODY, stepsOf } from '@kontiki/raft';
import { encodeMemberChange } from '../cluster/member-change.js';
import type { MemberChange } from '../cluster/members.js';
import { DataDirError } from './data-dir.js';
import type { RaftLog, RecoveredRaftLog } from './raft-log.js';

/**
 * Makes this member a cluster of its own, for when the others are lost for good (`--force-new-cluster`): entries
 * that remove everybody else are written to the log, and all of it counts as committed. Whatever this member has is
 * kept, so that nothing that was acknowledged and reached it is lost (etcd drops what it does not know to be
 * committed); whatever only the others had is gone.
 *
 * @param confState who is a member as of `applied`
 * @returns the log as it is then
 * @throws DataDirError when this member is none
 */
export async function standAlone(
  log: RecoveredRaftLog,
  writer: RaftLog,
  confState: ConfState,
  applied: number,
): Promise<RecoveredRaftLog> {
  const self = log.metadata.nodeId;
  const term = log.hardState?.term ?? 0;
  const last = log.entries.at(-1)?.index ?? log.snapshot?.index ?? 0;
  const { voters, everybody } = membersAfter(confState, log.entries, applied);
  if (!everybody.has(self)) {
    throw new DataDirError('--force-new-cluster: this member is not in the cluster its own data describes');
  }
  const changes: MemberChange[] = [...everybody]
    .filter((id) => id !== self)
    .sort((a, b) => (a < b ? -1 : 1))
    .map((id) => ({ kind: 'remove', id }));
  // Promoted first: without a voter nobody could be removed.
  if (!voters.has(self)) changes.unshift({ kind: 'promote', id: self });
  if (changes.length === 0) return log;
  const added = changes.map(
    (change, i): Entry => ({
      index: last + 1 + i,
      term,
      kind: 'change',
      data: encodeChange(encodeMemberChange(0n, change)),
    }),
  );
  const hardState = { term, vote: NOBODY, commit: last + added.length };
  await writer.append({ entries: added, hardState, mustSync: true });
  return { ...log, entries: [...log.entries, ...added], hardState };
}

function membersAfter(
  { voters: first, learners, votersOutgoing = [] }: ConfState,
  entries: readonly Entry[],
  applied: number,
): { readonly voters: ReadonlySet<bigint>; readonly everybody: ReadonlySet<bigint> } {
  const voters = new Set(first);
  const everybody = new Set([...first, ...learners, ...votersOutgoing]);
  for (const entry of entries) {
    if (entry.kind === 'normal' || entry.index <= applied) continue;
    for (const { action, node } of stepsOf(decodeChange(entry))) {
      if (action === 'remove') everybody.delete(node);
      else if (action !== 'update') everybody.add(node);
      if (action === 'addVoter') voters.add(node);
      else if (action !== 'update') voters.delete(node);
    }
  }
  return { voters, everybody };
}
