/** What one member says its history is. */
export interface HashVote {
  readonly id: bigint;
  readonly hash: number;
  /** What was compacted when it was computed: hashes compare only where this is equal. */
  readonly compactRevision: number;
}

export interface Verdict {
  /** Members whose hash could be compared with ours, this one not counted. */
  readonly compared: number;
  /** There is more than one history. */
  readonly differ: boolean;
  /**
   * Whose data is wrong: everybody outside the majority that agrees; 0 alone when no majority does, for then nobody
   * knows. Ascending; empty when nothing differs.
   */
  readonly corrupt: readonly bigint[];
}

/** Stands for the whole cluster where no single member can be blamed. */
export const WHOLE_CLUSTER = 0n;

/**
 * Compares hashes of one revision.
 *
 * @param own     ours
 * @param others  those of the members that answered
 * @param members how many members there are, silent ones and this one included: a majority is one of all of them
 */
export function compareHashes(own: HashVote, others: readonly HashVote[], members: number): Verdict {
  const comparable = others.filter((vote) => vote.compactRevision === own.compactRevision);
  const holders = new Map<number, bigint[]>([[own.hash, [own.id]]]);
  for (const { hash, id } of comparable) holders.set(hash, [...(holders.get(hash) ?? []), id]);
  if (holders.size === 1) return { compared: comparable.length, differ: false, corrupt: [] };
  const majority = Math.floor(members / 2) + 1;
  const right = [...holders].find(([, ids]) => ids.length >= majority)?.[0];
  const corrupt =
    right === undefined
      ? [WHOLE_CLUSTER]
      : [...holders].flatMap(([hash, ids]) => (hash === right ? [] : ids)).sort((a, b) => (a < b ? -1 : 1));
  return { compared: comparable.length, differ: true, corrupt };
}
