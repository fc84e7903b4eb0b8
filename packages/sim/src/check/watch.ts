/** One change as a watcher sees it. */
export interface WatchEvent {
  readonly revision: number;
  readonly key: string;
  /** Everything else about it, in words: what a watcher got must say the same. */
  readonly text: string;
}

/** Everything that one revision did, in order. */
export interface WatchCommit {
  readonly revision: number;
  readonly events: readonly WatchEvent[];
}

/** A message on a watch; without events it says that nothing up to its header revision is still to come. */
export interface WatchAnswer {
  readonly headerRevision: number;
  readonly events: readonly WatchEvent[];
}

/** One connection of a watcher, from its request until it broke. */
export interface WatchSession {
  /** First revision it asked for. */
  readonly from: number;
  readonly answers: readonly WatchAnswer[];
}

/** What a watcher got over all its lives. */
export interface WatchTrace {
  readonly name: string;
  /** Keys in [start, end); an end of undefined means the one key `start`. */
  readonly start: string;
  readonly end: string | undefined;
  readonly sessions: readonly WatchSession[];
  /** Everything up to this revision must have come. */
  readonly completeTo: number;
}

/** A promise that was broken. */
export interface WatchViolation {
  readonly rule:
    | 'ordered'
    | 'unique'
    | 'complete'
    | 'atomic'
    | 'resumable'
    | 'header'
    | 'bookmark'
    | 'range'
    | 'invented';
  readonly text: string;
}

/**
 * Whether a watcher got every change of its range from its first request on: in order, each once, all of a revision in
 * one answer, nothing else, nothing missing over broken connections, and nothing behind a bookmark that said there was
 * nothing more.
 *
 * @param log  the history as it happened, revisions ascending, reaching from the first session's `from` to `completeTo`
 * @returns what is broken, worst first within a session; empty: all is well
 * @see etcd's API guarantees of watch: ordered, unique, reliable, atomic, resumable, bookmarkable
 */
export function checkWatch(log: readonly WatchCommit[], trace: WatchTrace): readonly WatchViolation[] {
  const violations: WatchViolation[] = [];
  const report = (rule: WatchViolation['rule'], text: string): void => {
    violations.push({ rule, text: `watcher ${trace.name}: ${text}` });
  };
  const commits = new Map(log.map((commit) => [commit.revision, commit]));
  const first = trace.sessions[0];
  if (first === undefined) return violations;
  /** Everything of the range below it has come. */
  let next = first.from;
  const cursor = new Cursor(log, trace);
  cursor.skipTo(next);
  for (const [number, session] of trace.sessions.entries()) {
    if (session.from > next && cursor.owes(session.from)) {
      report('resumable', `connection ${number} asks from ${session.from}, ${next} and later had not come`);
    }
    let last = 0;
    let bookmark = session.from - 1;
    for (const { headerRevision, events } of session.answers) {
      if (events.length === 0) {
        if (cursor.owes(headerRevision + 1)) {
          report('bookmark', `told that nothing up to ${headerRevision} is left, ${cursor.printNext()} had not come`);
        }
        bookmark = Math.max(bookmark, headerRevision);
        continue;
      }
      if (events[0]!.revision === last) report('atomic', `revision ${last} came in two answers`);
      for (const event of events) {
        const { revision, key } = event;
        if (revision > headerRevision) report('header', `revision ${revision} came under header ${headerRevision}`);
        if (revision < last) report('ordered', `revision ${revision} came after ${last}`);
        if (revision <= bookmark) {
          report(
            revision < session.from ? 'resumable' : 'bookmark',
            `revision ${revision} came, where only what is behind ${bookmark} was to come`,
          );
        }
        if (!concerns(trace, key)) report('range', `${key} at ${revision} is not of its range`);
        last = Math.max(last, revision);
      }
      for (const group of byRevision(events)) {
        const revision = group[0]!.revision;
        const owed = (commits.get(revision)?.events ?? []).filter(({ key }) => concerns(trace, key));
        if (revision < next) {
          report('unique', `revision ${revision} came again`);
          continue;
        }
        if (cursor.owes(revision)) report('complete', `${cursor.printNext()} did not come before revision ${revision}`);
        if (!sameEvents(owed, group)) {
          const rule = owed.length === 0 ? 'invented' : group.length < owed.length ? 'atomic' : 'invented';
          report(rule, `revision ${revision} is ${print(owed)}, came as ${print(group)}`);
        }
        next = revision + 1;
        cursor.skipTo(next);
      }
    }
  }
  if (cursor.owes(trace.completeTo + 1)) {
    report('complete', `${cursor.printNext()} never came; the history goes to ${trace.completeTo}`);
  }
  return violations;
}

/** Where in the log a watcher is. */
class Cursor {
  readonly #log: readonly WatchCommit[];
  readonly #trace: WatchTrace;
  #at = 0;

  constructor(log: readonly WatchCommit[], trace: WatchTrace) {
    this.#log = log;
    this.#trace = trace;
    this.#settle();
  }

  /** Everything below `revision` counts as delivered. */
  skipTo(revision: number): void {
    for (; (this.#log[this.#at]?.revision ?? Number.POSITIVE_INFINITY) < revision; this.#at++);
    this.#settle();
  }

  /** Whether an event of the range is due below `revision`. */
  owes(revision: number): boolean {
    const commit = this.#log[this.#at];
    return commit !== undefined && commit.revision < revision;
  }

  printNext(): string {
    const commit = this.#log[this.#at];
    return commit === undefined ? 'nothing' : `revision ${commit.revision} ${print(this.#mine(commit))}`;
  }

  /** To the next commit that concerns the range. */
  #settle(): void {
    for (let commit = this.#log[this.#at]; commit !== undefined; commit = this.#log[++this.#at]) {
      if (commit.events.some(({ key }) => concerns(this.#trace, key))) return;
    }
  }

  #mine(commit: WatchCommit): readonly WatchEvent[] {
    return commit.events.filter(({ key }) => concerns(this.#trace, key));
  }
}

function concerns({ start, end }: WatchTrace, key: string): boolean {
  return end === undefined ? key === start : key >= start && key < end;
}

function byRevision(events: readonly WatchEvent[]): WatchEvent[][] {
  const groups: WatchEvent[][] = [];
  for (const event of events) {
    const last = groups.at(-1);
    if (last?.[0]?.revision === event.revision) last.push(event);
    else groups.push([event]);
  }
  return groups;
}

function sameEvents(a: readonly WatchEvent[], b: readonly WatchEvent[]): boolean {
  return a.length === b.length && a.every((event, i) => event.key === b[i]!.key && event.text === b[i]!.text);
}

function print(events: readonly WatchEvent[]): string {
  return `[${events.map(({ key, text }) => `${key} ${text}`).join(', ')}]`;
}
