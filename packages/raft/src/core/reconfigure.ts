import { assert } from '@kontiki/std';
import { RaftError } from '../errors.js';
import type { MembershipChange } from '../membership/change.js';
import { changed } from '../membership/changer.js';
import { type Configuration, isJoint, toConfState } from '../membership/configuration.js';
import { fromConfState } from '../membership/restore.js';
import { type ConfState, NOBODY, type Snapshot } from '../types.js';
import { answerConfirmed } from './read-index.js';
import { appendOwn, markAllDue, maybeCommit } from './replicate.js';
import type { State } from './state.js';
import { handOverWhenRemoved } from './transfer.js';

/**
 * Leader: whether a change may be proposed now. Throws RaftError CHANGE_PENDING while an earlier one may be unapplied
 * (two at once need not have overlapping majorities), INVALID_CHANGE when it could not be made.
 */
export function checkChange(state: State, change: MembershipChange): void {
  if (state.pendingChange > state.log.applied) {
    throw new RaftError('CHANGE_PENDING', `a membership change up to entry ${state.pendingChange} may be unapplied`);
  }
  changed(state.tracker.configuration, change);
}

/**
 * A committed change takes effect. Call before the entry is reported applied.
 * A change that cannot be made has no effect, on every member alike.
 *
 * @returns the configuration now in force, and whether the change made it
 */
export function applyChange(state: State, change: MembershipChange): { confState: ConfState; effective: boolean } {
  let after: Configuration;
  try {
    after = changed(state.tracker.configuration, change);
  } catch (error) {
    if (!(error instanceof RaftError)) throw error;
    return { confState: toConfState(state.tracker.configuration), effective: false };
  }
  state.tracker.configure(after, state.log.last);
  if (state.role === 'leader') leadOn(state);
  return { confState: toConfState(after), effective: true };
}

/** A snapshot was restored: its configuration takes effect. */
export function adoptSnapshot(state: State, { meta }: Snapshot): void {
  assert(state.role !== 'leader', 'a leader restores nothing');
  state.tracker.configure(fromConfState(meta.confState), state.log.last);
}

function leadOn(state: State): void {
  const { voters } = state.tracker.configuration;
  // A smaller quorum may have everything already.
  if (!maybeCommit(state)) markAllDue(state, 'news');
  answerConfirmed(state);
  if (!voters.has(state.transferTarget)) state.transferTarget = NOBODY;
  handOverWhenRemoved(state);
}

/** Leader: leaves a joint configuration on its own once entering it is applied (§6). */
export function leaveJointWhenApplied(state: State): void {
  const { configuration } = state.tracker;
  if (state.role !== 'leader' || !isJoint(configuration) || !configuration.autoLeave) return;
  if (state.log.applied < state.pendingChange) return;
  appendOwn(state, [{ kind: 'changeV2', data: new Uint8Array(0) }]);
  state.pendingChange = state.log.last;
}
