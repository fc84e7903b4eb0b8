import type { NodeId } from '@kontiki/raft';
import { assert } from '@kontiki/std';

/** At most one leader is elected in a term (§5.2, figure 3), however often members restart. */
export class ElectionSafety {
  readonly name = 'election safety';
  readonly #leaders: Map<number, NodeId> = new Map();

  leads(id: NodeId, term: number): void {
    const other = this.#leaders.get(term) ?? id;
    assert(other === id, `${other} and ${id} both lead in term ${term}`);
    this.#leaders.set(term, id);
  }
}
