import { assert } from '@kontiki/std';
import type { NodeId, Term } from '../../types.js';
import type { Invariant, MemberView } from './invariant.js';

/** At most one leader is elected in a term (§5.2, figure 3). */
export class ElectionSafety implements Invariant {
  readonly name = 'election safety';
  readonly #leaders: Map<Term, NodeId> = new Map();

  check(members: readonly MemberView[]): void {
    for (const { id, term, role } of members) {
      if (role !== 'leader') continue;
      const other = this.#leaders.get(term) ?? id;
      assert(other === id, `${other} and ${id} both lead in term ${term}`);
      this.#leaders.set(term, id);
    }
  }
}
