import type { Attempt, Evidence, Read, Snapshot, Violation } from './evidence.js';
import { Owners, sameChanges } from './owners.js';
import { apply, type Change, type Entry, effects, printChange, printEntry, printWrite, type State } from './store.js';

/**
 * Replays the history the server tells and holds every answer against it: strict serializability by the revisions the
 * answers carry. Each revision has exactly one owner; each answer must be what the state at its revision makes it;
 * what returned before something else was called comes before it.
 */
export function checkHistory(evidence: Evidence): Violation[] {
  const replay = new Replay(evidence);
  return replay.run();
}

class Replay {
  readonly #evidence: Evidence;
  readonly #owners: Owners;
  readonly #state: State;
  readonly #violations: Violation[] = [];
  readonly #reads: Map<number, Read[]>;
  readonly #snapshots: Map<number, Snapshot[]>;
  readonly #idle: Map<number, Attempt[]>;
  /** The latest call among the owners of the revisions so far. */
  #latestCall = Number.NEGATIVE_INFINITY;

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
    this.#owners = new Owners(evidence.attempts);
    this.#state = new Map(evidence.base?.entries ?? []);
    this.#reads = byRevision([...evidence.reads, ...(evidence.serializable ?? [])], ({ revision }) => revision);
    this.#snapshots = byRevision(evidence.snapshots, ({ revision }) => revision);
    const idle = evidence.attempts.filter(({ outcome }) => outcome.kind === 'acked' && outcome.changed !== true);
    this.#idle = byRevision(idle, ({ outcome }) => (outcome.kind === 'acked' ? outcome.revision : 0));
  }

  run(): Violation[] {
    const begin = this.#evidence.base?.revision ?? 1;
    this.#answersAt(begin);
    let expected = begin + 1;
    for (const { revision, changes } of this.#evidence.log) {
      for (; expected < revision; expected++) this.#violation('gap', `nothing happened at revision ${expected}`);
      if (revision < expected) this.#violation('order', `revision ${revision} is told twice or too late`);
      expected = Math.max(expected, revision + 1);
      this.#commit(revision, changes);
      this.#answersAt(revision);
    }
    this.#beyond(expected - 1);
    this.#realTimeOfReads();
    return this.#violations;
  }

  #commit(revision: number, changes: readonly Change[]): void {
    const acked = this.#owners.ackedAt(revision);
    if (acked.length > 1) {
      this.#violation(
        'one owner',
        `revision ${revision} was given to ${acked.map(({ write }) => printWrite(write)).join(' and to ')}`,
      );
    }
    const owner = acked[0] ?? this.#owners.takeUntold(changes, this.#state, revision);
    if (owner === undefined) {
      this.#violation('no owner', `nobody asked for revision ${revision}: ${changes.map(printChange).join(', ')}`);
    } else {
      const expected = effects(owner.write, this.#state, revision);
      if (!sameChanges(expected, changes)) {
        this.#violation(
          'acknowledged',
          `revision ${revision} was acknowledged as ${printWrite(owner.write)}, which is ` +
            `[${expected.map(printChange).join(', ')}], but holds [${changes.map(printChange).join(', ')}]`,
        );
      }
      this.#realTime(owner, revision);
    }
    apply(this.#state, changes);
  }

  /** An owner that had returned before an earlier one was called should have come first. */
  #realTime(owner: Attempt, revision: number): void {
    if (owner.returnedAt < this.#latestCall) {
      this.#violation(
        'real time',
        `revision ${revision} (${printWrite(owner.write)}) returned before an earlier one was called`,
      );
    }
    this.#latestCall = Math.max(this.#latestCall, owner.calledAt);
  }

  /** Everything that was answered with this header revision. */
  #answersAt(revision: number): void {
    for (const read of this.#reads.get(revision) ?? []) {
      const expected = read.single ? this.#entry(read.prefix) : this.#entriesUnder(read.prefix);
      this.#sameEntries(`a read of ${read.prefix}${read.single ? '' : '*'} at ${revision}`, read.entries, expected);
    }
    for (const { entries } of this.#snapshots.get(revision) ?? []) {
      this.#sameEntries(`all keys as of ${revision}`, entries, [...this.#state]);
    }
    for (const { write } of this.#idle.get(revision) ?? []) {
      const missed = effects(write, this.#state, revision);
      if (missed.length > 0) {
        this.#violation(
          'no effect',
          `${printWrite(write)} was said to change nothing at ${revision}, but ${missed.map(printChange).join(', ')} was to do`,
        );
      }
    }
  }

  #entry(key: string): (readonly [string, Entry])[] {
    const entry = this.#state.get(key);
    return entry === undefined ? [] : [[key, entry]];
  }

  #entriesUnder(prefix: string): (readonly [string, Entry])[] {
    return [...this.#state].filter(([key]) => key.startsWith(prefix));
  }

  #sameEntries(what: string, got: ReadonlyMap<string, Entry>, expected: readonly (readonly [string, Entry])[]): void {
    const wrong = expected.filter(([key, entry]) => {
      const found = got.get(key);
      return found === undefined || printEntry(found) !== printEntry(entry);
    });
    const known = new Set(expected.map(([key]) => key));
    for (const [key, entry] of wrong) {
      const found = got.get(key);
      this.#violation(
        'read',
        `${what}: ${key} is ${printEntry(entry)}, read ${found === undefined ? 'nothing' : printEntry(found)}`,
      );
    }
    for (const [key, entry] of got) {
      if (!known.has(key)) this.#violation('read', `${what}: ${key} does not exist, read ${printEntry(entry)}`);
    }
  }

  /** What was acknowledged or read at revisions the history does not reach is lost. */
  #beyond(last: number): void {
    for (const { outcome, write } of this.#evidence.attempts) {
      if (outcome.kind === 'acked' && outcome.revision > last) {
        this.#violation(
          'lost',
          `${printWrite(write)} was acknowledged at ${outcome.revision}; the history ends at ${last}`,
        );
      }
    }
    for (const read of [...this.#evidence.reads, ...(this.#evidence.serializable ?? [])]) {
      if (read.revision > last)
        this.#violation('lost', `revision ${read.revision} was read; the history ends at ${last}`);
    }
  }

  /** A read is never older than anything that had been answered before it was called. */
  #realTimeOfReads(): void {
    const answers = [
      ...this.#evidence.attempts.flatMap(({ returnedAt, outcome }) =>
        outcome.kind === 'acked' ? [{ returnedAt, revision: outcome.revision }] : [],
      ),
      ...this.#evidence.reads,
    ].sort((a, b) => a.returnedAt - b.returnedAt);
    const reads = [...this.#evidence.reads].sort((a, b) => a.calledAt - b.calledAt);
    let known = 0;
    let next = 0;
    for (const read of reads) {
      for (
        let answer = answers[next];
        answer !== undefined && answer.returnedAt < read.calledAt;
        answer = answers[++next]
      ) {
        known = Math.max(known, answer.revision);
      }
      if (read.revision < known) {
        this.#violation(
          'stale read',
          `a read of ${read.prefix} saw revision ${read.revision}; ${known} had been answered before it began`,
        );
      }
    }
  }

  #violation(rule: string, text: string): void {
    this.#violations.push({ rule, text });
  }
}

function byRevision<T>(items: readonly T[], revisionOf: (item: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const revision = revisionOf(item);
    const group = groups.get(revision);
    if (group === undefined) groups.set(revision, [item]);
    else group.push(item);
  }
  return groups;
}
