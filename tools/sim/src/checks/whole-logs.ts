import type { Entry, RaftStatus } from '@kontiki/raft';
import { allInvariants, CursorsInOrder, type Invariant, type MemberView } from '@kontiki/raft/testing';
import type { LogMirror } from '../log-mirror.js';

/** A running member, as the invariants of `@kontiki/raft/testing` are shown it. */
export interface Observed {
  readonly status: RaftStatus;
  readonly mirror: LogMirror;
  readonly digest: number;
}

/**
 * The invariants of `@kontiki/raft/testing`, which compare whole logs: a second opinion beside what the other checks
 * learn step by step. Logs are shown as they were handed to the disks.
 */
export class WholeLogs {
  readonly #overLogs: readonly Invariant[] = allInvariants().filter((each) => !(each instanceof CursorsInOrder));
  readonly #overCursors: Invariant = new CursorsInOrder();

  /** Must be shown everybody who runs, also right after somebody stopped. Throws AssertionError. */
  check(observed: readonly Observed[]): void {
    this.#overCursors.check(observed.map(viewOfCursors));
    const views = observed.map(viewOfLog);
    for (const invariant of this.#overLogs) invariant.check(views);
  }
}

function viewOfCursors({ status, mirror, digest }: Observed): MemberView {
  return {
    ...status,
    digest,
    termAt: (index) => mirror.written.termAt(index),
    entry: (index) => entryOf(mirror, index),
  };
}

function viewOfLog(observed: Observed): MemberView {
  const { written } = observed.mirror;
  // What the node knows and has not handed out yet cannot be shown; what is applied is.
  const commit = observed.status.applied;
  return { ...viewOfCursors(observed), first: written.base.index + 1, last: written.last, commit };
}

function entryOf({ written }: LogMirror, index: number): Entry {
  return written.entry(index)!;
}
