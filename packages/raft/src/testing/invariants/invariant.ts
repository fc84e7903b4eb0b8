import type { Entry, LogIndex, NodeId, Role, Term } from '../../types.js';

/** One member as an invariant looks at it. */
export interface MemberView {
  readonly id: NodeId;
  readonly term: Term;
  readonly vote: NodeId;
  readonly role: Role;
  readonly commit: LogIndex;
  readonly applied: LogIndex;
  readonly durable: LogIndex;
  readonly first: LogIndex;
  readonly last: LogIndex;
  /** Undefined outside of `[first - 1, last]`. */
  termAt(index: LogIndex): Term | undefined;
  /** Entry within `[first, last]`. */
  entry(index: LogIndex): Entry;
  /** Digest of everything applied up to `applied`: equal states have equal digests. */
  readonly digest: number;
}

/**
 * A property that holds at every moment, over all members; it may remember what it saw.
 * `check` throws an AssertionError that says what is broken. Crashed members are not shown.
 */
export interface Invariant {
  readonly name: string;
  check(members: readonly MemberView[]): void;
}
