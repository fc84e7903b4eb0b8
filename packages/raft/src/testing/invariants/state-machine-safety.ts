import { assert } from '@kontiki/std';
import type { LogIndex } from '../../types.js';
import type { Invariant, MemberView } from './invariant.js';

/** Members that have applied up to the same index are in the same state (§5.4.3, figure 3). */
export class StateMachineSafety implements Invariant {
  readonly name = 'state machine safety';
  readonly #digests: Map<LogIndex, number> = new Map();

  check(members: readonly MemberView[]): void {
    for (const { id, applied, digest } of members) this.see(id, applied, digest);
  }

  /** For those who can look after every single entry. */
  see(id: bigint, applied: LogIndex, digest: number): void {
    const other = this.#digests.get(applied) ?? digest;
    assert(other === digest, `${id} applied something else than others up to ${applied}`);
    this.#digests.set(applied, digest);
  }
}
