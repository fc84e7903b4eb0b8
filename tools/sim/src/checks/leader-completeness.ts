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
      const committed = this.#committed.termOf(index)!;
      // Of this term or a later one: this leader is not the one that committed it, or it is not elected just now.
      if (committed >= term) continue;
      assert(
        written.termAt(index) === committed,
        `${id} leads term ${term} without entry ${index} of term ${committed}, which was committed`,
      );
    }
  }
}
