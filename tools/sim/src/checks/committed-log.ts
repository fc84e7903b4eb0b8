import type { Entry, NodeId } from '@kontiki/raft';
import { assert } from '@kontiki/std';
import { decodeCommand } from '../state.js';

/** What was first applied at an index. */
export interface Committed {
  readonly term: number;
  readonly digest: number;
  /** The term of whoever applied it first: it was committed in that one, or in one before. */
  readonly knownIn: number;
}

/**
 * The one history: what is applied first at an index is what everybody applies there (§5.4.3, figure 3), by the digest
 * of everything up to it; restarts and snapshots included. Knows therefore what every register held at every index.
 */
export class CommittedLog {
  readonly name = 'state machine safety';
  readonly #entries: Committed[] = [];
  /** For each key the commands that set it, by index. */
  readonly #writes: { readonly index: number; readonly id: bigint }[][] = [];
  readonly #ids: Map<bigint, number> = new Map();
  /** Highest index that was applied anywhere. */
  last = 0;

  /** @param currentTerm of the member; asked only for an entry nobody has applied */
  applied(id: NodeId, entry: Entry, digest: number, currentTerm: () => number): void {
    const { index, term, kind, data } = entry;
    const known = this.#entries[index];
    if (known !== undefined) {
      this.#compare(id, index, known, term, digest);
      return;
    }
    assert(index === this.last + 1, `${id} is the first to apply entry ${index}, yet nobody applied ${this.last + 1}`);
    this.#entries[index] = { term, digest, knownIn: currentTerm() };
    this.last = index;
    if (kind !== 'normal' || data.length === 0) return;
    const command = decodeCommand(data);
    const earlier = this.#ids.get(command.id);
    assert(earlier === undefined, `command ${command.id} is applied at ${index} and was at ${earlier}`);
    this.#ids.set(command.id, index);
    this.#writes[command.key] ??= [];
    this.#writes[command.key]!.push({ index, id: command.id });
  }

  /** A member goes on from a state, its own or its leader's. */
  loaded(id: NodeId, index: number, term: number, digest: number): void {
    if (index === 0) return;
    const known = this.#entries[index];
    assert(known !== undefined, `${id} has a state up to ${index}, which nobody reached by applying`);
    this.#compare(id, index, known, term, digest);
  }

  /** What a key held when everything up to `index` was applied. */
  valueAt(key: number, index: number): bigint {
    const writes = this.#writes[key] ?? [];
    for (let i = writes.length - 1; i >= 0; i--) if (writes[i]!.index <= index) return writes[i]!.id;
    return 0n;
  }

  indexOf(id: bigint): number | undefined {
    return this.#ids.get(id);
  }

  at(index: number): Committed | undefined {
    return this.#entries[index];
  }

  #compare(id: NodeId, index: number, known: Committed, term: number, digest: number): void {
    assert(known.term === term, `${id} applied entry ${index} of term ${term}, others of term ${known.term}`);
    assert(known.digest === digest, `${id} applied something else than others up to ${index}`);
  }
}
