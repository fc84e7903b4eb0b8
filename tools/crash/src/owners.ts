import type { Attempt } from './evidence.js';
import { type Change, effects, printChange, type State, type Write } from './store.js';

/**
 * Who made each revision: the write that was acknowledged at it, else a write of unknown outcome that would have done
 * exactly this. A put has a value nobody else writes, so it is found by it; deletes and revokes are told apart by
 * their effect, and the one called first is taken, which leaves the most choice for later revisions.
 */
export class Owners {
  readonly #acked = new Map<number, Attempt[]>();
  readonly #byValue = new Map<string, Attempt>();
  readonly #valueless: Set<Attempt> = new Set();

  constructor(attempts: readonly Attempt[]) {
    for (const attempt of attempts) {
      const { outcome, write } = attempt;
      if (outcome.kind === 'acked' && outcome.changed === true) {
        this.#acked.set(outcome.revision, [...(this.#acked.get(outcome.revision) ?? []), attempt]);
      }
      if (outcome.kind === 'acked' && outcome.changed === undefined) this.#valueless.add(attempt);
      if (outcome.kind !== 'unknown') continue;
      const value = uniqueValueOf(write);
      if (value === undefined) this.#valueless.add(attempt);
      else this.#byValue.set(value, attempt);
    }
  }

  /** Every attempt the server acknowledged at that revision: at most one in a right history. */
  ackedAt(revision: number): readonly Attempt[] {
    return this.#acked.get(revision) ?? [];
  }

  /** The write that made this revision though nobody was told so; it may make no other. */
  takeUntold(changes: readonly Change[], state: State, revision: number): Attempt | undefined {
    const value = changes.find((change) => change.type === 'put')?.entry.value;
    const candidates = value === undefined ? this.#whoMayDelete(changes, state) : [this.#byValue.get(value)];
    const owner = candidates.find(
      (attempt) =>
        attempt !== undefined &&
        (attempt.outcome.kind === 'unknown' || revisionOf(attempt) === revision) &&
        sameChanges(effects(attempt.write, state, revision), changes),
    );
    if (owner === undefined) return undefined;
    this.#valueless.delete(owner);
    if (value !== undefined) this.#byValue.delete(value);
    return owner;
  }

  /** Writes without a value that may have deleted the first of these keys: a revocation names its lease. */
  #whoMayDelete(changes: readonly Change[], state: State): Attempt[] {
    const key = changes[0]?.key;
    const lease = key === undefined ? undefined : state.get(key)?.lease;
    return [...this.#valueless].filter(({ write }) => write.kind !== 'revoke' || write.lease === lease);
  }
}

export function sameChanges(a: readonly Change[], b: readonly Change[]): boolean {
  return a.length === b.length && a.every((change, i) => printChange(change) === printChange(b[i]!));
}

function revisionOf({ outcome }: Attempt): number | undefined {
  return outcome.kind === 'acked' ? outcome.revision : undefined;
}

function uniqueValueOf(write: Write): string | undefined {
  if (write.kind === 'put') return write.value;
  return write.kind === 'txn' ? write.puts[0]?.value : undefined;
}
