import { NOBODY } from '../types.js';
import { campaign } from './campaign.js';
import { roundContext } from './pending-reads.js';
import { sendHeartbeats } from './replicate.js';
import { becomeFollower } from './roles.js';
import type { State } from './state.js';
import { handOverWhenRemoved } from './transfer.js';

/** Time passes by one tick. */
export function tick(state: State): void {
  state.electionElapsed++;
  if (state.role === 'leader') tickLeader(state);
  else if (state.electionElapsed >= state.electionTimeout && state.promotable) {
    state.electionElapsed = 0;
    // Whoever tied with another this time should not tie again (§5.2).
    state.drawElectionTimeout();
    campaign(state, 'timeout');
  }
}

function tickLeader(state: State): void {
  if (state.electionElapsed >= state.options.electionTicks) {
    state.electionElapsed = 0;
    if (state.options.checkQuorum && !state.tracker.takeQuorumActive(state.id)) {
      // Others may have a newer leader; this one must not go on answering (dissertation §6.2).
      becomeFollower(state, state.term, NOBODY);
      return;
    }
    // The target did not take over in time: serve on (dissertation §3.10).
    state.transferTarget = NOBODY;
    handOverWhenRemoved(state);
  }
  if (++state.heartbeatElapsed >= state.options.heartbeatTicks) {
    state.heartbeatElapsed = 0;
    sendHeartbeats(state, roundContext(state.reads.open));
  }
}
