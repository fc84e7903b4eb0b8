import { type Answer, type Mismatch, mismatches, type Tree } from './answer.js';
import { type Exception, exceptions } from './exceptions.js';
import type { Operation, Revision } from './operation.js';

/** Something the two servers do not agree on, or that one of them must not do at all. */
export interface Difference {
  /** Index of the operation; absent: found at the end of the run. */
  readonly step?: number;
  readonly what: string;
  readonly mismatches: readonly Mismatch[];
  readonly left?: Tree | undefined;
  readonly right?: Tree | undefined;
}

/** How often each exception was needed. */
export type Uses = Map<string, number>;

/** How often each kind of operation came to what: shows what the histories reach at all. */
export type Outcomes = Map<string, number>;

/**
 * What is left of the difference between two answers when everything excusable is excused.
 * @param uses counts the exceptions that were needed
 */
export function compareAnswers(
  operation: Operation,
  left: Answer,
  right: Answer,
  uses: Uses,
  resolve: (revision: Revision) => bigint,
  rules: readonly Exception[] = exceptions,
): readonly Mismatch[] {
  let [a, b] = [left, right];
  for (const rule of rules) {
    if (answerMismatches(a, b).length === 0) return [];
    const excused = rule.excuse({ operation, left: a, right: b, resolve });
    // An exception that changes nothing was not needed.
    if (excused === undefined || answerMismatches(excused.left, excused.right).length >= answerMismatches(a, b).length)
      continue;
    [a, b] = [excused.left, excused.right];
    uses.set(rule.name, (uses.get(rule.name) ?? 0) + 1);
  }
  return answerMismatches(a, b);
}

function answerMismatches(left: Answer, right: Answer): readonly Mismatch[] {
  return mismatches(treeOf(left), treeOf(right));
}

/** An answer as one tree, for comparing and for printing. */
export function treeOf(answer: Answer): Tree {
  return {
    status: answer.status,
    ...(answer.details === '' ? {} : { details: answer.details }),
    ...(answer.message === undefined ? {} : { message: answer.message }),
  };
}
