import { assert } from '@kontiki/std';
import type { LogIndex, Term } from '../../types.js';
import type { Invariant, MemberView } from './invariant.js';

/** What was committed in a term is in the log of every leader of later terms (§5.4, figure 3). */
export class LeaderCompleteness implements Invariant {
  readonly name = 'leader completeness';
  /** Committed entries: their own term, and the first term in which somebody knew them committed. */
  readonly #committed: { readonly index: LogIndex; readonly term: Term; readonly knownIn: Term }[] = [];

  check(members: readonly MemberView[]): void {
    for (const member of members) {
      for (let index = this.#committed.length + 1; index <= member.commit; index++) {
        const term = member.termAt(index);
        // Behind a snapshot: another member showed it when it was committed, or nobody can tell any more.
        if (term === undefined) return;
        this.#committed.push({ index, term, knownIn: member.term });
      }
    }
    for (const leader of members) {
      if (leader.role !== 'leader') continue;
      for (const { index, term, knownIn } of this.#committed) {
        if (knownIn >= leader.term || index < leader.first) continue;
        assert(
          leader.termAt(index) === term,
          `${leader.id} leads term ${leader.term} without entry ${index} (term ${term}), committed in term ${knownIn}`,
        );
      }
    }
  }
}
