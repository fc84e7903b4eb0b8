import type { NodeId } from '@kontiki/raft';
import { assert } from '@kontiki/std';
import type { LogMirror } from '../log-mirror.js';
import type { CommittedLog } from './committed-log.js';

/** Whoever is elected has everything that was committed before (§5.4, figure 3): looked at as soon as it leads. */
export class LeaderCompleteness {
  readonly name = 'leader completeness';
  readonly #committed: CommittedLog;

  constructor(committed: CommittedLog) {
    this.#committed = committed;
  }

  leads(id: NodeId, term: number, { written }: LogMirror): void {
    for (let index = this.#committed.last; index > written.base.index; index--) {
      const committed = this.#committed.at(index)!;
      // By this leader or a later one: who is elected late, of votes long given, need not have it.
      if (committed.knownIn >= term) continue;
      assert(
        written.termAt(index) === committed.term,
        `${id} leads term ${term} without entry ${index} of term ${committed.term}, committed in term ${committed.knownIn}`,
      );
    }
  }
}
