import { RaftError } from '../errors.js';
import { decodeChange } from '../membership/codec.js';
import type { AppendReplyMessage, HeartbeatReplyMessage, Message, ProposedEntry } from '../message.js';
import type { Progress } from '../progress/progress.js';
import { isVoter } from '../quorum/joint.js';
import { NOBODY } from '../types.js';
import { heardRound, requestRead } from './read-index.js';
import { checkChange } from './reconfigure.js';
import { appendOwn, markDue, maybeCommit } from './replicate.js';
import type { State } from './state.js';
import { finishTransfer, transferLeadership } from './transfer.js';

/** Why a leader takes no (more) proposals. */
export type Refusal = 'removed' | 'transferring' | 'full';

/** What a leader does with a message of its own term, or of none. */
export function stepLeader(state: State, message: Message): void {
  switch (message.type) {
    case 'propose':
      takeForwarded(state, message.entries);
      return;
    case 'readIndex':
      requestRead(state, { from: message.from, context: message.context });
      return;
    case 'transferLeader':
      transferLeadership(state, message.from);
      return;
  }
  const progress = state.tracker.progress.get(message.from);
  // Somebody who is no member (any more) says nothing of interest to a leader.
  if (progress === undefined || message.from === state.id) return;
  if (message.type === 'appendReply') appendReply(state, progress, message);
  else if (message.type === 'heartbeatReply') heartbeatReply(state, progress, message);
}

/**
 * Appends proposals to the log, in order, as many as the limit on uncommitted bytes allows.
 *
 * @returns how many were taken, and why not all
 */
export function propose(state: State, proposed: readonly ProposedEntry[]): { accepted: number; refused?: Refusal } {
  if (!isVoter(state.tracker.configuration, state.id)) return { accepted: 0, refused: 'removed' };
  if (state.transferTarget !== NOBODY) return { accepted: 0, refused: 'transferring' };
  let bytes = state.uncommittedBytes;
  let accepted = 0;
  for (; accepted < proposed.length; accepted++) {
    const size = proposed[accepted]!.data.length;
    // One proposal always fits when nothing waits, however large; an empty one always does.
    if (bytes > 0 && size > 0 && bytes + size > state.options.maxUncommittedBytes) break;
    bytes += size;
  }
  if (accepted === proposed.length) {
    if (accepted > 0) appendOwn(state, proposed);
    return { accepted };
  }
  if (accepted > 0) appendOwn(state, proposed.slice(0, accepted));
  return { accepted, refused: 'full' };
}

/** Proposals of a follower's callers; what is refused is dropped, they wait and ask again. */
function takeForwarded(state: State, entries: readonly ProposedEntry[]): void {
  let normal: ProposedEntry[] = [];
  for (const entry of entries) {
    if (entry.kind === 'normal') {
      normal.push(entry);
      continue;
    }
    propose(state, normal);
    normal = [];
    proposeChange(state, entry);
  }
  if (normal.length > 0) propose(state, normal);
}

function proposeChange(state: State, entry: ProposedEntry): void {
  try {
    takeChange(state, entry);
  } catch (error) {
    if (!(error instanceof RaftError)) throw error;
  }
}

/** Appends a membership change. Throws what {@link checkChange} throws, INVALID_CHANGE for bytes that are none. */
export function takeChange(state: State, entry: ProposedEntry): { accepted: number; refused?: Refusal } {
  checkChange(state, decodeChange(entry));
  const result = propose(state, [entry]);
  if (result.accepted === 1) state.pendingChange = state.log.last;
  return result;
}

function appendReply(state: State, progress: Progress, message: AppendReplyMessage): void {
  progress.active = true;
  const { log } = state;
  if (message.index > log.last) {
    throw new RaftError(
      'INVALID_MESSAGE',
      `member ${message.from} acknowledged entry ${message.index}, but the leader's log ends at ${log.last}`,
    );
  }
  if (message.reject) {
    const { hintIndex, hintTerm } = message;
    // Both sides skip whole terms: the follower those above ours at its place, we those above its term there.
    const meet = hintTerm > 0 ? log.meetingPoint(Math.min(hintIndex, log.last), hintTerm).index : hintIndex;
    if (progress.rejected(message.index, meet)) markDue(progress, 'append');
    return;
  }
  const news = progress.accepted(message.index);
  if (!news && !(progress.state === 'probe' && progress.match === message.index)) return;
  if (progress.state === 'replicate') progress.inflights.free(message.index);
  else if (progress.state === 'probe' || progress.match + 1 >= log.first) progress.becomeReplicate();
  if (!maybeCommit(state)) markDue(progress, 'news');
  finishTransfer(state, message.from, progress);
}

function heartbeatReply(state: State, progress: Progress, message: HeartbeatReplyMessage): void {
  progress.active = true;
  progress.probeSent = false;
  if (progress.match < state.log.last || progress.state === 'probe') markDue(progress, 'append');
  heardRound(state, message.from, message.context);
}
