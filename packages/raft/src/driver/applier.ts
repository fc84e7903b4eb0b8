import { RaftError } from '../errors.js';
import { decodeChange } from '../membership/codec.js';
import type { RawNode } from '../raw-node.js';
import type { Entry } from '../types.js';
import type { StateMachine } from './ports.js';
import type { Proposals } from './proposals.js';

/** Hands committed entries to the state machine, and what they came to to whoever waits for it. */
export class Applier<Outcome> {
  readonly #node: RawNode;
  readonly #stateMachine: StateMachine<Outcome>;
  readonly #proposals: Proposals<Outcome>;

  constructor(node: RawNode, stateMachine: StateMachine<Outcome>, proposals: Proposals<Outcome>) {
    this.#node = node;
    this.#stateMachine = stateMachine;
    this.#proposals = proposals;
  }

  /** Runs of normal entries go at once, membership changes one by one, in their place. Throws RaftError APPLY_FAILED. */
  apply(entries: readonly Entry[]): void {
    for (let at = 0; at < entries.length; ) {
      const entry = entries[at]!;
      let end = at + 1;
      try {
        if (entry.kind === 'normal') {
          while (end < entries.length && entries[end]!.kind === 'normal') end++;
          this.#applyNormal(end - at === entries.length ? entries : entries.slice(at, end));
        } else {
          this.#applyChange(entry);
        }
      } catch (error) {
        throw new RaftError('APPLY_FAILED', `applying failed at or after entry ${entry.index}`, { cause: error });
      }
      at = end;
    }
  }

  #applyNormal(entries: readonly Entry[]): void {
    for (const { id, outcome } of this.#stateMachine.apply(entries)) {
      if (id !== undefined) this.#proposals.settle(id, outcome);
    }
  }

  #applyChange(entry: Entry): void {
    const change = decodeChange(entry);
    const admitted = this.#stateMachine.admits?.(change) ?? true;
    const { confState, effective } = admitted
      ? this.#node.applyChange(change)
      : { confState: this.#node.confState, effective: false };
    const applied = this.#stateMachine.applyChange?.(entry, change, confState, effective);
    if (applied?.id !== undefined) this.#proposals.settle(applied.id, applied.outcome);
  }
}
