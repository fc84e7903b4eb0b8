import type { Entry, Message, NodeId, Persist, RecoveredLog, Role } from '@kontiki/raft';
import type { LogMirror } from '../log-mirror.js';
import type { State } from '../state.js';
import { CommittedLog } from './committed-log.js';
import { DurableBeforeVisible } from './durable-before-visible.js';
import { ElectionSafety } from './election-safety.js';
import { LeaderCompleteness } from './leader-completeness.js';
import { LinearizableCalls } from './linearizable-calls.js';
import { LogMatching } from './log-matching.js';
import { OneVotePerTerm } from './one-vote-per-term.js';
import { type Observed, WholeLogs } from './whole-logs.js';

/** A property that does not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly property: string;

  constructor(property: string, options: ErrorOptions) {
    const { cause } = options;
    super(`${property}: ${cause instanceof Error ? cause.message : String(cause)}`, options);
    this.property = property;
  }
}

/**
 * Everything that must hold, told of every step. A step that breaks a property is reported once, to `onViolation`, and
 * goes on: the world ends the run.
 */
export class Checks {
  readonly committed: CommittedLog = new CommittedLog();
  readonly calls: LinearizableCalls = new LinearizableCalls(this.committed);
  readonly #election = new ElectionSafety();
  readonly #votes = new OneVotePerTerm();
  readonly #durable = new DurableBeforeVisible();
  readonly #matching = new LogMatching();
  readonly #completeness = new LeaderCompleteness(this.committed);
  readonly #wholeLogs = new WholeLogs();
  readonly #onViolation: (violation: Violation) => void;
  readonly #only: ReadonlySet<string> | undefined;

  /** @param only names of properties: others may break unreported. Absent: all count. */
  constructor(onViolation: (violation: Violation) => void, only?: readonly string[]) {
    this.#onViolation = onViolation;
    this.#only = only && new Set(only);
  }

  sent(message: Message, mirror: LogMirror): void {
    this.guard(this.#votes.name, () => this.#votes.sent(message, mirror));
    this.guard(this.#durable.name, () => this.#durable.sent(message, mirror));
  }

  wrote(id: NodeId, batch: Persist, mirror: LogMirror): void {
    this.guard(this.#matching.name, () => this.#matching.wrote(id, batch, mirror));
  }

  recovered(log: RecoveredLog, mirror: LogMirror): void {
    this.guard('what is durable is found again', () => mirror.recovered(log));
  }

  became(id: NodeId, term: number, role: Role, mirror: LogMirror): void {
    if (role !== 'leader') return;
    this.guard(this.#election.name, () => this.#election.leads(id, term));
    this.guard(this.#completeness.name, () => this.#completeness.leads(id, term, mirror));
  }

  applied(id: NodeId, entry: Entry, digest: number, mirror: LogMirror, currentTerm: () => number): void {
    this.guard(this.#durable.name, () => this.#durable.applied(id, entry, mirror));
    this.guard(this.committed.name, () => this.committed.applied(id, entry, digest, currentTerm));
  }

  loaded(id: NodeId, { index, term, digest }: State): void {
    this.guard(this.committed.name, () => this.committed.loaded(id, index, term, digest));
  }

  /** Everybody who runs. */
  observed(members: readonly Observed[]): void {
    this.guard('whole logs', () => this.#wholeLogs.check(members));
  }

  /** Reports what `check` throws. */
  guard(property: string, check: () => void): void {
    try {
      check();
    } catch (cause) {
      if (this.#only?.has(property) === false) return;
      this.#onViolation(new Violation(property, { cause }));
    }
  }
}
