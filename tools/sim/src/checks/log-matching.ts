import type { Entry, NodeId, Persist } from '@kontiki/raft';
import { assert } from '@kontiki/std';
import type { LogMirror } from '../log-mirror.js';

interface Known {
  readonly kind: string;
  readonly data: Uint8Array;
  /** Term of the entry before; undefined: nobody has shown it. */
  previousTerm: number | undefined;
}

/**
 * Entries of the same index and term are the same, and so are those before them (§5.3, figure 3): held against every
 * entry any member ever wrote, and each against the one before it, which covers whole logs.
 */
export class LogMatching {
  readonly name = 'log matching';
  /** By index, then by term. */
  readonly #known: Map<number, Known>[] = [];

  /** After the batch went into the mirror. */
  wrote(id: NodeId, { entries }: Persist, { written }: LogMirror): void {
    for (const entry of entries) this.#see(id, entry, written.termAt(entry.index - 1));
  }

  #see(id: NodeId, { index, term, kind, data }: Entry, previousTerm: number | undefined): void {
    this.#known[index] ??= new Map();
    const byTerm = this.#known[index];
    const known = byTerm.get(term);
    if (known === undefined) {
      byTerm.set(term, { kind, data, previousTerm });
      return;
    }
    assert(
      known.kind === kind && (known.data === data || Buffer.compare(known.data, data) === 0),
      `entry ${index} of term ${term} is another one at ${id} than elsewhere`,
    );
    known.previousTerm ??= previousTerm;
    assert(
      previousTerm === undefined || previousTerm === known.previousTerm,
      `before entry ${index} of term ${term} stands term ${previousTerm} at ${id}, elsewhere ${known.previousTerm}`,
    );
  }
}
