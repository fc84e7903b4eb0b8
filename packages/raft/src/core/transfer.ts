import type { Progress } from '../progress/progress.js';
import { isVoter } from '../quorum/joint.js';
import { NOBODY, type NodeId } from '../types.js';
import { markDue } from './replicate.js';
import type { State } from './state.js';

/** Hands leadership to `target` once its log is complete (dissertation §3.10); takes no proposals until then. */
export function transferLeadership(state: State, target: NodeId): void {
  const progress = state.tracker.progress.get(target);
  if (target === state.id || progress === undefined || progress.learner || target === state.transferTarget) return;
  state.transferTarget = target;
  // It must be done within one election timeout: the tick gives up then.
  state.electionElapsed = 0;
  if (!finishTransfer(state, target, progress)) markDue(progress, 'append');
}

/** The target has everything: it may campaign. */
export function finishTransfer(state: State, id: NodeId, progress: Progress): boolean {
  if (id !== state.transferTarget || progress.match !== state.log.last) return false;
  state.outbox.send({ type: 'timeoutNow', from: state.id, to: id, term: state.term });
  return true;
}

/**
 * A leader that has no vote any more must not lead for long, but it must not just stop either: the others may not know
 * yet that the change is committed, and still need this member's vote, which it has to refuse to shorter logs. So it
 * leads on, counting only others (dissertation §4.2.2), until the most complete voter has taken over.
 */
export function handOverWhenRemoved(state: State): void {
  const { configuration, progress } = state.tracker;
  if (state.role !== 'leader' || state.transferTarget !== NOBODY || isVoter(configuration, state.id)) return;
  let heir = NOBODY;
  for (const id of configuration.voters) {
    const better = heir === NOBODY || progress.get(id)!.match > progress.get(heir)!.match;
    if (better) heir = id;
  }
  transferLeadership(state, heir);
}
