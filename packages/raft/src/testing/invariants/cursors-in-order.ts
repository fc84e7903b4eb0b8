import { assert } from '@kontiki/std';
import type { LogIndex, NodeId, Term } from '../../types.js';
import type { Invariant, MemberView } from './invariant.js';

/** applied ≤ committed ≤ last, applied ≤ durable ≤ last; while a member runs, term and committed never fall. */
export class CursorsInOrder implements Invariant {
  readonly name = 'cursors in order';
  readonly #before: Map<NodeId, { term: Term; commit: LogIndex; applied: LogIndex }> = new Map();

  check(members: readonly MemberView[]): void {
    const seen = new Set<NodeId>();
    for (const { id, term, commit, applied, durable, last, first } of members) {
      seen.add(id);
      const at = `${id}: applied ${applied}, committed ${commit}, durable ${durable}, log ${first} to ${last}`;
      assert(applied <= commit && commit <= last && applied <= durable && durable <= last, at);
      const before = this.#before.get(id);
      if (before !== undefined) {
        assert(
          term >= before.term && commit >= before.commit && applied >= before.applied,
          `${at} after ${JSON.stringify(before)}`,
        );
      }
      this.#before.set(id, { term, commit, applied });
    }
    // After a crash the commit index may be forgotten.
    for (const id of this.#before.keys()) if (!seen.has(id)) this.#before.delete(id);
  }
}
