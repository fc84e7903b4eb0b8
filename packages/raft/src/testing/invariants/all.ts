import { CommittedIsFinal } from './committed-is-final.js';
import { CursorsInOrder } from './cursors-in-order.js';
import { ElectionSafety } from './election-safety.js';
import type { Invariant } from './invariant.js';
import { LeaderCompleteness } from './leader-completeness.js';
import { LogMatching } from './log-matching.js';
import { StateMachineSafety } from './state-machine-safety.js';

/** A fresh one of each. */
export function allInvariants(): readonly Invariant[] {
  return [
    new ElectionSafety(),
    new LogMatching(),
    new LeaderCompleteness(),
    new StateMachineSafety(),
    new CommittedIsFinal(),
    new CursorsInOrder(),
  ];
}
