import { assert } from '@kontiki/std';
import type { LogIndex, Term } from '../../types.js';
import type { Invariant, MemberView } from './invariant.js';

/** Once some member knows an entry committed, no member ever knows another one committed in its place (§5.3, §5.4). */
export class CommittedIsFinal implements Invariant {
  readonly name = 'committed is final';
  readonly #terms: Map<LogIndex, Term> = new Map();

  check(members: readonly MemberView[]): void {
    for (const member of members) {
      for (let index = member.first; index <= member.commit; index++) {
        const term = member.termAt(index);
        if (term === undefined) continue;
        const before = this.#terms.get(index) ?? term;
        assert(before === term, `entry ${index} was committed with term ${before}, at ${member.id} with term ${term}`);
        this.#terms.set(index, term);
      }
    }
  }
}
